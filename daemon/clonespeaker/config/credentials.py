"""The secrets: the API key and the tokens of the local websocket, each in a file of its own.

No message and no log line here ever shows one.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from clonespeaker.config.secrecy import API_KEY_VARIABLE
from clonespeaker.config.settings import Settings
from clonespeaker.errors import ConfigError

log = logging.getLogger(__name__)

SERVICE_KEY = Path("/etc/clonespeaker/api-key")
"""What the service's unit makes its credential of; usually root's alone."""

_LONGEST_BYTES = 8_192  # a file that goes on is no secret's, and may have no end


def read_api_key(settings: Settings, environ: Mapping[str, str], *, service_key: Path = SERVICE_KEY) -> str:
    """The API key: of `clone.api_key_file`, else the systemd credential, `CLONESPEAKER_API_KEY`, or the service's.

    Raises:
        ConfigError: there is none, it can't be read, or it can't be a key. The message never holds it.
    """
    found = key_file(settings, environ, service_key=service_key)
    if found is not None:
        name, path = found
        if path == service_key and not os.access(path, os.R_OK):
            raise ConfigError(
                [
                    f"{name}: {path} can't be read by this user: run it with sudo, or name a key of your own in "
                    f"clone.api_key_file or the variable {API_KEY_VARIABLE}"
                ]
            )
        return _read_secret(path, name)
    if environ.get(API_KEY_VARIABLE):
        return _checked_secret(environ[API_KEY_VARIABLE], f"environment {API_KEY_VARIABLE}")
    raise ConfigError(
        [
            "no API key: put it alone in a file and name that in clone.api_key_file, "
            f"or give it as systemd credential `api-key` or in the variable {API_KEY_VARIABLE}"
        ]
    )


def key_file(
    settings: Settings, environ: Mapping[str, str], *, service_key: Path = SERVICE_KEY
) -> tuple[str, Path] | None:
    """What the file that holds the key is called in messages, and its path; None where no file does."""
    if settings.clone.api_key_file is not None:
        return "clone.api_key_file", Path(settings.clone.api_key_file)
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", ""), "api-key")
    if "CREDENTIALS_DIRECTORY" in environ and credential.exists():
        return "systemd credential api-key", credential
    # By hand, the credential is not there, for it lives inside the service.
    if not environ.get(API_KEY_VARIABLE) and os.path.lexists(service_key):
        return "the service's key", service_key
    return None


class StatusTokens(NamedTuple):
    """What clients of the local websocket must show; None where it is not asked for.

    Attributes:
        control: to do everything.
        read: to follow alone.
    """

    control: str | None
    read: str | None


def read_status_tokens(settings: Settings) -> StatusTokens:
    """What the daemon asks for.

    Raises:
        ConfigError: a file can't be read or holds no token, or both hold the same.
    """
    status = settings.status
    tokens = StatusTokens(_read_control_token(settings), _read_reading_token(settings))
    if tokens.read is not None and tokens.read == tokens.control:
        raise ConfigError(
            [
                f"status.read_token_file: {status.read_token_file} holds the same token as {status.token_file}; "
                "who may only follow needs a token of its own"
            ]
        )
    return tokens


def token_to_show(settings: Settings, *, to_control: bool) -> str | None:
    """What a command shows to the daemon; None where nothing is asked for.

    Who only follows may do so with either token: the one for control where this user may read it, else the other.

    Raises:
        ConfigError: no file with a token that would do can be read.
    """
    try:
        return _read_control_token(settings)
    except ConfigError:
        if to_control or settings.status.read_token_file is None:
            raise
        return _read_reading_token(settings)


def _read_control_token(settings: Settings) -> str | None:
    path = settings.status.token_file
    return None if path is None else _read_secret(Path(path), "status.token_file")


def _read_reading_token(settings: Settings) -> str | None:
    path = settings.status.read_token_file
    return None if path is None else _read_secret(Path(path), "status.read_token_file")


def mask_key(key: str) -> str:
    """A key as it may be shown: `dsk-****abcd`."""
    kind = "dsk-" if key.startswith("dsk-") else ""
    return f"{kind}****{key[-4:] if len(key) >= 16 else ''}"


def _read_secret(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_BYTES)
        warnings = too_open(path)
    except OSError as error:
        raise ConfigError(
            [f"{name}: {path} can't be read ({error.strerror}); it must be a file that this user may read"]
        ) from error
    for warning in warnings:
        log.warning("%s: %s", name, warning)
    return _checked_secret(data.decode("ascii", "replace"), f"{name}: {path}")


def too_open(path: Path) -> list[str]:
    """What others may do with a file that holds a secret and should not, each with what to run. Raises OSError."""
    directory = path.resolve().parent
    mode, directory_mode = path.stat().st_mode, directory.stat().st_mode
    found = []
    # The group may: root:clonespeaker and 640 is how a service's secrets are usually kept.
    if mode & stat.S_IROTH:
        found.append(f"everyone on this machine may read {path}; run: chmod o= {path}")
    if mode & stat.S_IWOTH:
        found.append(f"everyone on this machine may change {path}; run: chmod o= {path}")
    if directory_mode & stat.S_IWOTH and not directory_mode & stat.S_ISVTX:  # in /tmp nobody replaces others' files
        found.append(f"everyone on this machine may replace {path}; run: chmod o-w {directory}")
    return found


def _checked_secret(text: str, place: str) -> str:
    secret = text.strip()
    if not secret:
        raise ConfigError([f"{place}: empty; put the secret there, and nothing else"])
    if not re.fullmatch(r"[!-~]+", secret):
        raise ConfigError(
            [f"{place}: holds blanks or letters that no secret has; put the secret there on one line, and nothing else"]
        )
    return secret
