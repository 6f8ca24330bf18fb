"""How soon the reply is heard: after its first byte has come, and after the release.

Heard is what the null speaker plays (`recording` tells with what resolution). The clone writes a snippet's time down
as it hands it to the kernel; over loopback that is its arrival.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.clone import run_clone
from benchmarks.link import open_link
from benchmarks.pipe import PLAYER
from benchmarks.processes import Reporter, progress, reporter, require_sound_cards, sound_card
from benchmarks.recording import Recording, record
from benchmarks.remote import API_KEY, SLUG, run_daemon
from benchmarks.result import Result

START_MS = 60.0
PERIOD_MS = 10.0
THINK_MS = 300.0

_SPEECH_S = 0.5
_REPLY_S = 0.5
_BETWEEN_S = 0.25
_SMALL_SNIPPET_MS = 20.0


@dataclass
class Heard:
    """Milliseconds until the first sample of each reply was heard."""

    after_release: list[float] = field(default_factory=list)
    after_audio: list[float] = field(default_factory=list)
    after_audio_as_told: list[float] = field(default_factory=list)  # by the daemon's timeline


def first_sound(quick: bool) -> Iterator[Result]:
    """Of replies in real time: in snippets of 200 ms, and of 20 ms, where the jitter buffer has to gather."""
    require_sound_cards()
    turns = 2 if quick else 12
    device, ours, small, plain, pipe = asyncio.run(_measure(turns))
    budget = round(START_MS + 2 * PERIOD_MS + statistics.median(device))
    yield Result.of("the device's own latency: period asked for → heard", "ms", device)
    yield Result.of(
        "first audio → first sound",
        "ms",
        ours.after_audio,
        at_most=budget,
        yardsticks={"plain client": plain.after_audio, f"{PLAYER} pipe": pipe.after_audio},
    )
    yield Result.of("first audio → first sound, as its timeline tells", "ms", ours.after_audio_as_told)
    yield Result.of(
        f"first audio → first sound, snippets of {_SMALL_SNIPPET_MS:g} ms", "ms", small.after_audio, at_most=budget
    )
    yield Result.of(
        f"release → first sound, clone thinks {THINK_MS:g} ms",
        "ms",
        ours.after_release,
        yardsticks={"plain client": plain.after_release, f"{PLAYER} pipe": pipe.after_release},
    )


async def _measure(turns: int) -> tuple[list[float], Heard, Heard, Heard, Heard]:
    """Everything at the same time, each with a clone and a sound card of its own."""
    progress(f"first sound: {turns} turns of each client")
    ours, small, plain, pipe = Heard(), Heard(), Heard(), Heard()
    all_ready = asyncio.Barrier(5)
    async with asyncio.TaskGroup() as lanes:
        device = lanes.create_task(device_latency_ms(turns, all_ready))
        lanes.create_task(_daemon_lane(all_ready, turns, ours, snippet_ms=200.0))
        lanes.create_task(_daemon_lane(all_ready, turns, small, snippet_ms=_SMALL_SNIPPET_MS))
        lanes.create_task(_reporter_lane("benchmarks.plain", all_ready, turns, plain))
        lanes.create_task(_reporter_lane("benchmarks.pipe", all_ready, turns, pipe))
    return device.result(), ours, small, plain, pipe


async def device_latency_ms(clicks: int, all_ready: asyncio.Barrier | None = None) -> list[float]:
    """Milliseconds from the callback to the ear, of a bare stream with the daemon's period."""
    latencies = []
    async with (
        sound_card() as card,
        record(card) as recording,
        reporter("benchmarks.click", str(round(44.1 * PERIOD_MS)), card=card) as stream,
    ):
        await stream.next("ready")
        if all_ready:
            await all_ready.wait()
        for _ in range(clicks):
            mark = recording.frames
            stream.order("click")
            written_s = (await stream.next("written"))["at_s"]
            heard = await recording.sound_begins(mark)
            await recording.sound_ends(mark, 0.1)
            latencies.append((recording.time_s(heard) - written_s) * 1_000)
            await asyncio.sleep(_BETWEEN_S + 0.0037)  # not in step with the periods
    return latencies


async def _daemon_lane(all_ready: asyncio.Barrier, turns: int, heard: Heard, *, snippet_ms: float) -> None:
    async with (
        open_link(None) as link,
        sound_card() as card,
        record(card) as recording,
        run_clone(link, think_s=THINK_MS / 1_000, tone_s=_REPLY_S, pace=1.0, snippet_ms=snippet_ms) as (clone, url),
        run_daemon(card, url) as daemon,
    ):
        await all_ready.wait()

        async def release() -> float:
            return await daemon.release()

        for _ in range(turns):
            await daemon.press()
            turn = await _turn(recording, clone, heard, release, daemon.turn)
            heard.after_audio_as_told.append(turn["first_sound"] - turn["first_audio"])


async def _reporter_lane(module: str, all_ready: asyncio.Barrier, turns: int, heard: Heard) -> None:
    async with (
        open_link(None) as link,
        sound_card() as card,
        record(card) as recording,
        run_clone(link, think_s=THINK_MS / 1_000, tone_s=_REPLY_S, pace=1.0) as (clone, url),
        reporter(module, url, API_KEY, SLUG, card=card) as client,
    ):
        await client.next("ready")
        await all_ready.wait()

        async def release() -> float:
            return client.order("release")

        for _ in range(turns):
            client.order("press")
            await _turn(recording, clone, heard, release, lambda: client.next("played"))


async def _turn(
    recording: Recording,
    clone: Reporter,
    heard: Heard,
    release: Callable[[], Awaitable[float]],
    over: Callable[[], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    """From the press on; what the client tells at the turn's end."""
    await asyncio.sleep(_SPEECH_S)
    mark = recording.frames
    released_s = await release()
    begins = await recording.sound_begins(mark)
    sent_s = (await clone.next("sent"))["audio_s"][0]
    told = await over()
    await recording.sound_ends(begins, 0.1)
    heard_s = recording.time_s(begins)
    heard.after_release.append((heard_s - released_s) * 1_000)
    heard.after_audio.append((heard_s - sent_s) * 1_000)
    await asyncio.sleep(_BETWEEN_S + 0.0037)
    return told
