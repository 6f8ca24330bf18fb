"""The simulated clone as a process: `python -m benchmarks.clone [HOST] [SETTINGS]`, SETTINGS a JSON object.

It takes the settings of `Behaviour`, and `seed` (of its lateness) and `pause_s` (the network is dead for so long in
the middle of each reply; what was due meanwhile comes at once afterwards). On its standard output it tells, one JSON
object a line, times of `time.monotonic`:

    {"event": "listening", "port": 40123}
    {"event": "received", "first_byte_s": 1.0, "last_byte_s": 2.0, "body_bytes": 30000, "speech_ms": 250.0}
    {"event": "sent", "audio_s": [1.0, 1.2, …]}       when it wrote each snippet of the reply

and it ends with its standard input. Lines there are settings that change from now on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import web

from benchmarks.link import Link
from benchmarks.processes import Reporter, reporter
from clonespeaker.simulate.faults import Fault
from clonespeaker.simulate.reply import Event, Reply, Step, Wait
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.simulate.voice import RATE_HZ

_ENVELOPE_BYTES = 150  # the body's other fields and names


@dataclass(frozen=True, slots=True)
class _TimedEvent(Event):
    """Notes when it is written, which is right after it has been encoded."""

    times_s: list[float] = field(default_factory=list)

    def encode(self) -> bytes:
        encoded = Event.encode(self)
        self.times_s.append(time.monotonic())
        return encoded


@dataclass(frozen=True, slots=True)
class _PausedReply(Reply):
    """A reply on a network that is dead for `pause_s` in its middle."""

    pause_s: float = 0.0

    def steps(self) -> Iterable[Step]:
        middle = len(self.pieces) // 2
        yield from self.pieces[:middle]
        if self.pause_s:
            yield Wait(self.pause_s)
        late_s = self.pause_s
        for piece in self.pieces[middle:]:
            caught_up_s = min(late_s, piece.duration_s)
            late_s -= caught_up_s
            assert isinstance(piece, _TimedEvent)
            yield _TimedEvent(piece.data, piece.duration_s - caught_up_s, piece.times_s)
        yield from self.ending


@dataclass(kw_only=True, eq=False)
class TellingClone(SimulatedClone):
    """A simulated clone that tells what it is sent and what it sends.

    Attributes:
        pause_s: for so long the network is dead in the middle of each reply; only where `pace` is 1.
    """

    pause_s: float = 0.0

    def reseed(self, seed: int) -> None:
        """Another lateness, from now on."""
        self._random = Random(seed)

    async def _send(
        self, request: web.Request, reply: Reply, fault: Fault | None, start_s: float
    ) -> web.StreamResponse:
        got = self.received[-1]
        _tell(
            "received",
            first_byte_s=got.first_byte_s,
            last_byte_s=got.last_byte_s,
            body_bytes=_ENVELOPE_BYTES + (len(got.pcm) + 44) * 4 // 3,
            speech_ms=len(got.pcm) / 2 / RATE_HZ * 1_000,
        )
        times_s: list[float] = []
        pieces: Sequence[Event] = [_TimedEvent(piece.data, piece.duration_s, times_s) for piece in reply.pieces]
        try:
            return await SimulatedClone._send(
                self, request, _PausedReply(pieces, reply.ending, reply.streamed, self.pause_s), fault, start_s
            )
        finally:
            _tell("sent", audio_s=times_s)


@contextlib.asynccontextmanager
async def run_clone(link: Link, **settings: Any) -> AsyncIterator[tuple[Reporter, str]]:
    """The clone at the far end of a link: its process, and the base URL at the near end.

    Args:
        link: to it.
        settings: JSON values, by their names in `Behaviour`.
    """
    settings = {"voice": "tone", "rate_limit_per_minute": None} | settings
    async with reporter("benchmarks.clone", link.host, json.dumps(settings), prefix=link.prefix) as clone:
        yield clone, await link.open((await clone.next("listening"))["port"])


def _tell(event: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def _change(clone: TellingClone, settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        if name == "seed":
            clone.reseed(value)
        else:
            setattr(clone, name, value)


async def _run(host: str, settings: dict[str, Any]) -> None:
    clone = TellingClone()
    _change(clone, settings)
    url = await clone.start(host)
    _tell("listening", port=int(url.rpartition(":")[2]))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async for line in lines:
        _change(clone, json.loads(line))
    await clone.stop()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], json.loads(sys.argv[2])))
