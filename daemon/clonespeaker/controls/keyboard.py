"""The space bar as the button, for terminals.

A terminal tells when a key is pressed, never when it is released; a key that is held repeats instead, after
0.25–0.7 s. So there are two ways to use it, told apart by what comes: held, it counts as down until the repeats
stop; tapped, it stays down until it is tapped again. Whether a tap ends something or begins something, the device
knows best: a press may have been refused, or a turn have ended by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
import tty
from collections.abc import Callable

_REPEAT_BEGINS_S = 0.8  # no repeat in so long: it was a tap
_REPEAT_ENDS_S = 0.15  # no further repeat in so long: it was let go


class Keyboard:
    """A terminal's keys, listened to until it is closed.

    Args:
        terminal: file descriptor of one.
        on_change: told of SPACE as of a button: True down, False up.
        on_key: told of any other key.
        is_down: whether the device takes the button to be down, as far as SPACE goes.
        on_end: told once when the terminal is gone, as its window is closed.
    """

    def __init__(
        self,
        terminal: int,
        *,
        on_change: Callable[[bool], None],
        on_key: Callable[[str], None],
        is_down: Callable[[], bool],
        on_end: Callable[[], object],
    ) -> None:
        self._terminal = terminal
        self._loop = asyncio.get_running_loop()
        self._on_change = on_change
        self._on_key = on_key
        self._is_down = is_down
        self._on_end = on_end
        self._repeats = False
        self._timer: asyncio.TimerHandle | None = None
        self._before = termios.tcgetattr(terminal)
        tty.setcbreak(terminal)
        self._loop.add_reader(terminal, self._read)

    def close(self) -> None:
        """Give the terminal back as it was."""
        self._loop.remove_reader(self._terminal)
        if self._timer is not None:
            self._timer.cancel()
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)

    def _read(self) -> None:
        try:
            keys = os.read(self._terminal, 1_024).decode(errors="replace")
        except BlockingIOError:  # another program reads from it, too, and was quicker
            return
        except OSError:  # so some terminals go
            keys = ""
        if not keys:
            self._loop.remove_reader(self._terminal)
            self._on_end()
        for key in keys:
            if key == " ":
                self._space()
            else:
                self._on_key(key)

    def _space(self) -> None:
        if self._timer is not None:  # so soon after the last one, it may be held
            self._repeats = True
            self._wait(_REPEAT_ENDS_S)
        elif self._is_down():
            self._on_change(False)
        else:
            self._on_change(True)
            self._wait(_REPEAT_BEGINS_S)

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._quiet)

    def _quiet(self) -> None:
        self._timer = None
        if self._repeats:
            self._repeats = False
            self._on_change(False)
