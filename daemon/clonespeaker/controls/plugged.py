"""Keyboards, pedals and presenters that are plugged in, as Linux describes them to everybody: no library, no rights."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_LONG_BITS = 64  # of a word in the kernel's masks, on all that this runs on


@dataclass(frozen=True, slots=True)
class Plugged:
    """One device that has keys.

    Attributes:
        name: its own.
        path: under /dev/input.
        stable_path: the same under a name that outlives a restart, where there is one, else `path`.
        keys: codes of the keys that it has.
        readable: whether this user may read what is pressed.
    """

    name: str
    path: str
    stable_path: str
    keys: frozenset[int]
    readable: bool


def plugged_in(sys: Path = Path("/sys/class/input"), dev: Path = Path("/dev/input")) -> list[Plugged]:
    """All of them, in the kernel's order."""
    stable = {os.path.realpath(link): str(link) for link in sorted(dev.glob("by-id/*"))}
    found = []
    for directory in sorted(sys.glob("event*"), key=lambda path: int(path.name.removeprefix("event"))):
        try:
            name = (directory / "device/name").read_text().strip()
            keys = _bits((directory / "device/capabilities/key").read_text())
        except (OSError, ValueError):  # it has just gone
            continue
        path = str(dev / directory.name)
        if keys:
            found.append(Plugged(name, path, stable.get(os.path.realpath(path), path), keys, os.access(path, os.R_OK)))
    return found


def _bits(mask: str) -> frozenset[int]:
    """The numbers of the bits that are set in words like `10000 0 40`, the highest word first."""
    found = set()
    for number, word in enumerate(reversed(mask.split())):
        bits = int(word, 16)
        found |= {number * _LONG_BITS + bit for bit in range(bits.bit_length()) if bits >> bit & 1}
    return frozenset(found)
