"""`clonespeaker setup` at a terminal of its own, with a button that can be pressed and a systemd that only notes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

_SECONDS_AT_MOST = 40.0

# gpiozero's mock pins live in a process; so whoever presses has to be told from outside.
_DRIVER = """
import os, signal, sys, threading
import gpiozero
from gpiozero.pins.mock import MockFactory
from clonespeaker.cli import main
from clonespeaker.cli.setup import button

def press():
    with open(os.environ["TEST_PRESSES"]) as presses:
        for line in presses:
            what, number = line.split()
            if gpiozero.Device.pin_factory is None:
                gpiozero.Device.pin_factory = MockFactory()
            pin = gpiozero.Device.pin_factory.pin(int(number))
            pin.drive_low() if what == "press" else pin.drive_high()

class Lost:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)  # what a handler raises is dropped here

if "TEST_PRESSES" in os.environ:
    os.environ["GPIOZERO_PIN_FACTORY"] = "mock"
    threading.Thread(target=press, daemon=True).start()
if "TEST_LOST" in os.environ:
    def lose_ctrl_c(*arguments, choose=button.choose):
        Lost()
        return choose(*arguments)

    button.choose = lose_ctrl_c
button.LIMIT_S = float(os.environ.get("TEST_LIMIT_S", "20"))
main.main(sys.argv[1:])
"""

_SYSTEMCTL = """#!/bin/sh
# Takes after systemctl as far as setup knows it. `state` beside it is the unit's: not-found, inactive, active; where
# there is a file `broken`, the unit fails to start.
cd "$(dirname "$0")"
[ "$1" = --no-ask-password ] && shift
case $1 in
show)
  state=$(cat state)
  case $state in not-found) echo LoadState=not-found; echo ActiveState=inactive ;;
  *) echo LoadState=loaded; echo "ActiveState=$state"; echo "StatusText=idle" ;; esac
  exit ;;
esac
echo "$*" >>asked
case $1 in
stop) echo inactive >state ;;
start | restart | enable)
  if [ -e broken ]; then echo failed >state; echo "Job for clonespeaker.service failed." >&2; exit 1; fi
  echo active >state ;;
esac
"""


class Systemd:
    """A `systemctl` and a `journalctl` in a directory that is to be the first of PATH."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        for name, text in (("systemctl", _SYSTEMCTL), ("journalctl", "#!/bin/sh\necho clone.slug: not set\n")):
            (directory / name).write_text(text)
            (directory / name).chmod(0o755)
        self.state = "not-found"

    @property
    def state(self) -> str:
        """Of the unit."""
        return (self.directory / "state").read_text().strip()

    @state.setter
    def state(self, state: str) -> None:
        (self.directory / "state").write_text(state + "\n")

    def break_unit(self) -> None:
        """It fails to start from now on."""
        (self.directory / "broken").touch()

    @property
    def asked(self) -> list[str]:
        """What it was asked to do, but for looking."""
        path = self.directory / "asked"
        return path.read_text().replace(" clonespeaker.service", "").splitlines() if path.exists() else []


class Button:
    """GPIO pins that are pressed in another process."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._file = os.open(path, os.O_RDWR)

    def press(self, pin: int) -> None:
        os.write(self._file, f"press {pin}\n".encode())

    def release(self, pin: int) -> None:
        os.write(self._file, f"release {pin}\n".encode())

    def close(self) -> None:
        os.close(self._file)


class Terminal:
    """A set-up at a terminal, which is the controlling one: Ctrl-C typed there arrives."""

    def __init__(self, environment: dict[str, str], *arguments: str, columns: int = 80) -> None:
        self._master, self._terminal = pty.openpty()
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self._before = termios.tcgetattr(self._terminal)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _DRIVER, "setup", *arguments],
            env=environment | {"TERM": "dumb"},
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.raw = ""
        self._seen = 0

    @property
    def shown(self) -> str:
        """All that was shown, without colours, as one line: how wide the terminal is makes no difference."""
        return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", self.raw).split())

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def answer(self, question: str, keys: str, *, end: str = r".*?:( |$)") -> None:
        """Wait for a question, which ends so, and type an answer and Enter."""
        self.wait_for(question + end)
        self.type(keys + "\n")

    async def answers(self, question: str, keys: str, *, end: str = r".*?:( |$)") -> None:
        """The same, where a loop has to go on meanwhile."""
        await asyncio.to_thread(self.answer, question, keys, end=end)

    async def shows(self, pattern: str) -> None:
        """`wait_for`, likewise."""
        await asyncio.to_thread(self.wait_for, pattern)

    async def ends(self) -> int:
        """`end`, likewise."""
        return await asyncio.to_thread(self.end)

    def wait_for(self, pattern: str) -> None:
        """Until something on the screen matches, after what was waited for before."""
        give_up_at = time.monotonic() + _SECONDS_AT_MOST
        while not (found := re.compile(pattern).search(self.shown, self._seen)):
            assert time.monotonic() < give_up_at, f"{pattern!r} never came:\n{self.raw}"
            if not self._read() and self._process.poll() is not None:
                assert re.search(pattern, self.shown[self._seen :]), f"it ended without {pattern!r}:\n{self.raw}"
        self._seen = found.end()

    def end(self) -> int:
        """Its exit code, once it ends."""
        give_up_at = time.monotonic() + _SECONDS_AT_MOST
        while self._process.poll() is None or self._read():
            self._read()
            assert time.monotonic() < give_up_at, f"it does not end:\n{self.raw}"
        return self._process.returncode

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal's own settings are those of the beginning: keys are shown again."""
        return termios.tcgetattr(self._terminal) == self._before

    def hang_up(self) -> None:
        """The terminal is closed, as by a lost connection."""
        os.close(self._terminal)
        os.close(self._master)
        self._master = self._terminal = -1

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        if self._master >= 0:
            self.hang_up()

    def wait(self) -> int:
        """For its end, without looking at the screen."""
        return self._process.wait(_SECONDS_AT_MOST)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 0.05)[0]:
            return False
        self.raw += os.read(self._master, 65_536).decode(errors="replace")
        return True
