"""Sends a reply's steps, each when it is due."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from clonespeaker.simulate.reply import After, Break, Drip, Event, Gzip, Step, Wait

_DRIP_S = 0.02  # between two drips


class _BrokenOff(Exception):
    def __init__(self, how: Break) -> None:
        super().__init__(how)
        self.how = how


@dataclass(kw_only=True)
class ReplyStream:
    r"""Writes a reply as Server-Sent Events, or as plain JSON.

    Attributes:
        write: sends bytes, and returns when they are under way.
        sse: frame each event as `data: …`; False: its JSON alone.
        line_end: what ends a line: "\n", "\r\n" or "\r".
        cut_bytes: write in pieces of so many bytes; None: an event at a time.
        pace: how long the events take, as a multiple of what they last; None: no time.
        jitter_ms: mean lateness of an event; exponential, so most are nearly in time and a few are very late.
        ping_every_s: a comment line whenever so much time has passed in waiting; None: none.
        random: where the lateness comes from.
    """

    write: Callable[[bytes], Awaitable[None]]
    sse: bool = True
    line_end: str = "\n"
    cut_bytes: int | None = None
    pace: float | None = None
    jitter_ms: float = 0.0
    ping_every_s: float | None = None
    random: Random = field(default_factory=lambda: Random(0))

    def __post_init__(self) -> None:
        self._after: After | None = None
        self._drip: Drip | None = None
        self._compressor: Any = None  # what zlib.compressobj returns has no name

    async def send(self, steps: Iterable[Step], start_s: float) -> Break | None:
        """Send it all, beginning at `start_s` (of `time.monotonic`).

        Each event has its own place on one schedule, so lateness does not add up.

        Returns:
            How the connection is to be broken off, or None where the stream ends well.
        """
        try:
            await self._take(steps, start_s)
            if self._compressor is not None:
                await self._write_raw(self._compressor.flush())
            if self._after is not None:
                await self._do(self._after.then)
        except _BrokenOff as broken:
            return broken.how
        return None

    async def _take(self, steps: Iterable[Step], start_s: float) -> None:
        due_s = start_s
        for step in steps:
            match step:
                case Break():
                    await self._do(step)
                case Wait():
                    due_s += step.duration_s
                    await self._wait_until(due_s)
                case Event():
                    late_s = self.random.expovariate(1000 / self.jitter_ms) if self.jitter_ms else 0.0
                    await self._wait_until(due_s + late_s)
                    await self._write(self._frame(step))
                    due_s += step.duration_s * (self.pace or 0.0)
                case bytes():
                    await self._write(step)
                case After():
                    self._after = step
                case Drip():
                    self._drip = step
                case Gzip():
                    self._compressor = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with gzip's header

    def _frame(self, event: Event) -> bytes:
        if not self.sse:
            return event.encode()
        return b"data: " + event.encode() + 2 * self.line_end.encode()

    async def _wait_until(self, due_s: float) -> None:
        while (left_s := due_s - time.monotonic()) > 0:
            if self.ping_every_s is None or left_s < self.ping_every_s:
                await asyncio.sleep(left_s)
            else:
                await asyncio.sleep(self.ping_every_s)
                await self._write(f": ping - {datetime.now(UTC)}{2 * self.line_end}".encode())

    async def _write(self, data: bytes) -> None:
        if self._compressor is not None:
            data = self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        await self._write_raw(data)

    async def _write_raw(self, data: bytes) -> None:
        after = self._after
        if after is not None and after.left_bytes <= len(data):
            self._after = None
            await self._write_pieces(data[: after.left_bytes])
            await self._do(after.then)
            data = data[after.left_bytes :]
        elif after is not None:
            self._after = replace(after, left_bytes=after.left_bytes - len(data))
        await self._write_pieces(data)

    async def _write_pieces(self, data: bytes) -> None:
        size, rest_s = self.cut_bytes or len(data) or 1, 0.0
        if self._drip is not None:
            size = max(1, round(self._drip.bytes_per_s * _DRIP_S))
            rest_s = size / self._drip.bytes_per_s
        for at in range(0, len(data), size):
            await self.write(data[at : at + size])
            await asyncio.sleep(rest_s)  # 0 too: it lets a client in this same loop read each piece by itself

    async def _do(self, step: Wait | Break) -> None:
        if isinstance(step, Break):
            raise _BrokenOff(step)
        await asyncio.sleep(step.duration_s)  # and no pings: they would come in the middle of an event
