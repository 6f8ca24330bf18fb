"""What is measured runs as it would anywhere: as processes. `remote` has the daemon; here is what all of them share.

All of them tell times of `time.monotonic`, which is one clock for all processes of a machine, whatever their network
namespace; so the times compare directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.sound.card import SoundCard, missing_programs

from benchmarks.result import NotHere

_PROJECT = Path(__file__).parents[1]
START_S = 15.0
_STOP_S = 5.0
# They end with us, even where these benchmarks are killed.
WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


def progress(words: str) -> None:
    """A line for who waits."""
    sys.stderr.write(f"… {words}\n")
    sys.stderr.flush()


def require_sound_cards() -> None:
    """Raises NotHere where no sound server can be had."""
    if missing := missing_programs():
        raise NotHere(f"no sound server: {', '.join(missing)} not installed (make test installs them)")


@contextlib.asynccontextmanager
async def sound_card() -> AsyncIterator[SoundCard]:
    """A microphone and a speaker of a private sound server."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        card = SoundCard(Path(directory), in_a_noisy_room=True)  # digital silence is nothing to be asked
        await asyncio.to_thread(card.plug_in)
        try:
            yield card
        finally:
            await asyncio.to_thread(card.unplug)


class Told:
    """What a process has told: messages by their kind, each taken once, in the order they came."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._kinds: dict[str, asyncio.Queue[dict[str, Any] | None]] = defaultdict(asyncio.Queue)
        self._over = False

    def add(self, kind: str, message: dict[str, Any]) -> None:
        """One more."""
        self._kinds[kind].put_nowait(message)

    def end(self) -> None:
        """No more will come."""
        self._over = True
        for queue in self._kinds.values():
            queue.put_nowait(None)

    def forget(self) -> None:
        """Whatever was told so far was not asked for."""
        self._kinds.clear()

    async def next(self, kind: str, within_s: float) -> dict[str, Any]:
        """The next of its kind. Raises RuntimeError where the process ends, TimeoutError where it says nothing."""
        queue = self._kinds[kind]
        if self._over and queue.empty():
            queue.put_nowait(None)
        try:
            message = await asyncio.wait_for(queue.get(), within_s)
        except TimeoutError:
            raise TimeoutError(f"{self._who} did not tell {kind!r} within {within_s:.0f} s") from None
        if message is None:
            raise RuntimeError(f"{self._who} ended before it told {kind!r}")
        return message


class Reporter:
    """A process that takes lines, and tells JSON objects with an `event` in lines of its own."""

    def __init__(self, process: asyncio.subprocess.Process, who: str) -> None:
        self._process = process
        self.told = Told(who)

    def order(self, line: str) -> float:
        """Send a line; when that was."""
        assert self._process.stdin is not None
        at_s = time.monotonic()
        self._process.stdin.write(line.encode() + b"\n")
        return at_s

    async def hold(self, speech_s: float) -> float:
        """Order a press, and a release so much later; when that was."""
        self.order("press")
        await asyncio.sleep(speech_s)
        return self.order("release")

    async def next(self, event: str, within_s: float = START_S) -> dict[str, Any]:
        """The next report of this event."""
        return await self.told.next(event, within_s)

    async def listen(self) -> None:
        """Take what it tells, until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            report = json.loads(line)
            self.told.add(report["event"], report)
        self.told.end()


@contextlib.asynccontextmanager
async def reporter(
    module: str, *arguments: str, card: SoundCard | None = None, prefix: Sequence[str] = ()
) -> AsyncIterator[Reporter]:
    """`python -m module arguments`, until the end of the block.

    Args:
        module: a program of this folder.
        arguments: of its.
        card: its sound card, or None.
        prefix: a command that runs it, for example in a network namespace.
    """
    command = (*WITH_US, *prefix, sys.executable, "-m", module, *arguments)
    async with run_process(command, card.environment if card else {}, listen=True) as process:
        spoken_with = Reporter(process, module)
        listening = asyncio.create_task(spoken_with.listen())
        try:
            yield spoken_with
        finally:
            listening.cancel()


@contextlib.asynccontextmanager
async def run_process(
    command: Sequence[str], environment: Mapping[str, str], *, listen: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process, ended at the end of the block; what it complained about is shown where the block fails."""
    with tempfile.TemporaryFile() as complaints:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if listen else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if listen else asyncio.subprocess.DEVNULL,
            stderr=complaints,
            env=os.environ | environment,
            cwd=_PROJECT,
            limit=2**24,
        )
        try:
            yield process
        except (RuntimeError, TimeoutError):
            complaints.seek(0)
            sys.stderr.write(complaints.read().decode(errors="replace")[-2_000:])
            raise
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
