"""The secrets: the API key and the token of the local websocket, each in a file of its own.

No message and no log line here ever shows one.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from clonespeaker.config.secrecy import API_KEY_VARIABLE
from clonespeaker.config.settings import Settings
from clonespeaker.errors import ConfigError

log = logging.getLogger(__name__)


def read_api_key(settings: Settings, environ: Mapping[str, str]) -> str:
    """The API key: from `clone.api_key_file`, else the systemd credential, else `CLONESPEAKER_API_KEY`.

    Raises:
        ConfigError: there is none, it can't be read, or it can't be a key. The message never holds it.
    """
    if settings.clone.api_key_file is not None:
        return _read_secret(Path(settings.clone.api_key_file), "clone.api_key_file")
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", ""), "api-key")
    if "CREDENTIALS_DIRECTORY" in environ and credential.exists():
        return _read_secret(credential, "systemd credential api-key")
    if environ.get(API_KEY_VARIABLE):
        return _checked_secret(environ[API_KEY_VARIABLE], f"environment {API_KEY_VARIABLE}")
    raise ConfigError(
        [
            "no API key: put it alone in a file and name that in clone.api_key_file, "
            f"or give it as systemd credential `api-key` or in the variable {API_KEY_VARIABLE}"
        ]
    )


def read_status_token(settings: Settings) -> str | None:
    """The token that clients of the local websocket must show, or None where none is asked for.

    Raises:
        ConfigError: the file can't be read, or holds no token.
    """
    if settings.status.token_file is None:
        return None
    return _read_secret(Path(settings.status.token_file), "status.token_file")


def mask_key(key: str) -> str:
    """A key as it may be shown: `dsk-****abcd`."""
    kind = "dsk-" if key.startswith("dsk-") else ""
    return f"{kind}****{key[-4:] if len(key) >= 16 else ''}"


def _read_secret(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except OSError as error:
        raise ConfigError(
            [f"{name}: {path} can't be read ({error.strerror}); it must be a file that this user may read"]
        ) from error
    if mode & stat.S_IROTH:
        log.warning("%s: everyone on this machine may read %s; run: chmod o= %s", name, path, path)
    return _checked_secret(data.decode("ascii", "replace"), f"{name}: {path}")


def _checked_secret(text: str, place: str) -> str:
    secret = text.strip()
    if not secret:
        raise ConfigError([f"{place}: empty; put the secret there, and nothing else"])
    if not re.fullmatch(r"[!-~]+", secret):
        raise ConfigError(
            [f"{place}: holds blanks or letters that no secret has; put the secret there on one line, and nothing else"]
        )
    return secret
