"""Words to a person at a terminal, and JSON to a program. What writes to standard output raises OutputError."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from clonespeaker.errors import OutputError

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}

# What a terminal obeys instead of showing it, but for colours: what others wrote must not move cursors or set titles.
_CONTROLS = re.compile(r"(\x1b\[[0-9;]*m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def open_streams() -> None:
    """Make standard input, output and error fit to be used, whatever this program was started with.

    What was closed is /dev/null from now on, and what the other side has no letters for is replaced.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # This gets the lowest free number, which is the missing one. Else the next file or connection would get
            # it, and with it what libraries and children say.
            stream = open(os.devnull, mode)
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
    for each in (sys.stdin, sys.stdout):  # standard error writes an escape instead
        if isinstance(each, io.TextIOWrapper):
            each.reconfigure(errors="replace")


def flush() -> None:
    """Hand over what others have written to standard output."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _output_error(error) from error


def leave_streams() -> None:
    """Nothing more is to be said: what could not be written is forgotten. Python would try again, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(text: str = "") -> None:
    """A line to standard output."""
    draw(_shown(text) + "\n")


def prompt(text: str) -> None:
    """The beginning of a line that somebody else goes on with, to standard output."""
    draw(_shown(text))


def draw(text: str) -> None:
    """To standard output as it is: our own words alone, and what moves the cursor."""
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise _output_error(error) from error
    flush()


def complain(text: str) -> None:
    """A line to standard error; where that takes none, nobody can be told."""
    with contextlib.suppress(OSError):
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


def _output_error(error: OSError) -> OutputError:
    gone = isinstance(error, BrokenPipeError)
    return OutputError(f"standard output can't be written ({error.strerror})", reader_gone=gone)


def _shown(text: str) -> str:
    return _CONTROLS.sub(lambda match: match[1] or "\N{REPLACEMENT CHARACTER}", text)
