"""The sound devices, kept open: watched from outside, closed when they are dead, opened again when they are back.

PortAudio reports no unplug, and hangs with a device that hangs. So, at each look:

- A device is dead when its stream has ended by itself, or gave or took nothing for a second. It is told and closed.
- What is missing is opened again: at once where something has come or gone, else after a pause that grows to a second.
  A turn goes on meanwhile, for that may take seconds; nothing that happens waits for it.
- New devices appear to PortAudio only when it looks anew, which needs every stream closed. It looks anew whenever a
  card or a sound server has come or gone, and for some seconds after, since they take a while to be of use; now and
  then where nothing is open at all, since not everything tells that it has come. A device that works is closed for
  that only while nobody uses it, and opened again before anybody does. So a speaker that was unplugged in its sleep is
  missed at once, too, and a card that `auto` likes better is taken.
- A call that hangs is left behind. While it does, its device may come to life again (a sound server that was stopped
  goes on) and the call returns. Where it hangs for too long, `StuckError` ends the process: only a fresh one can help.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from clonespeaker.audio.calls import DeviceCalls
from clonespeaker.audio.microphone import SILENT_AFTER_S, Microphone
from clonespeaker.audio.speaker import Speaker
from clonespeaker.audio.stream import Fill, OnBlock, Stream
from clonespeaker.errors import DeviceError, StuckError
from clonespeaker.news import News

log = logging.getLogger(__name__)

STUCK_AFTER_S = 5.0
"""A call that has hung for so long never returns."""

_LOOK_EVERY_S = 0.3
_REOPEN_AFTER_S = (0.3, 1.0)  # the first pause, which doubles, and the longest
_LOOK_ANEW_AFTER_S = (0.5, 30.0)  # likewise
_SETTLED_S = 10.0  # a card or a sound server takes some time from showing up to being of use
_CLOSE_S = 0.8


class Sound(Protocol):
    """Where microphones and speakers come from: `SoundSystem`, or files."""

    def open_microphone(self, wanted: str, *, period_ms: float, on_block: OnBlock) -> Stream:
        """A stream that captures, not started. Raises DeviceError."""

    def open_speaker(self, wanted: str, *, period_ms: float, fill: Fill) -> Stream:
        """A stream that plays, not started. Raises DeviceError."""

    def there(self) -> object:
        """What devices there are: differs where one has come or gone since. Quick."""

    def held(self) -> object:
        """Which of them other programs hold: differs where one has been taken or set free since. Quick."""

    def refresh(self) -> None:
        """Look for devices anew; no stream is open. Blocks."""

    def close(self) -> None:
        """Give it back; no stream is open."""


class SoundUpkeep:
    """Keeps a microphone and a speaker open, and tells when one is not.

    Args:
        sound: where they come from; closed with them.
        calls: runs what may hang.
        microphone: to be kept open, unless each turn opens it by itself.
        speaker: to be kept open.
        news: is told.
        keep_microphone_open: see `microphone`.
        at_rest: whether nobody uses them.
        devices: held while they are looked for anew, so that nobody begins to use them; never during a turn.
        on_progress: called after each look that found every open device working, and no call hanging.
    """

    def __init__(
        self,
        sound: Sound,
        calls: DeviceCalls,
        microphone: Microphone,
        speaker: Speaker,
        news: News,
        *,
        keep_microphone_open: bool,
        at_rest: Callable[[], bool],
        devices: asyncio.Lock,
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._sound = sound
        self._calls = calls
        self._news = news
        self._at_rest = at_rest
        self._devices = devices
        self._on_progress = on_progress
        # In the order in which they are opened: a press counts once there is a microphone, and wants an answer then.
        self._all: dict[str, Microphone | Speaker] = {"speaker": speaker, "microphone": microphone}
        self._kept = self._all if keep_microphone_open else {"speaker": speaker}
        self._silent: set[str] = set()
        self._there, self._held = sound.there(), sound.held()
        self._changed_at = -_SETTLED_S
        self._reopen = _Pause(*_REOPEN_AFTER_S)
        self._look_anew = _Pause(*_LOOK_ANEW_AFTER_S)

    async def open(self) -> None:
        """Open them for the first time. A missing one is told, and looked for by `run`.

        Raises:
            DeviceError: another program holds one; most likely another daemon.
        """
        for name in self._kept:
            error = await self._open(name)
            if error is not None and error.busy:
                raise error

    async def run(self) -> None:
        """Keep them open until cancelled.

        Raises:
            StuckError: a call into a device hangs.
        """
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._raise_if_stuck()
            for name in self._tell_dead():
                await self._close(name)
            await self._open_what_is_missing()
            for name in self._kept.keys() - self._silent - set(self._missing()):
                self._news.end_fault(f"no-{name}")  # a turn may have missed it for a moment
            if not self._silent and not self._calls.oldest_s:
                self._on_progress()

    def _tell_dead(self) -> set[str]:
        # Two looks in a row: where this whole machine stood still for a second, nothing is wrong with a device.
        before = self._silent
        self._silent = {name for name, device in self._kept.items() if device.silent_for_s > SILENT_AFTER_S}
        dead = {name for name, device in self._kept.items() if device.is_gone} | (self._silent & before)
        for name in dead:
            self._news.begin_fault(DeviceError(name, f"the {name} stopped; is it unplugged, or the sound server down?"))
        return dead

    async def close(self) -> None:
        """Close them, and where they come from; leave behind what hangs, for PortAudio hangs with its device."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                for name in self._all:
                    await self._close(name)
                await self._run("speaker", self._sound.close)
        except TimeoutError:
            log.warning("a sound device hangs; it is left behind")

    def _missing(self) -> list[str]:
        return [name for name, device in self._kept.items() if device.stream is None]

    async def _open_what_is_missing(self) -> None:
        missing, now = self._missing(), time.monotonic()
        at_rest = self._at_rest()
        if not missing and not at_rest:  # nothing would come of a look now, and a turn is not to be held up
            return
        has_changed = self._sound.there() != self._there
        if has_changed:
            self._changed_at = now
            self._look_anew.begin(now)
            self._reopen.begin(now)
        elif not missing:
            self._reopen.begin(now)
            return
        elif not self._reopen.is_over(now):
            return
        if at_rest and (has_changed or (self._may_help(now) and self._look_anew.is_over(now))):
            async with self._devices:
                await self._look()
        for name in self._missing():
            await self._open(name)

    def _may_help(self, now: float) -> bool:
        """Whether PortAudio may see something that it did not see before, though nothing has come or gone."""
        nothing_open = all(device.stream is None for device in self._all.values())
        # A card that another program holds is not even listed.
        return nothing_open or now - self._changed_at < _SETTLED_S or self._sound.held() != self._held

    async def _look(self) -> None:
        worked = [name for name, device in self._kept.items() if device.stream is not None]
        for name in self._all:
            await self._close(name)
        error = await self._run("speaker", self._sound.refresh)
        self._there, self._held = self._sound.there(), self._sound.held()
        if error is not None:
            self._news.begin_fault(error)
        for name in self._all.keys() - self._kept.keys():
            self._news.end_fault(f"no-{name}")  # it may be back; a turn that misses it tells
        for name in worked:
            await self._open(name)

    async def _open(self, name: str) -> DeviceError | None:
        device = self._kept[name]
        error = await self._run(name, device.open)
        if error is not None:
            self._news.begin_fault(error)
            return error
        stream = device.stream
        if stream is None:  # it was closed meanwhile
            return None
        channels = "mono" if stream.channels == 1 else f"{stream.channels} channels"
        log.info("%s: %s, %d Hz, %s", name, stream.device, stream.rate_hz, channels)
        self._news.end_fault(f"no-{name}")
        return None

    async def _close(self, name: str) -> None:
        await self._run(name, self._all[name].close)

    async def _run(self, name: str, call: Callable[[], None]) -> DeviceError | None:
        """Run what may hang; where it does, nothing else is done to any device until it returns."""
        try:
            await self._calls.run(name, call)
        except DeviceError as error:
            if self._calls.oldest_s:
                self._news.begin_fault(error)
                while self._calls.oldest_s:
                    self._raise_if_stuck()
                    self._tell_dead()
                    await asyncio.sleep(_LOOK_EVERY_S)
            return error
        return None

    def _raise_if_stuck(self) -> None:
        if self._calls.oldest_s > STUCK_AFTER_S:
            raise StuckError(
                "the sound system hangs, and only a fresh start of this program can help; if that happens again and "
                "again, restart the sound server, or unplug the card and plug it in again"
            )


class _Pause:
    """One that doubles each time it is over, from `first_s` to `longest_s`."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self.begin(time.monotonic())

    def begin(self, now_s: float) -> None:
        """Begin with the first."""
        self._pause_s = self._first_s
        self._until_s = now_s + self._first_s

    def is_over(self, now_s: float) -> bool:
        """Whether it is; then the next one begins."""
        if now_s < self._until_s:
            return False
        self._pause_s = min(2 * self._pause_s, self._longest_s)
        self._until_s = now_s + self._pause_s
        return True
