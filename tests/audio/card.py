"""A sound card driven by hand: a `Stream` whose periods come when a test says so."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.stream import Fill, OnBlock
from clonespeaker.errors import DeviceError


class Card:
    """Either a microphone or a speaker, depending on what opens it."""

    def __init__(self, *, rate_hz: int = 44_100, channels: int = 1, delay_s: float = 0.0) -> None:
        self.device, self.rate_hz, self.channels = "a card of a test", rate_hz, channels
        self.delay_s = delay_s
        self.does_not_start = False
        self.active = False
        self.done: list[str] = []
        self._fill: Fill
        self._on_block: OnBlock

    def open_speaker(self, fill: Fill) -> Card:
        self.done.append("open")
        self._fill = fill
        return self

    def open_microphone(self, on_block: OnBlock) -> Card:
        self.done.append("open")
        self._on_block = on_block
        return self

    def start(self) -> None:
        if self.does_not_start:
            raise DeviceError("speaker", "it does not start")
        self.done.append("start")
        self.active = True

    def is_active(self) -> bool:
        return self.active

    def stop(self) -> None:
        self.done.append("stop")
        self.active = False

    def close(self) -> None:
        self.done.append("close")
        self.active = False

    @property
    def period(self) -> int:
        """Frames of 10 ms."""
        return self.rate_hz // 100

    def ask(self, frames: int | None = None, *, underflowed: bool = False) -> Samples:
        """One period of what is to be played; interleaved."""
        frames = frames or self.period
        block = np.frombuffer(self._fill(frames, self.delay_s, underflowed), np.int16)
        assert block.size == frames * self.channels
        return block

    async def play(self, periods: int = 1) -> Samples:
        """So many of them; the loop gets a chance in between."""
        blocks = []
        for _ in range(periods):
            blocks.append(self.ask())
            await turn_over()
        return np.concatenate(blocks)

    async def play_out(self, waiting: asyncio.Future[Any]) -> Samples:
        """Periods until something is done."""
        blocks = [np.zeros(0, np.int16)]
        while not waiting.done():
            blocks.append(await self.play())
            assert len(blocks) < 10_000
        return np.concatenate(blocks)

    def hear(self, samples: Samples, *, age_s: float | None = None, overflowed: bool = False) -> None:
        """One block, interleaved; as old as it is long, unless said."""
        seconds = samples.size / self.channels / self.rate_hz
        self._on_block(samples.astype(np.int16).tobytes(), seconds if age_s is None else age_s, overflowed)


async def turn_over() -> None:
    """Lets everything happen that can."""
    for _ in range(6):
        await asyncio.sleep(0)
