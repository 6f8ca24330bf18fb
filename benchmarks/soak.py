"""`make soak`: turns back to back, with faults, lengths and interruptions by chance, for as long as one likes.

The daemon runs as a process on null sound cards, with a simulated clone that misbehaves in half of the turns, chosen
from all of its faults; now and then the sound server dies. At the end, at rest, its memory, file descriptors, threads
and tasks must be where they were at rest after the first minute, and every turn accounted for: answered, or told why
not. Whatever would keep a user waiting longer than a user waits is interrupted by another press.

    python -m benchmarks.soak [--minutes 10] [--seed N] [--picture FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import statistics
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sound.card import SoundCard

from benchmarks.clone import run_clone
from benchmarks.curve import Sample, draw
from benchmarks.link import open_link
from benchmarks.processes import Reporter, progress, require_sound_cards, sound_card
from benchmarks.remote import Daemon, run_daemon
from clonespeaker.simulate.faults import FAULTS

_SAMPLE_EVERY_S = 2.0
_SETTLE_S = 60.0  # what is there after the first minute is there to stay
_QUIET_S = 20.0  # the daemon is at rest: it gives memory back after 10, its idle connections after 15
_POOLED = 2  # idle connections to the clone: whoever looks whether a fault is over may just have used them
_HANGS_AFTER_S = 45.0
# Than after the first minute, in which chance may not have brought the largest replies yet; than halfway, of a leak.
_MORE_MEMORY_MB, _LEAKED_MB = 10.0, 3.0
_IMPATIENT_S, _WAITS_S = (0.05, 3.0), 10.0  # when a user interrupts
_SOUND_DIES_EVERY = 40  # turns, on average


@dataclass
class Ledger:
    """What a daemon was asked, and what it told.

    Attributes:
        events: of turns and faults, as they were told.
        refused: presses that were refused, and told so.
        hung: turns that did not end.
        sound_deaths: of the sound server.
    """

    events: list[dict[str, Any]]
    refused: int = 0
    hung: int = 0
    sound_deaths: int = 0

    @property
    def turns(self) -> list[dict[str, Any]]:
        """Those that are over."""
        return [event for event in self.events if event["event"] == "turn"]

    @property
    def outcomes(self) -> Counter[str]:
        """How many turns ended how; failed ones by their fault."""
        return Counter(turn["outcome"] + (f" ({turn['fault']})" if turn["fault"] else "") for turn in self.turns)

    def problems(self) -> list[str]:
        """Turns of which nobody knows."""
        found = [f"{self.hung} turns hung"] if self.hung else []
        numbers = [turn["turn"] for turn in self.turns]
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            found.append("a turn's end was told twice, or never")
        told = set()
        for event in self.events:
            if event["event"] == "fault" and event["active"]:
                told.add(event["fault"])
            elif event["event"] == "turn" and event["fault"] and event["fault"] not in told:
                # The fault follows its turn: it is told once the reply has faded out.
                later = self.events[self.events.index(event) :]
                if not any(each["event"] == "fault" and each["fault"] == event["fault"] for each in later):
                    found.append(f"turn {event['turn']} failed, and {event['fault']} was not told")
        return found


def main() -> int:
    """Soak, and tell."""
    options = argparse.ArgumentParser(prog="soak", description=__doc__.partition("\n")[0])
    options.add_argument("--minutes", type=float, default=10.0, help="how long (default: %(default)s)")
    options.add_argument("--seed", type=int, default=int(time.time()), help="of the chance; told, to be repeated")
    options.add_argument("--picture", metavar="FILE", help="the curve, as SVG")
    chosen = options.parse_args()
    require_sound_cards()
    progress(f"soak: {chosen.minutes:g} minutes, seed {chosen.seed}")
    soaked = asyncio.run(_soak(chosen.minutes * 60, random.Random(chosen.seed)))
    if chosen.picture:
        Path(chosen.picture).write_text(draw(soaked.samples))
    problems = soaked.problems()
    sys.stdout.write(soaked.summary() + "".join(f"NOT WELL: {each}\n" for each in problems))
    return 1 if problems else 0


@dataclass(frozen=True)
class Soaked:
    """What a soak saw.

    Attributes:
        samples: every two seconds.
        at_rest: after the first minute, halfway, and at the end.
        ledger: of its turns.
    """

    samples: list[Sample]
    at_rest: list[Sample]
    ledger: Ledger

    def problems(self) -> list[str]:
        """What is not as it was, and turns of which nobody knows."""
        first, halfway, last = self.at_rest
        found = []
        for before, more_mb in ((first, _MORE_MEMORY_MB), (halfway, _LEAKED_MB)):
            if last.memory_mb > before.memory_mb + more_mb:
                found.append(f"memory grew from {before.memory_mb:.1f} to {last.memory_mb:.1f} MB")
        for what, more in (("descriptors", _POOLED), ("threads", 0), ("tasks", 0)):
            if getattr(last, what) > getattr(first, what) + more:
                found.append(f"{what} grew from {getattr(first, what)} to {getattr(last, what)}")
        return found + self.ledger.problems()

    def summary(self) -> str:
        """In some lines."""
        turns = ", ".join(f"{count} {outcome}" for outcome, count in self.ledger.outcomes.most_common())
        memory_mb = [sample.memory_mb for sample in self.samples]
        lines = [
            f"{len(self.ledger.turns)} turns: {turns}",
            f"{self.ledger.refused} presses refused and told so, {self.ledger.sound_deaths} deaths of the sound server",
            *map(_line, self.samples[:: max(1, len(self.samples) // 20)]),
            *(f"{_line(sample)}  (at rest)" for sample in self.at_rest),
            f"memory: {statistics.median(memory_mb):.1f} MB at the median, {max(memory_mb):.1f} at most",
        ]
        return "\n".join(lines) + "\n"


async def _soak(seconds: float, chance: random.Random) -> Soaked:
    samples, at_rest = list[Sample](), list[Sample]()
    settings = {"CLONESPEAKER_CLONE__RETRY_FOR_S": "2", "CLONESPEAKER_SOUNDS__EARCONS": "true"}
    async with (
        open_link(None) as link,
        sound_card() as card,
        run_clone(link, think_s=0.05, tone_s=0.3) as (clone, url),
        run_daemon(card, url, settings) as daemon,
    ):
        ledger = Ledger(daemon.events)
        async with _watched(daemon, samples, ledger):
            user = _User(daemon, clone, card, chance, ledger)
            settle_s = min(_SETTLE_S, seconds / 3)
            for phase_s in (settle_s, (seconds - settle_s) / 2, (seconds - settle_s) / 2):
                until_s = time.monotonic() + phase_s
                while time.monotonic() < until_s:
                    await user.talk()
                clone.order('{"fault": null}')
                await asyncio.sleep(_QUIET_S)
                at_rest.append(await _sample(daemon, samples, ledger))
        samples.append(at_rest[-1])
    return Soaked(samples, at_rest, ledger)


class _User:
    """Who presses, speaks, waits, and loses patience."""

    def __init__(self, daemon: Daemon, clone: Reporter, card: SoundCard, chance: random.Random, ledger: Ledger) -> None:
        self._daemon = daemon
        self._clone = clone
        self._card = card
        self._chance = chance
        self._ledger = ledger

    async def talk(self) -> None:
        """One turn, however it ends; now and then a second press in the middle of it."""
        chance = self._chance
        fault = chance.choice(list(FAULTS)) if chance.random() < 0.5 else None
        order = {
            "fault": fault,
            "tone_s": chance.choice([0.05, 0.3, 1.0, 3.0]),
            "snippet_ms": chance.choice([5, 20, 200, 1_000]),
            "encoding": chance.choice(["raw", "raw", "wav-first", "wav-each"]),
            "think_s": chance.choice([0.0, 0.05, 0.5]),
            "jitter_ms": chance.choice([0, 0, 60]),
            "pace": chance.choice([None, 1.0]),
        }
        self._clone.order(json.dumps(order))
        self._daemon.told.forget()
        await self._begin()
        if chance.random() < 1 / _SOUND_DIES_EVERY:
            await self._lose_the_sound()
        loses_patience = chance.random() < (0.5 if fault else 0.3)
        impatient_after_s = chance.uniform(*_IMPATIENT_S) if loses_patience else _WAITS_S
        if not await self._ends_within(impatient_after_s):
            await (self._daemon.cancel() if chance.random() < 0.5 else self._tap())
            if not await self._ends_within(_HANGS_AFTER_S):
                self._ledger.hung += 1
                await self._daemon.cancel()

    async def _begin(self) -> None:
        if self._chance.random() < 0.3:
            await self._daemon.say("Good morning")
        else:
            await self._daemon.press()
            await asyncio.sleep(self._chance.choice([0.1, 0.4, 1.0, 3.0]))
            await self._daemon.release()

    async def _tap(self) -> None:
        await self._daemon.press()
        await self._daemon.release()

    async def _ends_within(self, seconds: float) -> bool:
        over = asyncio.create_task(self._daemon.told.next("turn", seconds))
        refused = asyncio.create_task(self._daemon.told.next("refusal", seconds))
        done, waiting = await asyncio.wait({over, refused}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if refused in done and refused.exception() is None:
            self._ledger.refused += 1  # and told so: there is no microphone at the moment
            await asyncio.sleep(0.3)
            return True
        return not over.cancelled() and over.exception() is None

    async def _lose_the_sound(self) -> None:
        self._ledger.sound_deaths += 1
        self._card.kill()
        await asyncio.sleep(self._chance.uniform(0.1, 2.0))
        await asyncio.to_thread(self._card.unplug)
        await asyncio.to_thread(self._card.plug_in)


@contextlib.asynccontextmanager
async def _watched(daemon: Daemon, samples: list[Sample], ledger: Ledger) -> AsyncIterator[None]:
    async def watch() -> None:
        while True:
            samples.append(await _sample(daemon, samples, ledger))
            if len(samples) % 30 == 0:
                progress(f"soak: {_line(samples[-1])}")
            await asyncio.sleep(_SAMPLE_EVERY_S)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _sample(daemon: Daemon, samples: list[Sample], ledger: Ledger) -> Sample:
    process = Path(f"/proc/{daemon.process.pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    begun_s = samples[0].at_s if samples else time.monotonic()
    return Sample(
        at_s=time.monotonic(),
        since_s=time.monotonic() - begun_s,
        memory_mb=int(status["VmRSS"].split()[0]) / 1_024,
        descriptors=len(os.listdir(process / "fd")),
        threads=int(status["Threads"]),
        tasks=await asyncio.to_thread(_tasks, daemon.port),
        turns=len(ledger.turns),
    )


def _tasks(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        line = next(line for line in page if line.startswith(b"clonespeaker_tasks "))
    return int(float(line.split()[1]))


def _line(sample: Sample) -> str:
    return (
        f"{sample.since_s:6.0f} s  {sample.turns:5d} turns  {sample.memory_mb:6.1f} MB  "
        f"{sample.descriptors:3d} descriptors  {sample.threads:2d} threads  {sample.tasks:2d} tasks"
    )


if __name__ == "__main__":
    sys.exit(main())
