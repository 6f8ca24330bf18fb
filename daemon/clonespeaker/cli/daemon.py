"""Where the running daemon is, for the commands that talk with it."""

from __future__ import annotations

import argparse
import os
from contextlib import AbstractAsyncContextManager

from clonespeaker.config.credentials import read_status_token
from clonespeaker.config.load import load
from clonespeaker.status.client import StatusClient, connect

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def connect_to_daemon(options: argparse.Namespace) -> AbstractAsyncContextManager[StatusClient]:
    """A connection to the daemon that `--url`, else the settings, name."""
    settings = load(options.config, os.environ).settings
    host = _ANYWHERE.get(settings.status.host, settings.status.host)
    url = options.url or f"ws://{f'[{host}]' if ':' in host else host}:{settings.status.port}/"
    return connect(url, read_status_token(settings))
