"""Questions to a person at a terminal."""

from __future__ import annotations

import contextlib
import select
import shutil
import sys
import termios
import textwrap
from collections.abc import Callable, Iterator

from clonespeaker.cli.setup.interrupts import Interrupts
from clonespeaker.cli.terminal import coloured, complain, prompt, say

_WIDEST = 96  # columns; longer lines are hard to read
_INDENT = "  "
_LOOK_EVERY_S = 0.25

Check = Callable[[str], str]
"""What is wrong with an answer, in words; "" where nothing is."""


class Dialogue:
    """What is said and asked.

    Args:
        asks: somebody is there to answer. Where nobody is, nothing may be asked.

    Every question raises EOFError where the terminal is at its end (Ctrl-D) and KeyboardInterrupt on Ctrl-C.

    Attributes:
        interrupts: what they heed; once one came, nothing is asked any more.
    """

    def __init__(self, *, asks: bool) -> None:
        self.asks = asks
        self.interrupts = Interrupts()

    def title(self, text: str) -> None:
        """What the next step is about."""
        if self.asks:
            say()
            say(coloured(text, "bold"))

    def tell(self, text: str) -> None:
        """Paragraphs, as wide as the terminal; where it is a file, on one line each."""
        for line in text.splitlines():
            say(_fill(line, _INDENT))

    def warn(self, text: str) -> None:
        """What went wrong."""
        for line in text.splitlines():
            if self.asks:
                say(coloured(_fill(line, "! "), "yellow"))
            else:
                complain(f"clonespeaker: {line}")

    def ask(self, question: str, default: str, check: Check = lambda answer: "") -> str:
        """An answer that `check` finds nothing wrong with; Enter gives the default."""
        while True:
            self._prompt(f"{question}{f' [{default}]' if default else ''}: ")
            answer = self._line().strip() or default
            wrong = check(answer)
            if not wrong:
                return answer
            self.warn(wrong)

    def yes(self, question: str, *, default: bool = True) -> bool:
        """Yes or no."""
        words = {"y": True, "yes": True, "n": False, "no": False}
        answer = self.ask(
            f"{question} [{'Y/n' if default else 'y/N'}]",
            "",
            lambda answer: "" if answer.lower() in ("", *words) else "y or n",
        )
        return words.get(answer.lower(), default)

    def secret(self, question: str, check: Check) -> str:
        """An answer that is not shown while it is typed."""
        while True:
            with _unseen():
                self._prompt(f"{question}: ")
                answer = self._line().strip()
            say()
            wrong = check(answer)
            if not wrong:
                return answer
            self.warn(wrong)

    def enter(self, words: str) -> None:
        """Wait for Enter."""
        self._prompt(f"{words} ")
        self._line()

    def forget_typed(self) -> None:
        """Impatient keys during a wait answer no question after it."""
        with contextlib.suppress(termios.error):
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)

    def _prompt(self, text: str) -> None:
        assert self.asks, f"nobody is there to be asked {text!r}"
        prompt(_fill(text, _INDENT) + " ")

    def _line(self) -> str:
        """What is typed, once Enter has been pressed."""
        # A signal that comes just before `input` waits would be noticed only after it.
        while not select.select([sys.stdin], [], [], _LOOK_EVERY_S)[0]:
            self.interrupts.check()
        return input()


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """Meanwhile the terminal does not show what is typed; what was typed before is forgotten."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    unseen = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSAFLUSH, unseen)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # it may be gone
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _fill(text: str, first: str) -> str:
    width = min(columns(), _WIDEST) - 1 if sys.stdout.isatty() else len(first) + len(text)
    return textwrap.fill(
        text, width, initial_indent=first, subsequent_indent=_INDENT, break_on_hyphens=False, break_long_words=False
    )


def columns() -> int:
    """How wide the terminal is, in characters."""
    return max(20, shutil.get_terminal_size().columns)
