"""A sound server that is killed, or frozen, in each state of the daemon; and the daemon, told to end.

How soon the loss is told, and how soon after the server is back a whole turn works; how soon a process that only a
fresh one can help ends.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator

from tests.sound.card import SoundCard

from benchmarks.clone import run_clone
from benchmarks.link import open_link
from benchmarks.processes import Reporter, progress, require_sound_cards, sound_card
from benchmarks.remote import Daemon, run_daemon
from benchmarks.result import Result

NOTICED_MS, WORKS_MS, ENDS_MS = 2_000, 3_000, 2_000

STATES = ("idle", "listening", "thinking", "speaking")
_SPEECH_S = 0.3
_GONE_S = 2.0  # the sound server, before it is back


def recovery(quick: bool) -> Iterator[Result]:
    """The daemon's. There is no yardstick: the plain client stays deaf."""
    require_sound_cards()
    states, runs = (STATES[:1], 1) if quick else (STATES, 3)
    for what, lose, bring_back in (("killed", _kill, _start_again), ("frozen", _freeze, _thaw)):
        for state in states:
            progress(f"recovery: {what} while {state}")
            noticed, works = zip(*(asyncio.run(_measure(state, lose, bring_back)) for _ in range(runs)), strict=True)
            yield Result.of(f"sound server {what} while {state}: told", "ms", noticed, at_most=NOTICED_MS)
            yield Result.of(f"sound server {what} while {state}: back → a whole turn", "ms", works, at_most=WORKS_MS)
    if not quick:
        progress("recovery: frozen for good")
        yield Result.of("sound server frozen for good → the process ends", "ms", [asyncio.run(_frozen_for_good())])
    for state in states:
        progress(f"recovery: told to end while {state}")
        ended = [asyncio.run(_end(state)) for _ in range(runs)]
        yield Result.of(f"told to end while {state} → ended", "ms", ended, at_most=ENDS_MS)


Way = Callable[[SoundCard], Awaitable[None]]


async def _kill(card: SoundCard) -> None:
    card.kill()


async def _start_again(card: SoundCard) -> None:
    await asyncio.to_thread(card.unplug)
    await asyncio.to_thread(card.plug_in)


async def _freeze(card: SoundCard) -> None:
    card.freeze()


async def _thaw(card: SoundCard) -> None:
    card.thaw()


async def _reach(daemon: Daemon, clone: Reporter, state: str) -> None:
    clone.order('{"tone_s": 20.0}')
    if state == "thinking":
        clone.order('{"think_s": 60.0}')
    if state == "listening":
        await daemon.press()
    elif state != "idle":
        await daemon.say("Hello")
    if state != "idle":
        while (await daemon.told.next("state", 5.0))["state"] != state:
            pass
    await asyncio.sleep(random.uniform(0.3, 0.6))  # not in step with its looks


async def _measure(state: str, lose: Way, bring_back: Way) -> tuple[float, float]:
    async with (
        open_link(None) as link,
        sound_card() as card,
        run_clone(link, think_s=0.01, tone_s=0.2) as (clone, url),
        run_daemon(card, url) as daemon,
    ):
        await _reach(daemon, clone, state)
        lost_s = time.monotonic()
        await lose(card)
        while not (fault := await daemon.told.next("fault", 10.0))["active"] or fault["fault"] != "no-microphone":
            pass
        noticed_ms = (time.monotonic() - lost_s) * 1_000
        clone.order('{"think_s": 0.01, "tone_s": 0.2}')
        await asyncio.sleep(max(0.0, lost_s + _GONE_S - time.monotonic()))
        await daemon.cancel()
        await bring_back(card)
        back_s = time.monotonic()
        daemon.told.forget()
        await _talk(daemon)
        return noticed_ms, (time.monotonic() - back_s) * 1_000


async def _talk(daemon: Daemon) -> None:
    """Press as soon as presses are taken, speak, let go, hear the answer out."""
    while True:
        daemon.told.forget()
        await daemon.press()
        number = await _begun(daemon)
        await asyncio.sleep(_SPEECH_S)
        await daemon.release()
        if number is not None:
            while (turn := await daemon.told.next("turn", 30.0))["turn"] != number:
                pass  # the one before, whose end comes late
            if turn["outcome"] == "answered":
                return


async def _begun(daemon: Daemon) -> int | None:
    """The number of the turn that a press began; None where it was refused."""
    state = asyncio.create_task(daemon.told.next("state", 10.0))
    refusal = asyncio.create_task(daemon.told.next("refusal", 10.0))
    while True:
        await asyncio.wait({state, refusal}, return_when=asyncio.FIRST_COMPLETED)
        if refusal.done():
            state.cancel()
            return None
        if (told := state.result())["state"] == "listening":
            refusal.cancel()
            number: int = told["turn"]
            return number
        state = asyncio.create_task(daemon.told.next("state", 10.0))


async def _frozen_for_good() -> float:
    async with (
        open_link(None) as link,
        sound_card() as card,
        run_clone(link, think_s=0.01, tone_s=0.2) as (_, url),
        run_daemon(card, url) as daemon,
    ):
        frozen_s = time.monotonic()
        card.freeze()
        try:
            await asyncio.wait_for(daemon.process.wait(), 30.0)
        finally:
            card.thaw()
        return (time.monotonic() - frozen_s) * 1_000


async def _end(state: str) -> float:
    async with (
        open_link(None) as link,
        sound_card() as card,
        run_clone(link, think_s=0.01, tone_s=0.2) as (clone, url),
        run_daemon(card, url) as daemon,
    ):
        await _reach(daemon, clone, state)
        told_s = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(daemon.process.wait(), 30.0)
        return (time.monotonic() - told_s) * 1_000
