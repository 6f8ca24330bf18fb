"""Files written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from clonespeaker.errors import ClonespeakerError

SETTINGS_MODE = 0o644  # the service reads them as a user of its own
KEY_MODE = 0o600
_KEY_MOST = 0o640  # root and a group: how a service's secrets are also kept


def require_writable(path: Path, option: str) -> None:
    """Check that a file can be written later, before anybody is asked for anything.

    Raises:
        ClonespeakerError: it can't.
    """
    if path.is_dir():
        raise ClonespeakerError(f"{path} is a directory; name a file in it with {option}")
    if path.exists() and not path.is_file():  # root could replace even /dev/null
        raise ClonespeakerError(f"{path} is no file but a device or the like; name a file with {option}")
    directory = _directory(path)
    nearest = next(parent for parent in (directory, *directory.parents) if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ClonespeakerError(
            f"{nearest} can't be written by this user; run it with sudo, or name another file with {option}"
        )


def write_settings(path: Path, data: bytes) -> None:
    """Write a config file; mode and owner of one that is there stay.

    Raises:
        ClonespeakerError: it can't be written; it is as it was.
    """
    _write(path, data, new_mode=SETTINGS_MODE, most=0o7777)


def write_key(path: Path, key: str) -> None:
    """Write a key's file: for its owner alone; where there was one for a group, for that, too.

    Raises:
        ClonespeakerError: it can't be written; it is as it was.
    """
    _write(path, key.encode() + b"\n", new_mode=KEY_MODE, most=_KEY_MOST)


def _directory(path: Path) -> Path:
    return path.resolve().parent  # where it is a link, what it points to is replaced


def _write(path: Path, data: bytes, *, new_mode: int, most: int) -> None:
    try:
        path = path.resolve()
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        before = path.stat() if path.exists() else None
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 600
        try:
            with os.fdopen(descriptor, "wb") as file:
                if before is not None and (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
                file.write(data)
                mode = new_mode if before is None else stat.S_IMODE(before.st_mode) & most
                os.fchmod(file.fileno(), mode)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)  # so that the new name outlives a loss of power
        finally:
            os.close(directory)
    except OSError as error:
        raise ClonespeakerError(f"{path} can't be written ({error.strerror}); run it with sudo") from error
