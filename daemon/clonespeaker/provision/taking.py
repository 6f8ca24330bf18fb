"""From the card into the device, in an order that a power cut may interrupt anywhere: the next start goes on.

1. The new files are on the device's disk, the old settings beside them as `config.yaml.before`.
2. Only then is the card touched: the key's file gets another name, is overwritten, and goes; the settings' file gets
   another name. One of these names is left until all is done, and the next start looks for them.

A run that was cut off is done again from the beginning: what it did already comes out the same.
"""

from __future__ import annotations

import contextlib
import errno

from clonespeaker.errors import CardError
from clonespeaker.provision.card import DONE, ERASING, PROBLEMS, TAKEN, Names
from clonespeaker.provision.folder import Folder

CONFIG, API_KEY = "config.yaml", "api-key"
CONFIG_BEFORE = "config.yaml.before"

_LONGEST_KEPT = 1_000_000  # of settings that were there before, which may be anything


def install(device: Folder, settings: str | None, key: str | None) -> None:
    """Put settings and key where the daemon finds them; what is None stays as it is.

    Raises:
        OSError: they can't be written; all is as it was.
        CardError: the settings that are there can't be kept; likewise.
    """
    files: list[tuple[str, bytes, int | None]] = []
    if settings is not None:
        data = settings.encode()
        before = _settings_in_force(device)
        # The same: they came in a run that was cut off, and those before them are kept already.
        if before is not None and before != data:
            files.append((CONFIG_BEFORE, before, 0o644))
        files.append((CONFIG, data, 0o644))
    if key is not None:
        files.append((API_KEY, f"{key}\n".encode(), 0o600))
    device.write_all(files)


def _settings_in_force(device: Folder) -> bytes | None:
    try:
        return device.read(CONFIG, _LONGEST_KEPT)
    except OSError as error:
        is_link = error.errno == errno.ELOOP
        what = "is a link" if is_link else f"can't be read ({error.strerror or error})"
        raise CardError(f"{device.path / CONFIG} {what}; put the file itself there. Nothing was taken over") from error


def clear(card: Folder, names: Names, done: bytes) -> None:
    """Erase the key on the card and set the settings aside; `done` is what to say there. Raises OSError."""
    erase_leftover(card, keep_name=True)
    if names.key is not None:
        card.rename(names.key, ERASING)
        card.overwrite(ERASING)
    card.remove(PROBLEMS)
    card.write(DONE, done)
    if names.settings is not None:
        card.rename(names.settings, TAKEN)
    card.remove(ERASING)


def refuse(card: Folder, problems: bytes) -> None:
    """Say on the card what is wrong, and leave all else there as it is. Raises OSError."""
    with contextlib.suppress(OSError):  # the next start tries again; who put it there must know at this one
        erase_leftover(card)
    card.remove(DONE)
    card.write(PROBLEMS, problems)


def erase_leftover(card: Folder, *, keep_name: bool = False) -> None:
    """Finish what a power cut left half erased; `keep_name`: so that the next start still finds something to do."""
    card.overwrite(ERASING)
    if not keep_name:
        card.remove(ERASING)
