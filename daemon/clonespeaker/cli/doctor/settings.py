"""Settings, secrets and the state directory: right in themselves, and out of others' reach."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.cli.needs import require_installed
from clonespeaker.config.credentials import key_file, mask_key, read_api_key, read_status_tokens, too_open
from clonespeaker.config.load import DEFAULT_PATH, Loaded, require_clone
from clonespeaker.config.settings import Settings
from clonespeaker.errors import ConfigError


def check_settings(loaded: Loaded) -> Iterator[Finding]:
    """Those that could be read."""
    problems: list[str] = []
    for require in (require_clone, require_installed):
        try:
            require(loaded)
        except ConfigError as error:
            problems += error.problems
    for problem in problems:
        yield Finding("settings", "failed", problem)
    if not problems:
        yield Finding("settings", "ok", str(loaded.path or "no file: the defaults, and the environment"))
    if loaded.path is None:
        return
    mode = loaded.path.stat().st_mode
    if mode & stat.S_IWOTH:
        yield Finding(
            "settings", "warning", f"everyone on this machine may change {loaded.path}", f"chmod o-w {loaded.path}"
        )
    if loaded.path == DEFAULT_PATH and not mode & stat.S_IROTH:
        yield Finding(
            "settings",
            "warning",
            f"the service, which has a user of its own, can't read {loaded.path}",
            f"chmod 644 {loaded.path}; keys and tokens never stand in it",
        )


def check_key(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """The API key, as far as it can be judged without showing it to anybody."""
    try:
        key = read_api_key(settings, environ)
    except ConfigError as error:
        for problem in error.problems:
            yield Finding("key", "failed", problem)
        return
    file = key_file(settings, environ)
    yield Finding("key", "ok", f"{mask_key(key)}, from {file[1] if file else 'the environment'}")
    for warning in too_open(file[1]) if file else ():
        yield Finding("key", "warning", warning)


def check_tokens(settings: Settings) -> Iterator[Finding]:
    """Those of the local websocket."""
    paths = [Path(path) for path in (settings.status.token_file, settings.status.read_token_file) if path]
    try:
        read_status_tokens(settings)
    except ConfigError as error:
        missing = Path("/run/credentials") in paths[0].parents and not paths[0].exists()
        for problem in error.problems:
            if missing:
                yield Finding("tokens", "warning", problem, "it is there while the service runs; run this with sudo")
            else:
                yield Finding("tokens", "failed", problem)
        return
    yield Finding("tokens", "ok", ", ".join(map(str, paths)) or "none asked for; programs on this machine may control")
    for path in paths:
        for warning in too_open(path):
            yield Finding("tokens", "warning", warning)


def check_state(settings: Settings) -> Finding:
    """The state directory can be written, tried with a file that has no name."""
    path = Path(settings.state_dir)
    nearest = path
    while not os.path.lexists(nearest):
        nearest = nearest.parent
    try:
        if nearest == path:
            with tempfile.TemporaryFile(dir=path):
                pass
        elif not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(None, "Permission denied")
    except OSError as error:
        words = f"{path} can't be written ({error.strerror})"
        if os.geteuid() != 0 and os.lstat(nearest).st_uid != os.geteuid():
            return Finding(
                "state", "warning", f"{words} by this user", "the service's own user can; else sudo, or set state_dir"
            )
        return Finding("state", "failed", words, "set state_dir to a directory that the daemon's user may write to")
    mode = os.stat(nearest).st_mode
    if nearest == path and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return Finding(
            "state", "warning", f"everyone on this machine may replace what is in {path}", f"chmod o-w {path}"
        )
    return Finding("state", "ok", f"{path} can be written" + ("" if nearest == path else ", and is made at the start"))
