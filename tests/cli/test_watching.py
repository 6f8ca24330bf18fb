"""What goes on while a person watches: the demo at a terminal, a status that is followed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from tests.cli.test_run import Daemon, daemon, start, url_of  # noqa: F401 - `daemon` and `start` are fixtures

_SECONDS_AT_MOST = 30.0


class Terminal:
    """A command at a terminal of its own; where it is its session's, closing it sends SIGHUP, too."""

    def __init__(self, environment: dict[str, str], *arguments: str, of_session: bool = False) -> None:
        self._master, terminal = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clonespeaker", *arguments],
            env=environment | {"TERM": "xterm"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=of_session,
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if of_session else None,
        )
        os.close(terminal)
        self.shown = ""
        self._seen = 0

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, pattern: str) -> None:
        """Until something on the screen matches, after what was waited for before."""
        give_up_at = time.monotonic() + _SECONDS_AT_MOST
        while not (found := re.compile(pattern).search(self.shown, self._seen)):
            assert time.monotonic() < give_up_at, f"{pattern!r} never came:\n{self.shown}"
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self._master, 65_536).decode(errors="replace")
                except OSError:  # the command has ended
                    assert re.search(pattern, self.shown[self._seen :]), f"it ended without {pattern!r}:\n{self.shown}"
        self._seen = found.end()

    def wait_for_quiet(self) -> None:
        """Until nothing new is shown for a second: what is written later may fail."""
        while select.select([self._master], [], [], 1.0)[0]:
            self.shown += os.read(self._master, 65_536).decode(errors="replace")

    def end(self) -> int:
        try:
            return self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait(60)
            self._close()

    def close_window(self) -> int:
        """→ the exit code of the command, which ends by itself."""
        self._close()
        return self.end()

    def _close(self) -> None:
        if self._master >= 0:
            os.close(self._master)
            self._master = -1


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[Terminal]:
    without = {key: value for key, value in environment.items() if not key.startswith("CLONESPEAKER_")}
    terminal = Terminal(without, "demo")
    yield terminal
    if terminal._process.poll() is None:
        terminal._process.kill()
        terminal.end()


def test_the_demo_at_a_terminal(demo: Terminal) -> None:
    demo.wait_for(r"screen: http://127\.0\.0\.1:\d+/")
    demo.wait_for("q: quit")
    demo.wait_for("idle")
    demo.type("m")
    demo.wait_for("the microphone is muted")
    demo.type(" ")
    demo.wait_for("unmute it first")
    demo.type("m")
    demo.wait_for("the microphone is open")
    time.sleep(2.5)  # longer than a terminal takes to repeat a key that is held, and than a busy machine to notice
    demo.type(" ")  # a refused press was none, so this one begins
    demo.wait_for("listening.*▮")
    time.sleep(2.5)
    demo.type(" ")
    demo.wait_for("speaking")
    demo.type("c")
    demo.wait_for(r"turn 1 cancelled: \d")
    demo.type("-")
    demo.wait_for("volume 75")
    demo.type("q")
    assert demo.end() == 0
    assert "Traceback" not in demo.shown


@pytest.mark.parametrize("of_session", [True, False], ids=["SIGHUP", "end of file"])
@pytest.mark.parametrize("command", ["demo", "run"])
def test_nothing_outlives_the_terminal_that_was_its_button(
    environment: dict[str, str], command: str, of_session: bool
) -> None:
    environment |= {"CLONESPEAKER_BUTTON__SOURCE": "keyboard"}
    terminal = Terminal(environment, command, of_session=of_session)
    try:
        terminal.wait_for({"demo": "q: quit", "run": "ready; status at"}[command])
        terminal.wait_for_quiet()
    finally:
        code = terminal.close_window()
    assert code >= 0  # not by our hand


def test_a_status_that_is_followed(daemon: Daemon, environment: dict[str, str]) -> None:  # noqa: F811
    url = url_of(daemon)
    watching = Terminal(environment, "status", "--watch", "--url", url)
    watching.wait_for("speaker +none")
    control = [sys.executable, "-m", "clonespeaker"]
    subprocess.run(
        [*control, "say", "Hello", "--url", url], env=environment, timeout=30, check=False, capture_output=True
    )
    watching.wait_for(r"thinking.*\(turn 1\)[\s\S]*clone.*: You wrote: Hello[\s\S]*turn 1 failed")
    subprocess.run([*control, "new-conversation", "--url", url], env=environment, timeout=30, check=True)
    watching.wait_for("conversation [0-9a-f-]{36}")
    subprocess.run([*control, "mute", "--url", url], env=environment, timeout=30, check=True)
    watching.wait_for("the microphone is muted")
    daemon.end()
    watching.wait_for("closed the connection")
    assert watching.end() == 1
