"""`simulate`: the simulated clone alone."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import signal

from clonespeaker.cli.terminal import complain, say, table
from clonespeaker.errors import EXIT_USAGE
from clonespeaker.simulate.faults import FAULTS, TLS_FAULTS
from clonespeaker.simulate.picture import PATH, sources
from clonespeaker.simulate.server import SimulatedClone


def main(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if options.fault == "list":
        numbers = {name: f"[={fault.unit.upper()}]" if fault.unit else "" for name, fault in FAULTS.items()}
        rows = [(name + numbers[name], fault.what) for name, fault in FAULTS.items()]
        say(table([*rows, *TLS_FAULTS.items()]))
        return 0
    if options.fault in TLS_FAULTS:
        options.tls, options.fault = options.fault.removeprefix("tls-"), None
    clone = SimulatedClone(
        api_key=options.key,
        slug=options.slug,
        name=options.name,
        reply_text=options.reply_text,
        citations=sources(options.citations),
        image_url=options.image_url,
        think_s=options.think,
        voice=options.voice,
        tone_s=options.tone_s,
        encoding=options.encoding,
        rate_hz=options.rate,
        snippet_ms=options.snippet_ms,
        pace=options.pace,
        jitter_ms=options.jitter_ms,
        rate_limit_per_minute=50,
        tls=options.tls,
    )
    if options.fault is not None:
        try:
            clone.fault_once(options.fault, options.fault_times or math.inf)
        except ValueError as error:
            complain(f"clonespeaker: {error}; `--fault list` lists them")
            return EXIT_USAGE
    asyncio.run(_serve(clone, options.host, options.port, with_picture=options.picture))
    return 0


async def _serve(clone: SimulatedClone, host: str, port: int, *, with_picture: bool) -> None:
    url = await clone.start(host, port)
    if with_picture:
        clone.image_url = url + PATH
    trust = f"SSL_CERT_FILE={clone.ca_file} " if clone.ca_file else ""
    say(f"the simulated clone {clone.slug!r} listens at {url}; Ctrl-C ends it. Talk with it:")
    say(
        f"  {trust}CLONESPEAKER_API_KEY={clone.api_key} CLONESPEAKER_CLONE__BASE_URL={url} "
        f"CLONESPEAKER_CLONE__SLUG={clone.slug} clonespeaker ask 'Who are you?'"
    )
    curl = "curl --insecure" if clone.tls else "curl"
    say("Let it misbehave:")
    say(f"""  {curl} -X PUT {url}/simulated/fault -d '{{"fault": "cut-after", "at": 3}}'""")
    say(f"""  {curl} -X PUT {url}/simulated/fault -d '{{"fault": null}}'    # and behave again""")
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    with contextlib.suppress(asyncio.CancelledError):
        await interrupted.wait()
    await clone.stop()
