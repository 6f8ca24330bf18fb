"""`config check|show|schema`: the settings."""

from __future__ import annotations

import argparse
import os

import msgspec

from clonespeaker.cli.terminal import say
from clonespeaker.config.load import DEFAULT_PATH, load, require_clone, schema, show


def main(options: argparse.Namespace) -> int:
    """Do it; mistakes come as ConfigError."""
    if options.what == "schema":
        say(msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode())
        return 0
    loaded = load(options.config, os.environ)
    if options.what == "show":
        say(show(loaded).rstrip())
        return 0
    require_clone(loaded)
    from clonespeaker.cli.needs import require_installed  # sound's libraries; not for the others

    require_installed(loaded)
    say(f"{loaded.path}: no mistakes" if loaded.path else f"there is no {DEFAULT_PATH}; the defaults are in force")
    return 0
