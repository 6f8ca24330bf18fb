"""Long replies in real time over networks that deliver unevenly: how often they stutter, and what that costs.

Each reply is a tone that the clone sends in snippets of 200 ms, each late by an exponentially distributed time (the
same times for the plain client, whose clone has the same seed), or all in time but for one dead second in its middle.
What counts as silence is a millisecond or more of zeros between the first and the last sample heard.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.sound.card import SoundCard

from benchmarks.clone import run_clone
from benchmarks.link import open_link
from benchmarks.processes import Reporter, progress, reporter, require_sound_cards, sound_card
from benchmarks.recording import Recording, gaps_ms, record
from benchmarks.remote import API_KEY, SLUG, run_daemon
from benchmarks.result import Result

_SPEECH_S = 0.3
_THINK_S = 1.5  # the clone makes the whole reply meanwhile, so that it can begin in time
_APART_S = 0.6  # the lanes, so that no reply is made while many others begin
_SLACK_S = 30.0
_SILENT_S = 0.5


@dataclass(frozen=True)
class Network:
    """How a network delivers.

    Attributes:
        name: for people.
        jitter_ms: mean lateness of a snippet.
        pause_s: it is dead for so long in the middle of a reply.
        seeds: of the latenesses, one for each daemon that is measured.
        budget: whether the budget is about this one.
    """

    name: str
    jitter_ms: float
    pause_s: float = 0.0
    seeds: tuple[int, ...] = (0,)
    budget: bool = False


NETWORKS = (
    Network("calm", 0),
    Network("30 ms jitter", 30),
    Network("60 ms jitter", 60, seeds=(0, 1, 2), budget=True),
    Network("120 ms jitter", 120),
    Network("a dead second", 0, pause_s=1.0),
)


@dataclass(frozen=True)
class Heard:
    """One reply.

    Attributes:
        underruns: as the daemon counts them; the plain client does not count, so here silences are.
        silent_ms: silence between its first and its last sample.
        delay_ms: from its first byte of sound to its first sample heard.
    """

    underruns: int
    silent_ms: float
    delay_ms: float


def jitter(quick: bool) -> Iterator[Result]:
    """The first reply of a fresh daemon, and the second, when its jitter buffer has learnt."""
    require_sound_cards()
    networks = [replace(network, seeds=(0,)) for network in NETWORKS if network.budget] if quick else NETWORKS
    reply_s = 3.0 if quick else 60.0
    progress(f"jitter: replies of {reply_s:g} s over {', '.join(network.name for network in networks)}")
    for network, ours, plain in asyncio.run(_measure(networks, reply_s)):
        for at, which in enumerate(("first", "second")):
            name, replies = f"{network.name}, {which} reply", [daemon[at] for daemon in ours]
            # The first reply may starve once: so it learns.
            counts = [max(0, reply.underruns - 1) if at == 0 else reply.underruns for reply in replies]
            worst = f", worst of {len(counts)}" if len(counts) > 1 else ""
            yield Result.of(
                f"{name}: underruns{' after the first' if at == 0 else ''}{worst}",
                "",
                [max(counts)],
                at_most=0 if network.budget else None,
            )
            yield Result.of(
                f"{name}: silence inside",
                "ms",
                [reply.silent_ms for reply in replies],
                yardsticks={"plain client": [reply.silent_ms for reply in plain]},
            )
            yield Result.of(
                f"{name}: first audio → first sound",
                "ms",
                [reply.delay_ms for reply in replies],
                yardsticks={"plain client": [reply.delay_ms for reply in plain]},
            )


class _Turns:
    """A barrier behind which so many lanes begin one after the other."""

    def __init__(self, lanes: int) -> None:
        self._barrier = asyncio.Barrier(lanes)

    async def wait(self) -> None:
        """Until all are ready, and it is this lane's turn."""
        await asyncio.sleep(_APART_S * await self._barrier.wait())


async def _measure(networks: Sequence[Network], reply_s: float) -> list[tuple[Network, list[list[Heard]], list[Heard]]]:
    """All networks at the same time; each client has a clone and a sound card of its own."""
    all_ready = _Turns(sum(2 * len(network.seeds) for network in networks))
    async with asyncio.TaskGroup() as lanes:
        running = [
            (
                network,
                [lanes.create_task(_daemon_lane(network, seed, reply_s, all_ready)) for seed in network.seeds],
                [lanes.create_task(_plain_lane(network, seed, reply_s, all_ready)) for seed in network.seeds],
            )
            for network in networks
        ]
    return [
        (network, [lane.result() for lane in ours], [lane.result() for lane in plain])
        for network, ours, plain in running
    ]


@contextlib.asynccontextmanager
async def _far_end(
    network: Network, seed: int, reply_s: float
) -> AsyncIterator[tuple[SoundCard, Recording, Reporter, str]]:
    """A sound card, what is recorded of it, and a clone behind that network, with its base URL."""
    settings = {"tone_s": reply_s, "jitter_ms": network.jitter_ms, "pause_s": network.pause_s, "seed": seed}
    async with (
        open_link(None) as link,
        sound_card() as card,
        record(card) as recording,
        run_clone(link, think_s=_THINK_S, pace=1.0, **settings) as (clone, url),
    ):
        yield card, recording, clone, url


async def _daemon_lane(network: Network, seed: int, reply_s: float, all_ready: _Turns) -> list[Heard]:
    replies = []
    async with _far_end(network, seed, reply_s) as (card, recording, clone, url), run_daemon(card, url) as daemon:
        await all_ready.wait()
        for _ in ("first", "second"):
            mark = recording.frames
            await daemon.say("Hello")
            turn = await daemon.turn(within_s=reply_s + _SLACK_S)
            replies.append(await _heard(recording, mark, clone, turn["underruns"]))
    return replies


async def _plain_lane(network: Network, seed: int, reply_s: float, all_ready: _Turns) -> Heard:
    async with (
        _far_end(network, seed, reply_s) as (card, recording, clone, url),
        reporter("benchmarks.plain", url, API_KEY, SLUG, card=card) as plain,
    ):
        await plain.next("ready")
        await all_ready.wait()
        mark = recording.frames
        await plain.hold(_SPEECH_S)
        await plain.next("played", reply_s + _SLACK_S)
        return await _heard(recording, mark, clone)


async def _heard(recording: Recording, mark: int, clone: Reporter, underruns: int | None = None) -> Heard:
    """The reply that was played since `mark` and is over."""
    begins = await recording.sound_begins(mark)
    ends = await recording.sound_ends(mark, _SILENT_S)
    gaps = gaps_ms(recording.heard(begins)[: ends - begins + 1])
    sent_s = (await clone.next("sent"))["audio_s"][0]
    delay_ms = (recording.time_s(begins) - sent_s) * 1_000
    return Heard(len(gaps) if underruns is None else underruns, sum(gaps), delay_ms)
