"""`clonespeaker run`: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import logging
import os
import sys
import threading
from pathlib import Path

import msgspec

from clonespeaker.app import App
from clonespeaker.cli.needs import require_installed
from clonespeaker.config.credentials import read_api_key, read_status_tokens
from clonespeaker.config.load import DEFAULT_PATH, Loaded, load, require_clone
from clonespeaker.config.settings import Settings
from clonespeaker.cues import Earcon
from clonespeaker.errors import EXIT_FAILED, ClonespeakerError, ConfigError, DeviceError, StuckError

_END_S = 1.0
_SPEAKER_WITHIN_S = 5.0  # is looked for, to say why it can't start


def main(options: argparse.Namespace) -> int:
    """Run it until it is told to stop."""
    log_to_stderr(logging.DEBUG if options.verbose else logging.INFO)
    settings = None
    try:
        loaded = load(options.config, os.environ)
        settings = loaded.settings
        _require_all(loaded)
        api_key = read_api_key(settings, os.environ)
        tokens = read_status_tokens(settings)
        faulthandler.enable()  # a watchdog's SIGABRT then tells where it hung
        app = App(
            settings,
            api_key=api_key,
            token=tokens.control,
            read_token=tokens.read,
            reread=lambda: _require_all(load(options.config, os.environ)),
        )
        _run(app)
    except ClonespeakerError as error:
        _say_aloud(error, settings, options.config or DEFAULT_PATH)
        raise
    return 0


def _require_all(loaded: Loaded) -> Settings:
    """Settings that the daemon can be started with; raises ConfigError."""
    require_clone(loaded)
    require_installed(loaded)
    return loaded.settings


def _run(app: App) -> None:
    # The loop's end waits for its threads, and one that hangs in PortAudio never returns. Nothing is lost by leaving it
    # behind; what is to outlive this process is on the disk.
    give_up = threading.Timer(_END_S, os._exit, (EXIT_FAILED,))
    give_up.daemon = True

    async def run() -> None:
        try:
            await app.run()
        finally:
            give_up.start()

    try:
        asyncio.run(run())
    except ClonespeakerError as error:
        if not isinstance(error, StuckError):  # something is still to be said, and no thread was left behind
            give_up.cancel()
        raise


def _say_aloud(error: ClonespeakerError, settings: Settings | None, config: Path) -> None:
    """Why it can't start, where it is a service and nobody reads the journal; once a boot."""
    if "RUNTIME_DIRECTORY" not in os.environ or isinstance(error, StuckError):
        return
    from clonespeaker.cli.alarm import announce, language_in, was_told

    if was_told(str(error)):
        return
    if settings is None:
        settings = msgspec.structs.replace(Settings(), language=language_in(config))
    is_the_button = isinstance(error, DeviceError) and error.device == "button"
    name = "wrong-settings" if isinstance(error, ConfigError) else "no-button" if is_the_button else "cant-start"
    # What is said must not outlast the unit's patience either.
    announce(name, [settings], Earcon.ERROR, opens_within_s=_SPEAKER_WITHIN_S)


def log_to_stderr(level: int) -> None:
    """One line each. The journal has its own clock; a terminal wants one."""
    # A descriptor of its own: the usual one is redirected while PortAudio talks to itself. Where that hangs, the last
    # words and the watchdog's "where it was" are to be read all the same.
    sys.stderr = os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1, errors="backslashreplace")
    clock = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(
        level=logging.WARNING,
        format=f"{clock}%(levelname).1s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    logging.getLogger("clonespeaker").setLevel(level)
