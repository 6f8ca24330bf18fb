"""How soon a press silences a reply that goes on: from the press to the last sample heard, the fade included."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator

from benchmarks.clone import run_clone
from benchmarks.first_sound import device_latency_ms
from benchmarks.link import open_link
from benchmarks.processes import progress, reporter, require_sound_cards, sound_card
from benchmarks.recording import record
from benchmarks.remote import API_KEY, SLUG, run_daemon
from benchmarks.result import Result

SILENCE_MS = 50.0
"""Beyond the device's own latency."""

_REPLY_S = 3.0
_SPOKEN_S = 0.4  # of it, when the press comes
_SPEECH_S = 0.3
_SILENT_S = 0.25  # for so long nothing is heard any more


def barge_in(quick: bool) -> Iterator[Result]:
    """The daemon's, beside a plain client: that listens again when it has played to the end."""
    require_sound_cards()
    presses = 3 if quick else 12
    device, ours, plain = asyncio.run(_measure(presses))
    # The plain client's figure is what is left of a reply of `_REPLY_S`, and as long as that is.
    yield Result.of(
        "barge-in: press → silence",
        "ms",
        ours,
        at_most=round(SILENCE_MS + statistics.median(device)),
        yardsticks={
            "plain client, which plays to the end": plain,
            "the device's own latency": device,
        },
    )


async def _measure(presses: int) -> tuple[list[float], list[float], list[float]]:
    progress(f"barge-in: {presses} presses")
    all_ready = asyncio.Barrier(3)
    async with asyncio.TaskGroup() as lanes:
        device = lanes.create_task(device_latency_ms(presses, all_ready))
        ours = lanes.create_task(_daemon_lane(all_ready, presses))
        plain = lanes.create_task(_plain_lane(all_ready))
    return device.result(), ours.result(), plain.result()


async def _daemon_lane(all_ready: asyncio.Barrier, presses: int) -> list[float]:
    until_silent = []
    async with (
        open_link(None) as link,
        sound_card() as card,
        record(card) as recording,
        run_clone(link, think_s=0.2, tone_s=_REPLY_S) as (_, url),
        run_daemon(card, url) as daemon,
    ):
        await all_ready.wait()
        for _ in range(presses):
            mark = recording.frames
            await daemon.say("Hello")
            begins = await recording.sound_begins(mark)
            await asyncio.sleep(_SPOKEN_S + 0.0037)  # not in step with the periods
            pressed_s = await daemon.press()
            ends = await recording.sound_ends(begins, _SILENT_S)
            until_silent.append((recording.time_s(ends) - pressed_s) * 1_000)
            await daemon.cancel()
            for _ in ("the reply", "the recording"):
                await daemon.turn("cancelled")
    return until_silent


async def _plain_lane(all_ready: asyncio.Barrier) -> list[float]:
    async with (
        open_link(None) as link,
        sound_card() as card,
        record(card) as recording,
        run_clone(link, think_s=0.2, tone_s=_REPLY_S, pace=1.0) as (_, url),
        reporter("benchmarks.plain", url, API_KEY, SLUG, card=card) as plain,
    ):
        await plain.next("ready")
        await all_ready.wait()
        mark = recording.frames
        await plain.hold(_SPEECH_S)
        begins = await recording.sound_begins(mark)
        await asyncio.sleep(_SPOKEN_S)
        pressed_s = plain.order("press")
        await plain.next("played")
        ends = await recording.sound_ends(begins, _SILENT_S)
        return [(recording.time_s(ends) - pressed_s) * 1_000]
