"""The upload's tail: from the release until the clone has the last byte of what was said."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence

from benchmarks.clone import run_clone
from benchmarks.link import Link, open_link
from benchmarks.processes import progress, reporter, require_sound_cards, sound_card
from benchmarks.remote import API_KEY, SLUG, run_daemon
from benchmarks.result import Result

RATES_MBIT = (None, 5.0, 1.0)
LENGTHS_S = (2.0, 5.0, 10.0, 20.0)
MEDIAN_MS = 30.0
WORST_MS = 150.0

_BETWEEN_S = 0.3  # turns
_REPLY_S = 0.1

Tails = dict[tuple[float | None, float], list[float]]
"""Milliseconds, by rate and length."""


def upload(quick: bool) -> Iterator[Result]:
    """For each length of speech and each uplink, beside the plain client and what the link itself needs."""
    require_sound_cards()
    rates, lengths, rounds = ((5.0, 1.0), (2.0,), 1) if quick else (RATES_MBIT, LENGTHS_S, 2)
    ours, needed, plain, kind = asyncio.run(_measure(rates, lengths, rounds))
    for rate in rates:
        over = "loopback" if rate is None else f"{rate:g} Mbit/s" + (" (proxy)" if kind == "proxy" else "")
        in_budget = rate is not None
        for length in lengths:
            yield Result.of(
                f"upload tail, {length:g} s at {over}",
                "ms",
                ours[rate, length],
                at_most=MEDIAN_MS if in_budget else None,
                yardsticks={"plain client": plain[rate, length], "what the link needs": needed[rate, length]},
            )
        tails = [tail for length in lengths for tail in ours[rate, length]]
        worst = f"upload tail, worst of {len(tails)} at {over}"
        yield Result.of(worst, "ms", [max(tails)], at_most=WORST_MS if in_budget else None)


async def _measure(
    rates: Sequence[float | None], lengths: tuple[float, ...], rounds: int
) -> tuple[Tails, Tails, Tails, str]:
    """Everything at the same time: each client has a link, a clone and a sound card of its own."""
    ours: Tails = defaultdict(list)
    needed: Tails = defaultdict(list)
    plain: Tails = defaultdict(list)
    kinds: set[str] = set()
    progress(f"upload tail: {rounds} × {', '.join(f'{length:g}' for length in lengths)} s of speech")

    all_ready = asyncio.Barrier(3 * len(rates))

    async def daemon_lane(rate: float | None) -> None:
        async with open_link(rate) as link:
            kinds.add(link.kind)
            await _daemon_lane(link, all_ready, lengths * rounds, ours, needed)

    async def plain_lane(rate: float | None) -> None:
        async with open_link(rate) as link:
            await _plain_lane(link, all_ready, lengths, plain)

    async with asyncio.TaskGroup() as lanes:
        for rate in rates:
            for _ in range(2):
                lanes.create_task(daemon_lane(rate))
            lanes.create_task(plain_lane(rate))
    return ours, needed, plain, "proxy" if "proxy" in kinds else "HTB"


async def _daemon_lane(
    link: Link, all_ready: asyncio.Barrier, lengths: Sequence[float], tails: Tails, needed: Tails
) -> None:
    async with (
        sound_card() as card,
        run_clone(link, think_s=0.0, tone_s=_REPLY_S) as (clone, base_url),
        run_daemon(card, base_url) as daemon,
    ):
        await all_ready.wait()  # starting takes the processor that the others measure with
        for length in lengths:
            pressed_s = await daemon.press()
            await asyncio.sleep(length)
            released_s = await daemon.release()
            got = await clone.next("received")
            tails[link.rate_mbit, length].append((got["last_byte_s"] - released_s) * 1_000)
            left_s = max(0.0, link.needs_s(got["body_bytes"]) - (released_s - pressed_s))
            needed[link.rate_mbit, length].append(left_s * 1_000)
            await daemon.turn()
            await asyncio.sleep(_BETWEEN_S)


async def _plain_lane(link: Link, all_ready: asyncio.Barrier, lengths: Sequence[float], tails: Tails) -> None:
    async with (
        sound_card() as card,
        run_clone(link, think_s=0.0, tone_s=_REPLY_S) as (clone, base_url),
        reporter("benchmarks.plain", base_url, API_KEY, SLUG, card=card) as plain,
    ):
        await plain.next("ready")
        await all_ready.wait()
        for length in lengths:
            released_s = await plain.hold(length)
            got = await clone.next("received", 60)
            tails[link.rate_mbit, length].append((got["last_byte_s"] - released_s) * 1_000)
            await plain.next("played")
            await asyncio.sleep(_BETWEEN_S)
