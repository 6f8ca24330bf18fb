"""What the user says, while it grows.

It is read from its beginning as often as need be: by the live upload, and again by the exact one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from clonespeaker.audio.pcm import SAMPLE_BYTES, Samples


class Utterance:
    """Mono int16 samples at 44.1 kHz, added until `end`."""

    RATE_HZ = 44_100

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._over = asyncio.Event()
        self._grown = asyncio.Event()

    @classmethod
    def of(cls, samples: Samples) -> Utterance:
        """One that is over already."""
        utterance = cls()
        utterance.add(samples)
        utterance.end()
        return utterance

    def add(self, samples: Samples) -> None:
        """The user goes on."""
        self._pcm += samples.tobytes()
        self._grown.set()

    def end(self) -> None:
        """The user has finished."""
        self._over.set()
        self._grown.set()

    @property
    def duration_ms(self) -> float:
        """How long it is so far."""
        return len(self._pcm) / SAMPLE_BYTES / self.RATE_HZ * 1_000

    async def pieces(self) -> AsyncIterator[bytes]:
        """s16le bytes from the beginning on, each piece whatever has come since the one before; ends with it."""
        at = 0
        while True:
            self._grown.clear()
            piece = bytes(self._pcm[at:])
            at += len(piece)
            if piece:
                yield piece
            elif self._over.is_set():
                return
            else:
                await self._grown.wait()

    async def whole(self) -> bytes:
        """All of it, once it is over."""
        await self._over.wait()
        return bytes(self._pcm)
