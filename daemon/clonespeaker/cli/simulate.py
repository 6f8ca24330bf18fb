"""`simulate`: the simulated clone alone."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal

from clonespeaker.cli.terminal import complain, say, table
from clonespeaker.errors import EXIT_USAGE
from clonespeaker.simulate.faults import FAULTS
from clonespeaker.simulate.server import SimulatedClone


def main(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if options.fault == "list":
        say(table([(name, fault.what) for name, fault in FAULTS.items()]))
        return 0
    if options.fault is not None and options.fault not in FAULTS:
        complain(f"clonespeaker: there is no fault {options.fault!r}; `--fault list` lists them")
        return EXIT_USAGE
    asyncio.run(_serve(options))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    clone = SimulatedClone(
        api_key=options.key,
        slug=options.slug,
        think_s=options.think,
        voice=options.voice,
        encoding=options.encoding,
        rate_hz=options.rate,
        snippet_ms=options.snippet_ms,
        pace=options.pace,
        jitter_ms=options.jitter_ms,
        rate_limit_per_minute=50,
    )
    clone.fault = options.fault
    url = await clone.start(options.host, options.port)
    say(f"the simulated clone {options.slug!r} listens at {url}; Ctrl-C ends it. Talk with it:")
    say(
        f"  CLONESPEAKER_API_KEY={options.key} CLONESPEAKER_CLONE__BASE_URL={url} "
        f"CLONESPEAKER_CLONE__SLUG={options.slug} clonespeaker ask 'Who are you?'"
    )
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    with contextlib.suppress(asyncio.CancelledError):
        await interrupted.wait()
    await clone.stop()
