"""The lights, drawn: they follow what holds, as `cues.py` has it, in a thread of their own.

Nothing waits for them: what is told is noted and left to the thread, which draws at once, goes on while something
moves, and sleeps while nothing does. Lights that fail are told once, and tried again now and then.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clonespeaker.cues import WHITE, Cue, Pattern
from clonespeaker.errors import DeviceError
from clonespeaker.lights.light import Light
from clonespeaker.lights.patterns import Frame, follow, frame, is_within, looks, loudness, still_for_s

log = logging.getLogger(__name__)

_LOOK_AT_THE_CLOCK_EVERY_S = 10.0  # while something shines
_AGAIN_AFTER_S = (5.0, 300.0)  # lights that failed: the first pause, which doubles, and the longest
_PATIENCE_S = 1.0  # with lights that hang
DARK = Cue(WHITE, Pattern.DARK)


@dataclass(frozen=True, slots=True)
class Brightness:
    """How bright the lights may look.

    Attributes:
        percent: by day.
        quiet_hours: from and to, in minutes since midnight; None: no such hours.
        quiet_percent: in these.
    """

    percent: int
    quiet_hours: tuple[int, int] | None
    quiet_percent: int

    def at(self, minute: int) -> float:
        """At a time, in minutes since midnight: 0 to 1."""
        is_quiet = self.quiet_hours is not None and is_within(self.quiet_hours, minute)
        return (self.quiet_percent if is_quiet else self.percent) / 100


class Lamps:
    """Lights that follow.

    Args:
        open_light: makes them; blocks, and raises DeviceError.
        brightness: how bright they may look.
        minute: what time it is, in minutes since midnight; local, whatever this machine believes.

    Attributes:
        trouble: why they are dark though they should not be, or "".
    """

    def __init__(
        self, open_light: Callable[[], Light], brightness: Brightness, *, minute: Callable[[], int] | None = None
    ) -> None:
        self._open_light = open_light
        self._minute = minute or _local_minute
        self._changed = threading.Condition()
        self._brightness = brightness
        self._cue = DARK
        self._since = time.monotonic()
        self._level = 0.0
        self._told_level = 0.0
        self._changes = 0
        self._closing = False
        self._tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lamps", daemon=True)
        self.trouble = ""

    # What the loop tells

    async def open(self) -> None:
        """Open the lights; returns once that has been tried, or takes long.

        All other pins are to be opened before, for gpiozero is imported, and opens pins, in one thread at a time.
        """
        self._thread.start()
        await asyncio.to_thread(self._tried.wait, _PATIENCE_S)

    def follow(self, cue: Cue) -> None:
        """What holds from now on."""
        with self._changed:
            if cue != self._cue:
                self._cue = cue
                self._since = time.monotonic()
                self._level = self._told_level = 0.0
                self._tell()

    def hear(self, dbfs: float) -> None:
        """How loud it is; the next frame shows it."""
        with self._changed:
            self._told_level = loudness(dbfs)

    def dim(self, brightness: Brightness) -> None:
        """How bright they may look from now on."""
        with self._changed:
            self._brightness = brightness
            self._tell()

    async def close(self) -> None:
        """Dark, and given back; lights that hang are left behind."""
        with self._changed:
            self._closing = True
            self._tell()
        await asyncio.to_thread(self._thread.join, _PATIENCE_S)
        if self._thread.is_alive():
            log.warning("lights: they hang, and are left behind")

    def _tell(self) -> None:
        self._changes += 1
        self._changed.notify()

    # Thread: lamps

    def _run(self) -> None:
        pause_s = _AGAIN_AFTER_S[0]
        while not self._closing:
            try:
                light = self._open_light()
                try:
                    self._tell_well()
                    pause_s = _AGAIN_AFTER_S[0]
                    self._draw_until_closing(light)
                    light.show(np.zeros((light.lamps, 3)))
                finally:
                    light.close()
            except DeviceError as error:
                self._tell_trouble(error)
            except Exception as error:  # a mistake of ours; but nobody should miss an answer for want of a light
                log.exception("lights: a mistake of ours; tried again later")
                self.trouble = f"a mistake of ours: {error!r}"
            self._tried.set()
            with self._changed:
                self._changed.wait_for(lambda: self._closing, pause_s)
            pause_s = min(2 * pause_s, _AGAIN_AFTER_S[1])

    def _tell_well(self) -> None:
        if self.trouble:
            log.info("lights: they work again")
        self.trouble = ""
        self._tried.set()

    def _tell_trouble(self, error: DeviceError) -> None:
        if str(error) != self.trouble:
            log.warning("lights: %s", error)
        self.trouble = str(error)

    def _draw_until_closing(self, light: Light) -> None:
        shown: Frame | None = None
        drawn_at = time.monotonic()
        while not self._closing:
            now = time.monotonic()
            with self._changed:
                self._level = follow(self._level, self._told_level, now - drawn_at)
                changes, cue, at_s, brightness = self._changes, self._cue, now - self._since, self._brightness
                level = self._level
            drawn_at = now
            colour = cue.colour if light.coloured else WHITE
            seen = looks(cue.pattern, at_s, level=level, lamps=light.lamps)
            new = frame(seen, colour, brightness.at(self._minute()))
            if shown is None or not np.array_equal(new, shown):
                light.show(new)
                shown = new
            self._wait(changes, max(_nothing_to_draw_for_s(cue, at_s, brightness), 1 / light.frames_per_s))

    def _wait(self, changes: int, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._changes != changes, None if seconds == math.inf else seconds)


def _nothing_to_draw_for_s(cue: Cue, at_s: float, brightness: Brightness) -> float:
    """What is dark is so at all hours; the rest looks at the clock now and then."""
    seconds = still_for_s(cue.pattern, at_s)
    if cue.pattern is Pattern.DARK or brightness.quiet_hours is None:
        return seconds
    return min(seconds, _LOOK_AT_THE_CLOCK_EVERY_S)


def _local_minute() -> int:
    now = time.localtime()
    return now.tm_hour * 60 + now.tm_min
