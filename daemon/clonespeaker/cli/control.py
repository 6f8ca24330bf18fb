"""`talk`, `press`, `release`, `cancel`, `say`, `volume`, `mute`, `unmute`, `new-conversation`: a daemon, controlled."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from clonespeaker.cli.daemon import connect_to_daemon
from clonespeaker.cli.terminal import complain, say
from clonespeaker.errors import EXIT_FAILED, FAULTS

_FIELDS = {"talk": ("seconds",), "say": ("text",), "volume": ("level",)}


def main(options: argparse.Namespace) -> int:
    """Give the command; wait for the answer where there is one."""
    return asyncio.run(_control(options))


async def _control(options: argparse.Namespace) -> int:
    name = options.command.replace("-", "_")
    fields = {field: getattr(options, field) for field in _FIELDS.get(name, ())}
    async with connect_to_daemon(options) as daemon:
        before = daemon.snapshot["totals"]["turns"]
        await daemon.command(name, **fields)
        if name not in ("talk", "say"):
            return 0
        number: int | None = None
        answer = ""
        async for event in daemon.events():
            match event:
                case {"event": "state", "state": "listening" | "thinking", "turn": turn} if number is None:
                    number = turn
                case {"event": "caption", "turn": turn, "who": "clone", "text": text} if turn == number:
                    answer = text
                case {"event": "turn", "turn": turn} if turn == number:
                    return _tell(event, answer)
    raise AssertionError(before)  # events() ends by an exception only


def _tell(turn: dict[str, Any], answer: str) -> int:
    if answer:
        say(answer)
    if turn["outcome"] == "answered":
        return 0
    complain(f"clonespeaker: the turn was {turn['outcome']}{': ' + FAULTS[turn['fault']] if turn['fault'] else ''}")
    return EXIT_FAILED
