"""Where the running daemon is, for the commands that talk with it."""

from __future__ import annotations

import argparse
import os
from contextlib import AbstractAsyncContextManager

from clonespeaker.config.credentials import token_to_show
from clonespeaker.config.load import load
from clonespeaker.errors import ConfigError
from clonespeaker.status.client import StatusClient, connect

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def connect_to_daemon(options: argparse.Namespace, *, to_control: bool) -> AbstractAsyncContextManager[StatusClient]:
    """A connection to the daemon that `--url`, else the settings, name.

    Raises:
        ConfigError: this user may not read the token that is needed.
    """
    try:
        settings = load(options.config, os.environ).settings
    except ConfigError:
        if options.url is None:
            raise
        return connect(options.url)  # whatever is wrong with the settings, a daemon at an address can be asked
    host = _ANYWHERE.get(settings.status.host, settings.status.host)
    url = options.url or f"ws://{f'[{host}]' if ':' in host else host}:{settings.status.port}/"
    return connect(url, token_to_show(settings, to_control=to_control))
