"""The sound devices, kept open: opened at the start, closed when they fall silent, opened again when they are back.

PortAudio reports no unplug; a device that gives or takes nothing any more is closed. New devices appear to PortAudio
only when it is initialised anew, which needs every stream closed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from clonespeaker.audio.microphone import SILENT_AFTER_S, Microphone
from clonespeaker.audio.speaker import Speaker
from clonespeaker.audio.stream import Fill, OnBlock, Stream
from clonespeaker.errors import DeviceError
from clonespeaker.news import News

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.3
_REOPEN_AFTER_S = 1.0
_CLOSE_S = 1.0


class Sound(Protocol):
    """Where microphones and speakers come from: `SoundSystem`, or files."""

    def open_microphone(self, wanted: str, *, period_ms: float, on_block: OnBlock) -> Stream:
        """A stream that captures, not started. Raises DeviceError."""

    def open_speaker(self, wanted: str, *, period_ms: float, fill: Fill) -> Stream:
        """A stream that plays, not started. Raises DeviceError."""

    def refresh(self) -> None:
        """Look for devices anew; no stream is open."""

    def close(self) -> None:
        """Give it back; no stream is open."""


class SoundUpkeep:
    """Keeps a microphone and a speaker open, and tells when one is not.

    Args:
        sound: where they come from; closed with them.
        microphone: to be kept open, unless each turn opens it by itself.
        speaker: to be kept open.
        news: is told.
        keep_microphone_open: see `microphone`.
    """

    def __init__(
        self, sound: Sound, microphone: Microphone, speaker: Speaker, news: News, *, keep_microphone_open: bool
    ) -> None:
        self._sound = sound
        self._news = news
        self._all: dict[str, Microphone | Speaker] = {"microphone": microphone, "speaker": speaker}
        self._kept = self._all if keep_microphone_open else {"speaker": speaker}

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
        """Keep them open until cancelled."""
        silent: set[str] = set()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            # Two looks in a row: where this whole machine stood still for a second, nothing is wrong with a device.
            before, silent = silent, {name for name, at in self._kept.items() if at.silent_for_s > SILENT_AFTER_S}
            for name in silent & before:
                self._news.begin_fault(DeviceError(name, f"the {name} stopped; is it unplugged?"))
                await asyncio.to_thread(self._kept[name].close)
            closed = [name for name, device in self._kept.items() if device.stream is None]
            for name in self._kept.keys() - silent - set(closed):
                self._news.end_fault(f"no-{name}")  # a turn may have missed it for a moment
            if closed:
                await asyncio.sleep(_REOPEN_AFTER_S)
                if all(device.stream is None for device in self._all.values()):
                    await asyncio.to_thread(self._sound.refresh)
            for name in closed:
                await self._open(name)

    async def close(self) -> None:
        """Close them, and where they come from; leave behind what hangs, for PortAudio hangs with its device."""
        for close in (*(device.close for device in self._all.values()), self._sound.close):
            try:
                async with asyncio.timeout(_CLOSE_S):
                    await asyncio.to_thread(close)
            except TimeoutError:
                log.warning("a sound device hangs; it is left behind")
                return

    async def _open(self, name: str) -> DeviceError | None:
        device = self._kept[name]
        try:
            await asyncio.to_thread(device.open)
        except DeviceError as error:
            self._news.begin_fault(error)
            return error
        stream = device.stream
        assert stream is not None
        channels = "mono" if stream.channels == 1 else f"{stream.channels} channels"
        log.info("%s: %s, %d Hz, %s", name, stream.device, stream.rate_hz, channels)
        self._news.end_fault(f"no-{name}")
        return None
