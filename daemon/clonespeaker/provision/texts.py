"""The texts left on a card, for who puts it back into a computer.

With a byte order mark and lines ended by CR LF: the oldest Notepad shows them right.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from clonespeaker.provision.card import KEY, PROBLEMS, SETTINGS, TAKEN


def problems_text(problems: Sequence[str], *, taken: bool, when: str, version: str) -> bytes:
    """What is wrong, and what to do.

    Args:
        problems: one line each.
        taken: everything was taken over, but could not be cleared away here.
        when: the device's own time.
        version: of this program.
    """
    if taken:
        title = "clonespeaker has taken over what is on this card, but could not clear it away."
        outcome = "What is on this card is in force. A key may still be on it: delete its file."
    else:
        title = "clonespeaker could not take over what is on this card."
        outcome = "Nothing was taken over: what was in force before still is."
    listed = "\n\n".join(_listed(number, problem) for number, problem in enumerate(problems, 1))
    return _file(
        f"""\
{title}

WHAT IS WRONG

{listed}

WHAT TO DO

Mend it here, on this computer: {SETTINGS} holds the settings,
{KEY} the key and nothing else. Then put the card back and start
the device. At each start it sounds three falling pairs of tones, until all
is well.

{outcome}

{_written(when, version)}
"""
    )


def done_text(*, when: str, version: str) -> bytes:
    """All went well."""
    return _file(
        f"""\
clonespeaker has taken over what was on this card.

A key that was here has been erased. If somebody else may have had this card
before, have that key revoked, and use a new one. Settings that were here are
in {TAKEN}, which is not read again.

TO CHANGE SOMETHING

Put a {SETTINGS} here again for other settings (it replaces all of
them; a copy of {TAKEN} is a good beginning), a
{KEY} for another key, or both, and start the device with this
card. Where something is wrong with them, {PROBLEMS} will
say so.

{_written(when, version)}
"""
    )


def _listed(number: int, problem: str) -> str:
    """`clonespeaker.yaml:3: …` → `1. clonespeaker.yaml, line 3: …`, on lines that fit into a small window."""
    words = re.sub(r"^([^\n:]+):(\d+): ", r"\1, line \2: ", problem)
    return textwrap.fill(
        f"{number}. {words}", 78, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False
    )


def _written(when: str, version: str) -> str:
    return (
        f"Written by clonespeaker {version} on {when} by the device's clock, which\n"
        "is wrong where it has had no network."
    )


def _file(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("utf-8-sig")
