"""Sends a reply's steps, each when it is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from clonespeaker.simulate.reply import Break, Event, Step, Wait


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

    async def send(self, steps: Iterable[Step], start_s: float) -> Break | None:
        """Send it all, beginning at `start_s` (of `time.monotonic`).

        Each event has its own place on one schedule, so lateness does not add up.

        Returns:
            How the connection is to be broken off, or None where the stream ends well.
        """
        due_s = start_s
        for step in steps:
            match step:
                case Break():
                    return step
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
        return None

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
        size = self.cut_bytes or len(data)
        for at in range(0, len(data), size):
            await self.write(data[at : at + size])
            await asyncio.sleep(0)  # lets a client in this same loop read each piece by itself
