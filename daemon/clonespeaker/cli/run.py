"""`clonespeaker run`: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from clonespeaker.app import App
from clonespeaker.config.credentials import mask_key, read_api_key, read_status_token
from clonespeaker.config.load import load, require_clone


def main(options: argparse.Namespace) -> int:
    """Run it until it is told to stop."""
    log_to_stderr(logging.DEBUG if options.verbose else logging.INFO)
    loaded = load(options.config, os.environ)
    require_clone(loaded)
    api_key = read_api_key(loaded.settings, os.environ)
    clone = loaded.settings.clone
    logging.getLogger("clonespeaker").info(
        "talking with %s at %s, key %s", clone.slug or clone.conversation_id, clone.base_url, mask_key(api_key)
    )
    asyncio.run(App(loaded.settings, api_key=api_key, token=read_status_token(loaded.settings)).run())
    return 0


def log_to_stderr(level: int) -> None:
    """One line each. The journal has its own clock; a terminal wants one."""
    clock = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(
        level=logging.WARNING, format=f"{clock}%(levelname).1s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    logging.getLogger("clonespeaker").setLevel(level)
