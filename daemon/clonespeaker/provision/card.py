"""What people leave on a card: which file is which, and the text in it, as the editors of any computer write it.

Windows adds `.txt` and byte order marks, ends lines with CR LF and calls UTF-16 "Unicode"; FAT does not care for upper
and lower case; macOS leaves `._clonespeaker.yaml` beside each file. All that is taken for what it is meant to be.
What may be meant in two ways is refused, in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

SETTINGS, KEY = "clonespeaker.yaml", "clonespeaker.key"
TAKEN, DONE, PROBLEMS = "clonespeaker-taken.yaml", "clonespeaker-done.txt", "clonespeaker-problems.txt"
ERASING = "clonespeaker.erase"
"""What the key's file is called while it is being erased; it holds nothing that is needed."""

LONGEST_BYTES = 65_536
_LONGEST_KEY = 4_096

_SETTINGS_NAMES = {SETTINGS, "clonespeaker.yml", SETTINGS + ".txt", "clonespeaker.yml.txt"}
_KEY_NAMES = {KEY, KEY + ".txt"}
# `clonespeaker-done.txt` and `clonespeaker_0.1.0_arm64.deb` are none of ours to read.
_MEANT_FOR_US = re.compile(r"clonespeaker([. (~].*)?", re.IGNORECASE)
_WORD_PROCESSORS = (".doc", ".docx", ".odt", ".pages", ".pdf", ".rtf")
_OTHER_FORMATS = (b"{\\rtf", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
_PLAIN = (
    "a word processor's file, not plain text; write it with Notepad on Windows, with TextEdit on a Mac after "
    "Format > Make Plain Text"
)
# A value that begins with a quotation mark that YAML takes for a letter.
_QUOTED = re.compile(r"^[^#\n]*?(?:[:,\-\[{]\s*|^\s*)([“”„‟‘’‚«»])", re.MULTILINE)


@dataclass(frozen=True)
class Names:
    """Which of a card's files is which.

    Attributes:
        settings: the one with the settings, or None.
        key: the one with the key, or None.
        half_erased: a key's file is there that was being erased when the power was cut.
        problems: files that are in the way.
    """

    settings: str | None
    key: str | None
    half_erased: bool
    problems: list[str]

    def __bool__(self) -> bool:
        """Whether there is something to do."""
        return bool(self.settings or self.key or self.half_erased or self.problems)


class Unusable(Exception):
    """A file that can't be what it is to be; `str(error)` names it and says what to do."""


def sort(names: Iterable[str]) -> Names:
    """Tells a card's files apart by their names, in any upper and lower case; most are no concern of ours."""
    settings, keys, half_erased, problems = [], [], False, []
    for name in sorted(names):
        folded = name.casefold()
        if folded in _SETTINGS_NAMES:
            settings.append(name)
        elif folded in _KEY_NAMES:
            keys.append(name)
        elif folded == ERASING:
            half_erased = True
        elif _MEANT_FOR_US.fullmatch(name):
            problems.append(f"{name}: {_strange(folded)}")
    for several, what in ((settings, "settings"), (keys, "a key")):
        if len(several) > 1:
            problems.append(f"{' and '.join(several)}: each is there for {what}; keep one, and delete the other")
    return Names(
        settings[0] if len(settings) == 1 else None, keys[0] if len(keys) == 1 else None, half_erased, problems
    )


def text_of(name: str, data: bytes) -> str:
    """What a file says: without a byte order mark, lines ended by LF.

    Args:
        name: what the file is called.
        data: up to `LONGEST_BYTES`, or one more where there is more.

    Raises:
        Unusable: it is no text, or too much.
    """
    if len(data) > LONGEST_BYTES:
        raise Unusable(f"{name}: larger than {LONGEST_BYTES // 1_024} KiB; is this the right file?")
    if data.startswith(_OTHER_FORMATS):
        raise Unusable(f"{name}: {_PLAIN}")
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unusable(f"{name}:{line}: not UTF-8 text; save the file again, as UTF-8") from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def key_in(name: str, text: str) -> str:
    """The key that is all that a file says.

    Raises:
        Unusable: it is none, or there is more. The message never holds any of it.
    """
    key = text.strip()
    if not key:
        raise Unusable(f"{name}: empty; put the key there, and nothing else")
    if len(key.splitlines()) > 1:
        raise Unusable(f"{name}: several lines; put the key there on one line, and nothing else")
    if any(letter.isspace() for letter in key) or re.match(r"\w*key\s*[:=]", key, re.IGNORECASE):
        raise Unusable(f"{name}: more than a key; put the key there alone: no name before it, no blanks in it")
    if not re.fullmatch(r"[!-~]+", key):
        raise Unusable(f"{name}: has letters that no key has; copy the key again, and paste it as plain text")
    if key[0] in "\"'" or len(key) > _LONGEST_KEY:
        raise Unusable(f"{name}: can't be a key; put it there as you got it: no quotation marks, nothing else")
    return key


def typographic_quotes(name: str, text: str) -> Iterator[str]:
    """Says where values stand in quotation marks that an editor has made nice, one line each."""
    for match in _QUOTED.finditer(text):
        line = text.count("\n", 0, match.start(1)) + 1
        yield (
            f'{name}:{line}: a typographic quotation mark ({match[1]}); type a plain one (") or none at all '
            "(on a Mac: Edit > Substitutions > Smart Quotes off)"
        )


def without(secret: str | None, problems: Iterable[str]) -> list[str]:
    """The same, with a mask wherever the key stands in one: it may have been put into the settings, too."""
    # What is shorter is no key, and may be part of any word.
    secret = secret if secret and len(secret) >= 8 else None
    return [problem.replace(secret, "****") if secret else problem for problem in problems]


def _strange(folded: str) -> str:
    if PurePath(folded).suffix in _WORD_PROCESSORS:
        return f"{_PLAIN}, and save it as {SETTINGS} or {KEY}"
    return (
        f"not a name that is looked for; call it {SETTINGS} if it holds the settings and {KEY} if it holds the key, "
        "or delete it"
    )


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # Without a mark, UTF-16 of what our files begin with has a NUL in each pair.
    if len(data) >= 4 and len(data) % 2 == 0:
        if data[0] and data[2] and not data[1] and not data[3]:
            return "utf-16-le"
        if data[1] and data[3] and not data[0] and not data[2]:
            return "utf-16-be"
    return "utf-8"
