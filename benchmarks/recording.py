"""What a null speaker has played, and when each frame of it was heard.

PulseAudio's null sink takes sound in blocks as time passes and hands each on to its monitor, which `parec` reads. So a
frame's time follows from the arrival of its block: heard at the earliest, the block's first frame as it arrives, and
the others one after the other. Blocks also arrive late, where the machine is busy, but the sink's clock is this
machine's: the blocks that came soonest, of those around, date them all. The resolution is the sink's block of 10 ms;
the error is the same for all that is measured with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator

import numpy as np
from tests.sound.card import RATE_HZ, SoundCard, until

from clonespeaker.audio.pcm import Samples

SILENT_FRAMES = RATE_HZ // 1_000
"""So many zeros in a row are silence; a tone's own zero crossings are shorter."""

_SAME_BLOCK_S = 0.002  # what comes so soon after a piece is of its block
_DATED_BY_S = 5.0  # how far around a frame the blocks count
_SOONEST_PERCENT = 10  # not the very soonest: a block may be read in two halves
_LOOK_EVERY_S = 0.01


class Recording:
    """Grows for as long as the `record` block goes on. Frames are counted from its beginning."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._blocks: list[tuple[float, int]] = []  # when each arrived, and its first frame
        self._last_s = 0.0

    @property
    def frames(self) -> int:
        """How long it is by now."""
        return len(self._data) // 2

    def add(self, piece: bytes, at_s: float) -> None:
        """A piece has arrived."""
        if at_s - self._last_s > _SAME_BLOCK_S:
            self._blocks.append((at_s, self.frames))
        self._last_s = at_s
        self._data += piece

    def heard(self, since: int = 0) -> Samples:
        """The samples from frame `since` on."""
        return np.frombuffer(self._data[2 * since : 2 * self.frames], "<i2")

    def time_s(self, frame: int) -> float:
        """When this frame was heard."""
        arrived, first = np.array(self._blocks).T
        began_s = arrived - first / RATE_HZ
        around = np.abs(first - frame) <= _DATED_BY_S * RATE_HZ
        return float(np.percentile(began_s[around], _SOONEST_PERCENT) + frame / RATE_HZ)

    async def sound_begins(self, since: int, within_s: float = 15.0) -> int:
        """Wait for the first frame from `since` on that is not silent. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                if (sound := np.flatnonzero(self.heard(since))).size:
                    return since + int(sound[0])
                await asyncio.sleep(_LOOK_EVERY_S)

    async def sound_ends(self, since: int, silence_s: float, within_s: float = 15.0) -> int:
        """Wait for so much silence, counted from `since` on; the last frame before it that is not silent.

        Raises TimeoutError.
        """
        enough = round(silence_s * RATE_HZ)
        async with asyncio.timeout(within_s):
            while True:
                if self.frames >= since + enough and not self.heard(self.frames - enough).any():
                    break
                await asyncio.sleep(_LOOK_EVERY_S)
        sound = np.flatnonzero(self.heard(since))
        return since + (int(sound[-1]) if sound.size else -1)


def gaps_ms(samples: Samples) -> list[float]:
    """How long each silence inside a sound is, in milliseconds; none is shorter than 1 ms."""
    sound = np.flatnonzero(samples)
    zeros = np.diff(sound) - 1
    return [float(gap) / RATE_HZ * 1_000 for gap in zeros[zeros >= SILENT_FRAMES]]


@contextlib.asynccontextmanager
async def record(card: SoundCard) -> AsyncIterator[Recording]:
    """What the card's speaker plays from now on."""
    shape = "-d speaker.monitor --raw --rate=44100 --channels=1 --format=s16le --latency-msec=10".split()
    parec = await asyncio.create_subprocess_exec(
        "parec", *shape, stdout=asyncio.subprocess.PIPE, env=os.environ | card.environment
    )
    recording = Recording()

    async def read() -> None:
        assert parec.stdout is not None
        while piece := await parec.stdout.read(65_536):
            recording.add(piece, time.monotonic())

    reading = asyncio.create_task(read())
    try:
        await until(lambda: recording.frames > 0)
        yield recording
    finally:
        reading.cancel()
        parec.kill()
        await parec.wait()
