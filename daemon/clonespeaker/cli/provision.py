"""`provision`: settings and a key that somebody left on the card's boot partition, checked and taken over.

All or nothing: with any mistake nothing is taken, and what was in force stays so. Mistakes are told in the log, in a
text on the card, and in sound.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clonespeaker import __version__
from clonespeaker.cli.needs import require_installed
from clonespeaker.cli.terminal import complain, say
from clonespeaker.config.load import Loaded, load, load_text, require_clone
from clonespeaker.config.settings import Settings
from clonespeaker.cues import Earcon
from clonespeaker.errors import CardError, ClonespeakerError, ConfigError
from clonespeaker.provision import taking
from clonespeaker.provision.card import (
    ERASING,
    KEY,
    LONGEST_BYTES,
    PROBLEMS,
    SETTINGS,
    Names,
    Unusable,
    key_in,
    sort,
    text_of,
    typographic_quotes,
    without,
)
from clonespeaker.provision.folder import Folder
from clonespeaker.provision.texts import done_text, problems_text

BOOT_PARTITION = Path("/boot/firmware")  # a Pi's

_MISTAKE_TIMES = 3  # the tones
_GLAD_WITHIN_S = 5.0  # a speaker is looked for: the daemon waits
_WHERE_KEYS_GO = f"put the key alone in a file of its own beside this one, {KEY}"


@dataclass
class Left:
    """What was left on a card, as far as it can be used.

    Attributes:
        settings: their text, or None.
        key: the key, or None.
        loaded: settings whose speaker and language mistakes are told by; the new ones first, then those in force.
        problems: what is wrong; with any, nothing is taken.
        taken: it is in force now.
    """

    settings: str | None = None
    key: str | None = field(default=None, repr=False)
    loaded: list[Settings] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    taken: bool = False


def main(options: argparse.Namespace) -> int:
    """Take over what is there, or say why not."""
    card = _open(options.card)
    if card is None:
        say(f"nothing to take over: there is no {BOOT_PARTITION} here; name another boot partition with --from")
        return _nothing_to_do(options)
    with card:
        with _failing(f"{card.path} can't be read"):
            names = sort(card.files())
        if not names:
            say(f"nothing to take over in {card.path}: no {SETTINGS} and no {KEY}")
            return _nothing_to_do(options)
        left = Left()
        try:
            _check(card, names, options.device, left)
            _take(card, names, options.device, left)
        except ClonespeakerError as error:
            _tell(card, error, left, silent=options.silent)
            return error.exit_code
    for what, name in (("settings", names.settings), ("key", names.key)):
        if name is not None:
            say(f"{what} taken over from {card.path / name}")
    if names.half_erased:
        say("a key that a power cut had left half erased is gone")
    if not options.silent and "RUNTIME_DIRECTORY" in os.environ:  # who does it by hand reads it
        from clonespeaker.cli.alarm import announce

        announce("ready", left.loaded, Earcon.READY, opens_within_s=_GLAD_WITHIN_S)
    return 0


def _open(given: Path | None) -> Folder | None:
    """The card; None on a machine that is no Pi, where nobody said that there is one."""
    path = given or BOOT_PARTITION
    with _failing(f"{path} can't be read; name the boot partition with --from"):
        try:
            return Folder(path)
        except FileNotFoundError:
            if given is None:
                return None
            raise


def _nothing_to_do(options: argparse.Namespace) -> int:
    if not options.silent:
        _tell_that_there_is_no_key(options.device)
    return 0


def _tell_that_there_is_no_key(device: Path) -> None:
    """Aloud, where a device starts that nobody has given one yet; else it would be as if it were broken."""
    if "RUNTIME_DIRECTORY" not in os.environ or _has_key(device):
        return
    from clonespeaker.cli import alarm

    if alarm.is_booting() and not alarm.was_told("no key"):
        say("there is no key yet: run `sudo clonespeaker setup`, or see docs/provisioning.md")
        left = Left()
        with contextlib.suppress(ConfigError):
            left.loaded.append(load(device / taking.CONFIG, os.environ).settings)
        alarm.announce("no-key", left.loaded, Earcon.ERROR)


def _check(card: Folder, names: Names, device: Path, left: Left) -> None:
    """Looks at everything. Raises ConfigError with all that is wrong."""
    left.problems += names.problems
    if names.key is not None:
        with _collected(left.problems):
            left.key = key_in(names.key, text_of(names.key, _read(card, names.key)))
    if names.settings is not None:
        with _collected(left.problems):
            left.settings = text_of(names.settings, _read(card, names.settings))
            _check_settings(names.settings, left)
    # With two files for the same, none is taken for what it is to be; but what is there for it did not come alone.
    alone = not names.problems and (names.settings is None) != (names.key is None)
    _check_in_force(device, left, lone_key=names.key if alone else None)
    if alone and names.settings is not None and not _has_key(device):
        left.problems.append(f"{names.settings}: came alone, but this device has no key yet; put a {KEY} beside it")
    if left.problems:
        raise ConfigError(without(left.key, left.problems))


def _check_in_force(device: Path, left: Left, *, lone_key: str | None) -> None:
    """Looks at the settings that the device has; `lone_key` names the file of a key that has to do with them."""
    path = device / taking.CONFIG
    try:
        loaded = load(path, os.environ)
        left.loaded.append(loaded.settings)
        require_clone(loaded)
        _require_own_key(str(path), loaded)
    except ConfigError as error:
        if lone_key is not None:
            left.problems.append(
                f"{lone_key}: came alone, but this device has no settings that work with it; put a {SETTINGS} beside it"
            )
            left.problems += error.problems if path.exists() else ()


def _check_settings(name: str, left: Left) -> None:
    assert left.settings is not None
    quotes = list(typographic_quotes(name, left.settings))
    try:
        loaded = load_text(name, left.settings, os.environ, where_keys_go=_WHERE_KEYS_GO)
        left.loaded.append(loaded.settings)
        require_clone(loaded)
        require_installed(loaded)
        _require_own_key(name, loaded)
    except ConfigError as error:
        # What is wrong in a line with such a quotation mark is most likely nothing but that.
        told = tuple(problem.partition(": ")[0] + ": " for problem in quotes)
        left.problems += [problem for problem in error.problems if not problem.startswith(told)]
    left.problems += quotes


def _require_own_key(name: str, loaded: Loaded) -> None:
    if loaded.settings.clone.api_key_file is not None:
        raise ConfigError(
            [f"{name}: clone.api_key_file: leave it out; a key from a {KEY} is found without it, and only without it"]
        )


def _has_key(device: Path) -> bool:
    try:
        with (device / taking.API_KEY).open("rb") as file:  # through a link, too, as the daemon's unit does
            data = file.read(LONGEST_BYTES + 1)
        return bool(key_in(taking.API_KEY, text_of(taking.API_KEY, data)))
    except (OSError, Unusable):
        return False


def _take(card: Folder, names: Names, device: Path, left: Left) -> None:
    """Raises CardError where a disk does not do what it should."""
    if not card.is_writable:
        raise CardError(
            f"{card.path} can't be written, so a key could not be erased there; nothing was taken over. If the card "
            "has a lock, open it; if the partition is mounted read-only, mount it for writing"
        )
    with (
        _failing(f"{device} can't be written; nothing of the card's was removed"),
        Folder(device, missing_mode=0o755) as folder,
    ):
        taking.install(folder, left.settings, left.key)
        left.taken = True
    mine = ", ".join(name for name in (names.key, ERASING, names.settings) if name)
    with _failing(f"all is in force, but {card.path} can't be cleared; delete what is still there of {mine}"):
        taking.clear(card, names, done_text(when=_now(), version=__version__))


def _tell(card: Folder, error: ClonespeakerError, left: Left, *, silent: bool) -> None:
    problems = error.problems if isinstance(error, ConfigError) else [str(error)]
    complain(f"clonespeaker: {'not all is well with' if left.taken else 'nothing was taken over from'} {card.path}:")
    for problem in problems:
        complain(f"  {problem}")
    try:
        taking.refuse(card, problems_text(problems, taken=left.taken, when=_now(), version=__version__))
        complain(f"the same, in more words, is in {card.path / PROBLEMS}")
    except OSError as failed:
        complain(f"{card.path / PROBLEMS} can't be written ({failed.strerror})")
    if not silent:
        from clonespeaker.cli.alarm import announce, was_told  # last of all: what it plays on may hang

        if not was_told("\n".join(problems)) and not announce(
            "wrong-card", left.loaded, Earcon.ERROR, times=_MISTAKE_TIMES
        ):
            say("no speaker was found to sound it on")


def _read(card: Folder, name: str) -> bytes:
    try:
        data = card.read(name, LONGEST_BYTES + 1)
    except OSError as error:
        raise Unusable(f"{name}: can't be read ({error.strerror}); put the file there again") from error
    if data is None:
        raise Unusable(f"{name}: has just gone; put the file there again")
    return data


@contextlib.contextmanager
def _collected(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except Unusable as error:
        problems.append(str(error))


@contextlib.contextmanager
def _failing(words: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CardError(f"{words} ({error.strerror or error})") from error


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M")
