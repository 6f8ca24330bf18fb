"""The machine, told by stand-ins for systemd's programs, which answer in the form that systemd 252 does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clonespeaker.cli.doctor.system import check_pi, check_service, check_space, pi_model
from clonespeaker.config.settings import Settings

RUNNING = """\
Type=notify
Result=success
NRestarts=0
ExecMainStatus=0
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/etc/systemd/system/clonespeaker.service
UnitFileState=enabled
"""
UNKNOWN = """\
Result=success
NRestarts=0
ExecMainStatus=0
LoadState=not-found
ActiveState=inactive
SubState=dead
FragmentPath=
UnitFileState=
"""
NO_SYSTEMD = """\
System has not been booted with systemd as init system (PID 1). Can't operate.
Failed to connect to bus: Host is down
"""
EXPOSURE = "→ Overall exposure level for clonespeaker.service: {} OK 🙂\n"
STATES = ("Result", "NRestarts", "ExecMainStatus", "ActiveState", "SubState", "UnitFileState")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(programs: Path, name: str, says: str, code: int = 0) -> None:
    (programs / f"{name}.txt").write_text(says)
    (programs / name).write_text(
        f'#!/bin/sh\nwhile read -r line; do echo "$line"; done < {programs}/{name}.txt\nexit {code}\n'
    )
    (programs / name).chmod(0o755)


def changed(**states: str) -> str:
    lines = [line for line in RUNNING.splitlines() if line.partition("=")[0] not in states]
    return "\n".join([*lines, *(f"{name}={value}" for name, value in states.items())]) + "\n"


def test_no_systemd(programs: Path) -> None:
    nothing = ("ok", "systemd does not run here: nothing to say about a service")
    finding = next(check_service())
    assert (finding.result, finding.words) == nothing
    put(programs, "systemctl", NO_SYSTEMD, 1)
    finding = next(check_service())
    assert (finding.result, finding.words) == nothing


def test_a_service_that_runs(programs: Path) -> None:
    put(programs, "systemctl", RUNNING)
    put(programs, "systemd-analyze", "✓ PrivateNetwork=  …\n\n" + EXPOSURE.format("1.8"))
    service, sandbox = check_service()
    assert (service.result, service.words) == ("ok", "active (running), enabled at boot")
    assert (sandbox.result, sandbox.words) == ("ok", "exposure 1.8 of 10 (lower is better)")
    put(programs, "systemd-analyze", EXPOSURE.format("7.5"))
    assert [finding.result for finding in check_service()] == ["ok", "warning"]
    put(programs, "systemd-analyze", "Unknown command verb security.", 1)  # an old systemd
    assert len(list(check_service())) == 1


@pytest.mark.parametrize(
    ("states", "result", "says"),
    [
        ({"UnitFileState": "disabled"}, "warning", "systemctl enable"),
        ({"ActiveState": "inactive", "SubState": "dead"}, "warning", "systemctl start"),
        ({"NRestarts": "3"}, "ok", "restarted 3 time(s)"),
        ({"NRestarts": "30"}, "warning", "journalctl -u clonespeaker"),
        (
            {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainStatus": "78"},
            "failed",
            "clonespeaker config check",
        ),
        ({"ActiveState": "failed", "ExecMainStatus": "243"}, "failed", "no /etc/clonespeaker/api-key"),
        ({"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1"}, "failed", "journalctl"),
    ],
    ids=["disabled", "stopped", "some restarts", "many restarts", "settings", "no key", "again and again"],
)
def test_a_service_in_trouble(programs: Path, states: dict[str, str], result: str, says: str) -> None:
    assert set(states) <= set(STATES)
    put(programs, "systemctl", changed(**states))
    (service,) = check_service()
    assert service.result == result
    assert says in f"{service.words} {service.remedy}"


def test_a_service_that_is_not_installed(programs: Path) -> None:
    put(programs, "systemctl", UNKNOWN)
    (service,) = check_service()
    assert (service.result, service.words) == ("warning", "not installed (not-found)")


def test_a_service_of_a_session(programs: Path) -> None:
    put(programs, "system", UNKNOWN)
    put(programs, "session", changed(UnitFileState="disabled"))
    script = f'#!/bin/sh\n[ "$1" = --user ] && exec {programs}/session\nexec {programs}/system\n'
    (programs / "systemctl").write_text(script)
    (programs / "systemctl").chmod(0o755)
    (service,) = check_service()
    assert service.words == "active (running), disabled at boot, in this user's session"
    assert service.remedy == "systemctl --user enable clonespeaker, to have it at boot"


@pytest.mark.parametrize(
    ("told", "result", "words"),
    [
        ("0", "ok", "no under-voltage and no throttling since the boot (0x0)"),
        ("50005\n", "failed", "now: under-voltage, throttled (0x50005)"),
        ("50000\n", "warning", "since the boot: under-voltage, throttled (0x50000)"),
        ("80008", "warning", "now: near the temperature limit (0x80008)"),
        ("20002", "warning", "now: processor slowed down (frequency capped) (0x20002)"),
        ("d0008", "warning", "now: near the temperature limit; since the boot: under-voltage, throttled (0xd0008)"),
        ("", "warning", "can't be read"),
        ("nonsense!", "warning", "can't be read"),
    ],
)
def test_a_pi_s_power(tmp_path: Path, told: str, result: str, words: str) -> None:
    model, throttled = tmp_path / "model", tmp_path / "get_throttled"
    model.write_bytes(b"Raspberry Pi Zero 2 W Rev 1.0\0")
    throttled.write_text(told)
    (finding,) = check_pi(model, throttled)
    assert (finding.result, finding.words) == (result, words)
    assert bool(finding.remedy) == (result != "ok")


def test_a_pi_that_tells_it_by_a_program(tmp_path: Path, programs: Path) -> None:
    model = tmp_path / "model"
    model.write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    put(programs, "vcgencmd", "throttled=0x10000\n")
    (finding,) = check_pi(model, tmp_path / "nowhere")
    assert finding.words == "since the boot: under-voltage (0x10000)"
    put(programs, "vcgencmd", "Can't open device file: /dev/vcio\n", 1)
    (finding,) = check_pi(model, tmp_path / "nowhere")
    assert finding.result == "warning"
    assert "group video" in finding.remedy
    assert pi_model(model) == "Raspberry Pi 5 Model B Rev 1.0"


def test_what_is_no_pi_has_no_power_to_tell(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("ROCK Pi 4\0")
    for model in (tmp_path / "model", tmp_path / "nowhere"):
        assert list(check_pi(model, tmp_path / "nowhere")) == []


def test_free_space(tmp_path: Path) -> None:
    finding = check_space(Settings(state_dir=str(tmp_path / "not" / "yet")))
    assert finding.name == "space"
    free_mb = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize / 1e6
    if free_mb > 1_000:
        assert finding.result == "ok"
    assert "MB free where" in finding.words
    assert check_space(Settings(state_dir="/proc/self/x")).result == "failed"  # no room at all
