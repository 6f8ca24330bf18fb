"""Words to a person at a terminal, and JSON to a program."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}

# What a terminal obeys instead of showing it, but for colours: what others wrote must not move cursors or set titles.
_CONTROLS = re.compile(r"(\x1b\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def say(text: str = "") -> None:
    """A line to standard output."""
    sys.stdout.write(_shown(text) + "\n")
    sys.stdout.flush()


def prompt(text: str) -> None:
    """The beginning of a line that somebody else goes on with, to standard output."""
    sys.stdout.write(_shown(text))
    sys.stdout.flush()


def complain(text: str) -> None:
    """A line to standard error."""
    sys.stderr.write(_shown(text) + "\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """A value as one line of JSON to standard output."""
    import msgspec  # not above: help alone needs nothing but the standard library

    say(msgspec.json.encode(value).decode())


def coloured(text: str, colour: str) -> str:
    """`text` in a colour, where standard output is a terminal that knows any."""
    plain = not sys.stdout.isatty() or os.environ.get("TERM") == "dumb" or os.environ.get("NO_COLOR")
    return text if plain else f"\033[{_COLOURS[colour]}m{text}\033[0m"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(row).rstrip() for row in padded)


def _shown(text: str) -> str:
    return _CONTROLS.sub(lambda match: match[1] or "\N{REPLACEMENT CHARACTER}", text)
