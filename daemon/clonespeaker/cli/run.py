"""`clonespeaker run`: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import logging
import os
import sys
import threading

from clonespeaker.app import App
from clonespeaker.config.credentials import read_api_key, read_status_tokens
from clonespeaker.config.load import load, require_clone
from clonespeaker.errors import EXIT_FAILED

_END_S = 1.0


def main(options: argparse.Namespace) -> int:
    """Run it until it is told to stop."""
    log_to_stderr(logging.DEBUG if options.verbose else logging.INFO)
    loaded = load(options.config, os.environ)
    require_clone(loaded)
    api_key = read_api_key(loaded.settings, os.environ)
    tokens = read_status_tokens(loaded.settings)
    faulthandler.enable()  # a watchdog's SIGABRT then tells where it hung
    app = App(
        loaded.settings,
        api_key=api_key,
        token=tokens.control,
        read_token=tokens.read,
        reread=lambda: load(options.config, os.environ).settings,
    )
    asyncio.run(_run(app))
    return 0


async def _run(app: App) -> None:
    try:
        await app.run()
    finally:
        # The loop's end waits for its threads, and one that hangs in PortAudio never returns. Nothing is lost by
        # leaving it behind; what is to outlive this process is on the disk.
        give_up = threading.Timer(_END_S, os._exit, (EXIT_FAILED,))
        give_up.daemon = True
        give_up.start()


def log_to_stderr(level: int) -> None:
    """One line each. The journal has its own clock; a terminal wants one."""
    # A descriptor of its own: the usual one is redirected while PortAudio talks to itself. Where that hangs, the last
    # words and the watchdog's "where it was" are to be read all the same.
    sys.stderr = os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1)
    clock = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(
        level=logging.WARNING,
        format=f"{clock}%(levelname).1s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    logging.getLogger("clonespeaker").setLevel(level)
