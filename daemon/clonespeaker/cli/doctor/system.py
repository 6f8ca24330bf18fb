"""The machine: the service, its sandbox, free space, and a Pi's own troubles."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from clonespeaker.cli.doctor.finding import Finding, of_this_machine, run
from clonespeaker.config.settings import Settings

UNIT = "clonespeaker.service"

_UNIT_FILES = [
    Path(folder) / UNIT for folder in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
]
_EXPOSED = 2.5  # of 10; the shipped unit has less than 2
_MANY_RESTARTS = 5
_SPACE_WANTED_BYTES, _SPACE_NEEDED_BYTES = 200_000_000, 5_000_000

# What an exit code of the service means, where it is left at rest; systemd/README.md has them all.
_REMEDIES = {
    "2": "wrong arguments: mend ExecStart= (sudo systemctl edit clonespeaker)",
    "77": "refused: see the lines on key and clone",
    "78": "bad settings, or no key: clonespeaker config check, then start it",
    "203": "the program is not where the unit looks for it: install it again",
    "216": "a group is missing: sudo groupadd -r -f gpio",
    "243": "no /etc/clonespeaker/api-key: write the key there, then sudo systemctl start clonespeaker",
}
_JOURNAL = f"journalctl -u {UNIT.removesuffix('.service')} -n 30 tells more"

_PI_MODEL = Path("/proc/device-tree/model")
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
# The firmware's bits; the same 16 higher: it has happened since the boot.
_TROUBLES = ("under-voltage", "processor slowed down (frequency capped)", "throttled", "near the temperature limit")


def check_service() -> Iterator[Finding]:
    """What systemd says of the unit, the system's or else the session's, and how much it leaves open. Blocks."""
    system = _states()
    if system is None or system.get("LoadState") != "loaded":
        session = _states("--user")
        if session is not None and session.get("LoadState") == "loaded":
            yield _service(session, "systemctl --user")
            return
    if system is None:
        yield Finding("service", "ok", "systemd does not run here: nothing to say about a service")
        yield from _exposure(next(filter(Path.exists, _UNIT_FILES), None), online=False)
        return
    yield _service(system, "sudo systemctl")
    if system.get("LoadState") == "loaded":
        yield from _exposure(Path(system.get("FragmentPath") or _UNIT_FILES[0]), online=True)


def _states(*scope: str) -> dict[str, str] | None:
    wanted = "LoadState,ActiveState,SubState,UnitFileState,Result,ExecMainStatus,NRestarts,FragmentPath"
    shown = run(["systemctl", *scope, "show", UNIT, f"--property={wanted}"])
    if shown is None or shown[0] != 0:
        return None
    return dict(line.split("=", 1) for line in shown[1].splitlines() if "=" in line)


def _service(is_: dict[str, str], systemctl: str) -> Finding:
    state, restarts = is_.get("ActiveState", "unknown"), int(is_.get("NRestarts") or 0)
    words = f"{state} ({is_.get('SubState', '?')}), {is_.get('UnitFileState') or 'no unit file'} at boot"
    if "--user" in systemctl:
        words += ", in this user's session"
    if restarts:
        words += f", restarted {restarts} time(s) by itself since it was started"
    if is_.get("LoadState") != "loaded":
        words = f"not installed ({is_.get('LoadState', '?')})"
        return Finding("service", "warning", words, "systemd/README.md says how, if it is to be one")
    code = is_.get("ExecMainStatus", "0")
    if state == "failed" or is_.get("SubState") == "auto-restart":
        words = f"{words}; it ended with {is_.get('Result')}, exit code {code}"
        return Finding("service", "failed", words, _REMEDIES.get(code, _JOURNAL))
    if restarts >= _MANY_RESTARTS:
        return Finding("service", "warning", words, _JOURNAL)
    if is_.get("UnitFileState") not in ("enabled", "enabled-runtime", "static", "linked"):
        return Finding("service", "warning", words, f"{systemctl} enable clonespeaker, to have it at boot")
    if state not in ("active", "activating", "reloading"):
        return Finding("service", "warning", words, f"{systemctl} start clonespeaker")
    return Finding("service", "ok", words)


def _exposure(unit: Path | None, *, online: bool) -> Iterator[Finding]:
    """The score of `systemd-analyze security`: of the unit as it is in force, else of its file."""
    if unit is None:
        return
    answers = [run(["systemd-analyze", "security", "--no-pager", UNIT])] if online else []
    answers.append(run(["systemd-analyze", "security", "--no-pager", "--offline=true", str(unit)]))
    for answer in answers:
        level = re.search(r"exposure level for \S+: ([\d.]+)", answer[1]) if answer else None
        if level is None:
            continue
        words = f"exposure {level[1]} of 10 (lower is better)"
        if float(level[1]) > _EXPOSED:
            remedy = "systemctl cat clonespeaker: what was loosened? systemd-analyze security clonespeaker lists it"
            yield Finding("sandbox", "warning", words, remedy)
        else:
            yield Finding("sandbox", "ok", words)
        return


def check_space(settings: Settings) -> Finding:
    """Room where the state is kept. Blocks."""
    path = Path(settings.state_dir)
    while not os.path.exists(path):
        path = path.parent
    free = shutil.disk_usage(path).free
    words = f"{free / 1_000_000:,.0f} MB free where {settings.state_dir} is"
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return Finding("space", "warning", f"{words}, but it is read-only", "what is saved there is lost at a restart")
    if free < _SPACE_NEEDED_BYTES:
        return Finding("space", "failed", words, "make room: sudo journalctl --vacuum-size=50M, sudo apt clean")
    if free < _SPACE_WANTED_BYTES:
        return Finding("space", "warning", words, "make room before it is full: sudo apt clean")
    return Finding("space", "ok", words)


def pi_model(path: Path = _PI_MODEL) -> str | None:
    """Which Raspberry Pi this is; None: none."""
    model = of_this_machine(path)
    return model if model is not None and model.startswith("Raspberry Pi") else None


def check_pi(model_file: Path = _PI_MODEL, throttled_file: Path = _THROTTLED) -> Iterator[Finding]:
    """Power and heat, as the firmware of a Pi tells them; nothing elsewhere. Blocks."""
    if pi_model(model_file) is None:
        return
    told = of_this_machine(throttled_file)
    if told is None:
        answer = run(["vcgencmd", "get_throttled"])
        told = answer[1] if answer and answer[0] == 0 else ""
    value = re.search(r"(?:0x)?([0-9a-fA-F]+)\s*\Z", told.rpartition("=")[2])
    if value is None:
        yield Finding(
            "power", "warning", "can't be read", "sudo apt install raspi-utils, and be in the group video; or sudo"
        )
        return
    yield _power(int(value[1], 16))


def _power(bits: int) -> Finding:
    now = [words for at, words in enumerate(_TROUBLES) if bits >> at & 1]
    before = [words for at, words in enumerate(_TROUBLES) if bits >> (at + 16) & 1 and words not in now]
    words = "; ".join(
        f"{when}: {', '.join(what)}" for when, what in (("now", now), ("since the boot", before)) if what
    ) or "no under-voltage and no throttling since the boot"  # fmt: skip
    words += f" (0x{bits:x})"
    if any(_TROUBLES[0] in what for what in (now, before)):
        remedy = "another supply and cable: 5 V that stay 5 V (Pi 5: 5 A, Pi 4: 3 A); a powered hub for hungry speakers"
        return Finding("power", "failed" if _TROUBLES[0] in now else "warning", words, remedy)
    if now or before:
        return Finding("power", "warning", words, "a heat sink or a fan, and air around it")
    return Finding("power", "ok", words)
