"""The command as users run it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.state import StateDir
from tests.cli.conftest import Run
from tests.peers import NOBODY


def findings(run: Run, *arguments: str, **variables: str | None) -> tuple[int, dict[str, dict[str, Any]]]:
    done = run("doctor", "--json", *arguments, **variables)
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told["ok"] == (done.returncode == 0)
    found: dict[str, dict[str, Any]] = {}
    for finding in told["findings"]:
        found.setdefault(finding["name"], finding)
        if finding["result"] == "failed":
            found[finding["name"]] = finding
    return done.returncode, found


def test_every_area_is_looked_at(run: Run) -> None:
    code, found = findings(run)
    assert code == 1  # no sound cards
    assert list(found) == [
        *("settings", "key", "tokens", "state", "space", "daemon", "service", "cards", "microphone", "speaker"),
        *("button", "lights", "sounds", "dns", "clock", "tls", "clone", "conversation", "upload"),
    ]
    failed = {name for name, finding in found.items() if finding["result"] == "failed"}
    assert failed == {"cards", "microphone", "speaker"}


def test_three_things_broken_are_three_lines(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    code, found = findings(run, CLONESPEAKER_API_KEY="dsk-wrong")
    assert code == 1
    assert "can't be written" in found["state"]["words"]
    assert "plug one in" in found["microphone"]["words"]
    assert (found["key"]["result"], "refused the API key (401)" in found["key"]["words"]) == ("failed", True)
    assert found["dns"]["result"] == "ok"
    assert "conversation" not in found
    for name in ("state", "key"):
        assert found[name]["remedy"]


def test_words_for_people(run: Run) -> None:
    done = run("doctor", CLONESPEAKER_CLONE__BASE_URL=f"https://{NOBODY}")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert re.match(r"ok       settings: no file", lines[0])
    dns = next(at for at, line in enumerate(lines) if line.startswith(f"failed   dns: {NOBODY} is not found"))
    assert lines[dns + 1].startswith("         → is there a network")
    # What lies behind is not tried, and that is said once.
    assert not [line for line in lines if re.match(r"\w+ +(connection|tls|clock|clone|conversation):", line)]


def test_bad_settings_leave_the_machine_to_be_looked_at(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("speaker: {volume: 400}\nclone: {slag: x}\n")
    code, found = findings(run, "--config", "bad.yaml")
    assert code == 1
    assert found["settings"]["result"] == "failed"
    assert "service" in found


def test_no_key(run: Run, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    code, found = findings(run, CLONESPEAKER_API_KEY=None, CLONESPEAKER_CLONE__API_KEY_FILE=missing)
    assert code == 1
    assert found["key"]["result"] == "failed"
    assert found["tls"]["result"] == "ok"  # that takes no key
    assert "clone" not in found
    assert found["upload"]["result"] == "ok"


def test_an_upload_is_measured_where_asked_for_and_remembered(run: Run, clone: SimulatedClone, tmp_path: Path) -> None:
    clone.fault = "refuse-live"
    _, found = findings(run)
    assert "clonespeaker doctor --upload" in found["upload"]["words"]
    assert clone.received == []
    _, found = findings(run, "--upload")
    assert "does not take a question while it is spoken" in found["upload"]["words"]
    assert "Mbit/s" in found["uplink"]["words"]
    _, found = findings(run)
    assert found["upload"]["result"] == "warning"
    assert re.search(r"on \d{4}-\d\d-\d\d this server refused", found["upload"]["words"])
    assert StateDir(tmp_path / "state").load().conversation is None


def test_what_can_not_be_asked_is_not_measured(run: Run) -> None:
    _, found = findings(run, "--upload", CLONESPEAKER_API_KEY="dsk-wrong")
    assert found["upload"]["words"] == "not measured, for the clone can't be asked"
    assert "uplink" not in found


def test_beside_a_daemon(run: Run, environment: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        variables = {"CLONESPEAKER_STATUS__PORT": str(free.getsockname()[1])}
    with subprocess.Popen(
        [sys.executable, "-m", "clonespeaker", "run"], env=environment | variables, stderr=subprocess.PIPE, text=True
    ) as daemon:
        try:
            assert daemon.stderr is not None
            while "ready" not in daemon.stderr.readline():
                assert daemon.poll() is None
            _, found = findings(run, **variables)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.communicate(timeout=60)
    assert found["daemon"]["result"] == "warning"
    assert "runs, with faults: no-" in found["daemon"]["words"]
    assert found["microphone"]["words"].startswith("the daemon can't use it: no microphone found")


@pytest.mark.parametrize("arguments", [("--press", "soon"), ("--press", "0"), ("--sing",)], ids=" ".join)
def test_wrong_arguments(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("doctor", *arguments).returncode == 2
