from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.status.client import connect
from tests.cli.conftest import Run


class Daemon:
    """A daemon as a process of its own."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", "clonespeaker", "run", *arguments]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
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
        return self.process.wait(60)


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons; none outlives the test."""
    started: list[Daemon] = []

    def start(*arguments: str, **variables: str) -> Daemon:
        started.append(Daemon(environment | variables, *arguments))
        return started[-1]

    yield start
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.end(signal.SIGKILL)
        elif daemon.process.stderr is not None:
            daemon.process.stderr.close()


@pytest.fixture
def daemon(start: Callable[..., Daemon]) -> Daemon:
    return start()


def url_of(daemon: Daemon) -> str:
    return daemon.wait_for(r"status at (ws://\S+)")[1]


@pytest.mark.parametrize("command", [("run",), ("config", "check")])
def test_a_key_that_there_is_not_is_a_mistake_in_the_settings(run: Run, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "config.yaml").write_text("clone: {slug: my-clone}\nkeys: [{key: KEY_PAGEDOWM, press: mute}]\n")
    done = run(*command, "--config", "config.yaml")
    assert done.returncode == 78
    assert "config.yaml:2: keys: there is no key KEY_PAGEDOWM; did you mean KEY_PAGEDOWN?" in done.stderr


def test_a_daemon_is_followed_and_controlled(daemon: Daemon, run: Run) -> None:
    url = url_of(daemon)
    assert f"(screen: {url.replace('ws', 'http', 1)})" in daemon.log
    daemon.wait_for("conversation: .* begins")
    assert "no microphone found" in daemon.log  # this machine has none: told, and gone on

    said = run("say", "Good morning", "--url", url)
    # Nobody hears it without a speaker; the text comes all the same, and the fault is told.
    assert "Good morning" in said.stdout
    assert (said.returncode, "no speaker" in said.stderr) == (1, True)

    assert run("volume", "35", "--url", url).returncode == 0
    snapshot = json.loads(run("status", "--json", "--url", url).stdout)
    assert (snapshot["volume"], snapshot["state"], snapshot["protocol"]) == (35, "idle", 1)
    assert run("volume", "-2", "--url", url).returncode == 0
    assert json.loads(run("status", "--json", "--url", url).stdout)["volume"] == 25
    assert set(snapshot["faults"]) == {"no-microphone", "no-speaker"}

    refused = run("talk", "--for", "1s", "--url", url)
    assert refused.returncode == 1
    assert "no microphone" in refused.stderr
    assert "Good morning" in run("history", "--url", url).stdout

    health = url.replace("ws://", "http://") + "healthz"
    with pytest.raises(urllib.error.HTTPError) as unwell:
        urllib.request.urlopen(health, timeout=30)
    assert json.load(unwell.value)["faults"]
    unwell.value.close()
    assert daemon.end() == 0
    assert "Traceback" not in daemon.log
    assert "dsk-simulated" not in daemon.log


@pytest.mark.parametrize("moment", ["idle", "starting", "thinking", "speaking"])
def test_killed_at_any_moment_it_goes_on_with_its_conversation(
    start: Callable[..., Daemon], clone: SimulatedClone, moment: str
) -> None:
    first = start()
    began = first.wait_for(r"conversation: (\S+) begins")[1]
    first.end()  # so that it is on the disk
    second = start(CLONESPEAKER_CLONE__REPLY="text")
    if moment != "starting":
        url = url_of(second)
    if moment == "thinking":
        clone.think_s = 60.0
        asyncio.run(say(url, "Hello", until="thinking"))
    elif moment == "speaking":
        clone.reply_text, clone.pace = "a " * 99, 1.0
        asyncio.run(say(url, "Hello", until="caption"))
    second.end(signal.SIGKILL)
    clone.think_s, clone.reply_text, clone.pace = 0.0, None, None
    third = start(CLONESPEAKER_CLONE__REPLY="text")
    url = url_of(third)
    assert third.wait_for(r"conversation: (\S+) goes on")[1] == began
    asyncio.run(say(url, "Are you there?", until="turn"))
    assert third.end() == 0
    assert "turn 1 answered" in third.log


def test_settings_are_read_again(start: Callable[..., Daemon], tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("speaker: {volume: 35}\n")
    daemon = start("--config", str(config))
    url_of(daemon)
    config.write_text("speaker: {volume: 36, device: another}\n")
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.wait_for(r"changed: (.*)")[1] == "speaker.volume"
    assert daemon.wait_for(r"need a restart .*: (.*)")[1] == "speaker.device"
    config.write_text("speaker: {volume: 1000}\n")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("the old ones stay in force")
    daemon.wait_for(r"config.yaml:1.*speaker\.volume")
    assert daemon.end() == 0


async def say(url: str, text: str, *, until: str) -> None:
    """Say it, and wait for a state or an event."""
    async with connect(url) as daemon:
        await daemon.command("say", text=text)
        async for event in daemon.events():
            if until in (event["event"], event.get("state")) and event.get("who") != "user":
                return


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


def test_a_crowd_leaves_descriptors_for_the_clone(daemon: Daemon, run: Run) -> None:
    url = url_of(daemon)
    daemon.wait_for("conversation: .* begins")
    port = int(url.rstrip("/").rpartition(":")[2])
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (512, 512))  # half of the usual
    with contextlib.ExitStack() as crowd:
        for _ in range(600):
            crowd.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", port))))
        said = run("say", "Is anybody there?", "--url", url)
        assert "Is anybody there?" in said.stdout, said.stderr
        assert len(os.listdir(f"/proc/{daemon.process.pid}/fd")) < 400
    assert daemon.end() == 0
    assert "Too many open files" not in daemon.log


def test_who_has_the_token_for_reading_alone_follows_and_does_not_control(
    environment: dict[str, str], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("open-sesame")
    (tmp_path / "read-token").write_text("look-sesame")
    files = {
        "CLONESPEAKER_STATUS__TOKEN_FILE": str(tmp_path / "token"),
        "CLONESPEAKER_STATUS__READ_TOKEN_FILE": str(tmp_path / "read-token"),
    }
    started = Daemon(environment | files)
    try:
        url = url_of(started)
        assert run("volume", "35", "--url", url, **files).returncode == 0
        (tmp_path / "token").unlink()  # as good as one that this user may not read
        assert json.loads(run("status", "--json", "--url", url, **files).stdout)["volume"] == 35
        assert run("history", "--url", url, **files).returncode == 0
        for command in (("volume", "20"), ("say", "hi"), ("press",)):
            done = run(*command, "--url", url, **files)
            assert (done.returncode, "status.token_file: " in done.stderr) == (78, True)
        # Whoever passes the other token off as the one for control is refused by the daemon.
        (tmp_path / "token").write_text("look-sesame")
        done = run("volume", "20", "--url", url, **files)
        assert (done.returncode, "commands need the one of `status.token_file`" in done.stderr) == (1, True)
        refused = run("status", "--url", url)
        assert (refused.returncode, "wants its token" in refused.stderr) == (1, True)
        assert json.loads(run("status", "--json", "--url", url, **files).stdout)["volume"] == 35
    finally:
        started.end()
    assert "sesame" not in started.log
