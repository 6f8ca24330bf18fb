"""`python -m benchmarks.faults`: how soon each way in which the clone misbehaves is told, and how soon it is over.

A daemon and a clone for each fault, some at a time, in one process and with files for sound; everything as users have
it: patience, retries, pauses. A question is spoken, and the fault lasts until the turn is over.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.daemon import running
from tests.matrix import MATRIX
from tests.peers import until

from benchmarks.processes import progress

_AT_A_TIME = 6
_OVER_WITHIN_S = 200.0
_ENDLESS_S = 3.0  # and then somebody presses


async def _measure(name: str, places: asyncio.Semaphore) -> tuple[str, ...]:
    async with places:
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as state_dir:
            async with running(Path(state_dir)) as daemon:
                daemon.clone.snippet_ms = 5
                daemon.clone.fault = name
                await daemon.hold()
                released_s = time.monotonic()
                if name == "endless-stream":
                    await asyncio.sleep(_ENDLESS_S)
                    daemon.cancel()
                try:
                    await until(lambda: daemon.told("turn"), _OVER_WITHIN_S)
                except TimeoutError:
                    return name, "HANGS", "", ""
                faults = [at for at, event in zip(daemon.at, daemon.events, strict=True) if event["event"] == "fault"]
                told = f"{faults[0] - released_s:.1f} s" if faults else "–"
                over = f"{time.monotonic() - released_s:.1f} s"
                daemon.clone.fault = None
                well_s = time.monotonic()
                if "prerequisites" in daemon.app.news.faults:  # only an answer ends that
                    daemon.say("Are you ready now?")
                    await daemon.event("turn", outcome="answered")
                await until(lambda: not daemon.app.news.faults, _OVER_WITHIN_S)
                cleared = f"{time.monotonic() - well_s:.1f} s" if faults else "–"
                if (turn := await daemon.talk())["outcome"] != "answered":
                    return name, told, over, f"then {turn['fault']}"
                progress(f"faults: {name}")
                return name, told, over, cleared


async def _all() -> list[tuple[str, ...]]:
    places = asyncio.Semaphore(_AT_A_TIME)
    return await asyncio.gather(*(_measure(name, places) for name in MATRIX))


def main() -> int:
    """Measure all, and tell."""
    rows = asyncio.run(_all())
    sys.stdout.write(f"{'fault':26}{'told after':>12}{'turn over':>12}{'mended → cleared':>18}\n")
    for name, told, over, cleared in rows:
        sys.stdout.write(f"{name:26}{told:>12}{over:>12}{cleared:>18}\n")
    return any("HANGS" in row or row[-1].startswith("then") for row in rows)


if __name__ == "__main__":
    sys.exit(main())
