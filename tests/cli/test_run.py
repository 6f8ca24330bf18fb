from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from clonespeaker.simulate.server import SimulatedClone
from tests.cli.conftest import Run


class Daemon:
    """A daemon as a process of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "clonespeaker", "run"], env=environment, stderr=subprocess.PIPE, text=True
        )
        self.log = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        assert self.process.stderr is not None
        while (line := self.process.stderr.readline()) != "":
            self.log += line
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"it ended without saying {pattern!r}:\n{self.log}")

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        assert self.process.stderr is not None
        self.log += self.process.stderr.read()
        self.process.stderr.close()
        return self.process.wait(10)


@pytest.fixture
def daemon(environment: dict[str, str]) -> Iterator[Daemon]:
    started = Daemon(environment)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.end(signal.SIGKILL)
        elif started.process.stderr is not None:
            started.process.stderr.close()


def url_of(daemon: Daemon) -> str:
    return daemon.wait_for(r"status at (ws://\S+)")[1]


def test_a_daemon_is_followed_and_controlled(daemon: Daemon, run: Run) -> None:
    url = url_of(daemon)
    daemon.wait_for("conversation: .* begins")
    assert "no microphone found" in daemon.log  # this machine has none: told, and gone on

    said = run("say", "Good morning", "--url", url)
    # Nobody hears it without a speaker; the text comes all the same, and the fault is told.
    assert "Good morning" in said.stdout
    assert (said.returncode, "no speaker" in said.stderr) == (1, True)

    assert run("volume", "35", "--url", url).returncode == 0
    snapshot = json.loads(run("status", "--json", "--url", url).stdout)
    assert (snapshot["volume"], snapshot["state"], snapshot["protocol"]) == (35, "idle", 1)
    assert set(snapshot["faults"]) == {"no-microphone", "no-speaker"}

    refused = run("talk", "--for", "1s", "--url", url)
    assert refused.returncode == 1
    assert "no microphone" in refused.stderr
    assert "Good morning" in run("history", "--url", url).stdout

    health = url.replace("ws://", "http://") + "healthz"
    with pytest.raises(urllib.error.HTTPError) as unwell:
        urllib.request.urlopen(health, timeout=5)
    assert json.load(unwell.value)["faults"]
    unwell.value.close()
    assert daemon.end() == 0
    assert "Traceback" not in daemon.log
    assert "dsk-simulated" not in daemon.log


def test_the_conversation_outlives_a_kill(daemon: Daemon, environment: dict[str, str], clone: SimulatedClone) -> None:
    began = daemon.wait_for(r"conversation: (\S+) begins")[1]
    saved = Path(environment["CLONESPEAKER_STATE_DIR"]) / "state.json"
    while not saved.exists():  # written in a thread, right after
        os.sched_yield()
    daemon.end(signal.SIGKILL)
    again = Daemon(environment)
    try:
        assert again.wait_for(r"conversation: (\S+) goes on")[1] == began
    finally:
        again.end()


def test_a_second_daemon_says_so_and_exits(daemon: Daemon, run: Run, tmp_path: Path) -> None:
    port = url_of(daemon).rstrip("/").rpartition(":")[2]
    same_state = run("run")
    assert same_state.returncode == 1
    assert "another clonespeaker runs" in same_state.stderr
    same_port = run("run", CLONESPEAKER_STATE_DIR=str(tmp_path / "other"), CLONESPEAKER_STATUS__PORT=port)
    assert same_port.returncode == 1
    assert f"port {port}" in same_port.stderr
    assert "Traceback" not in same_state.stderr + same_port.stderr


@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        ({"CLONESPEAKER_API_KEY": None}, 78, "key"),
        ({"CLONESPEAKER_CLONE__SLUG": None}, 78, "clone.slug"),
        ({"CLONESPEAKER_STATE_DIR": "/proc/nowhere"}, 1, "set state_dir"),
        ({"CLONESPEAKER_BUTTON__SOURCE": "gpio"}, 1, "GPIO"),
        ({"CLONESPEAKER_BUTTON__SOURCE": "keyboard"}, 1, "terminal"),
    ],
    ids=["no key", "no slug", "no state directory", "no gpio", "no terminal"],
)
def test_what_keeps_it_from_running(run: Run, variables: dict[str, str | None], code: int, words: str) -> None:
    done = run("run", **variables)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
