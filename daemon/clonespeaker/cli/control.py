"""`talk`, `press`, `release`, `cancel`, `say`, `volume`, `mute`, `unmute`, `new-conversation`: a daemon, controlled."""

from __future__ import annotations

import argparse
import asyncio

from clonespeaker.cli.daemon import connect_to_daemon
from clonespeaker.cli.terminal import complain, say
from clonespeaker.errors import EXIT_FAILED, FAULTS, StatusError
from clonespeaker.status.client import StatusClient

_PATIENCE_S = 150.0  # without any event: more than the daemon itself has with the clone
_NOT_ANSWERED = {
    "failed": "the turn failed",
    "cancelled": "the turn was cancelled",
    "tapped": "that was too short to have said anything (microphone.min_hold_ms)",
}
_FIELDS = {"talk": ("seconds",), "say": ("text",)}


def main(options: argparse.Namespace) -> int:
    """Give the command; wait for the answer where there is one."""
    return asyncio.run(_control(options))


async def _control(options: argparse.Namespace) -> int:
    name = options.command.replace("-", "_")
    fields = {field: getattr(options, field) for field in _FIELDS.get(name, ())}
    if name == "volume":
        fields = options.volume
    async with connect_to_daemon(options, to_control=True) as daemon:
        await daemon.command(name, **fields)
        if name in ("talk", "say"):
            return await _hear_out(daemon)
    return 0


async def _hear_out(daemon: StatusClient) -> int:
    """The turn that was just begun, to its end."""
    number: int | None = None
    answer, faults = "", dict(FAULTS)
    events = daemon.events()
    while True:
        try:
            event = await asyncio.wait_for(anext(events), _PATIENCE_S)
        except TimeoutError as error:
            raise StatusError(
                f"the daemon has done nothing for {_PATIENCE_S:.0f} s; see `clonespeaker status`, and its log"
            ) from error
        match event:
            case {"event": "state", "state": "listening" | "thinking", "turn": turn} if number is None:
                number = turn
            case {"event": "caption", "turn": turn, "who": "clone", "text": text} if turn == number:
                answer = text
            case {"event": "fault", "fault": fault, "active": True, "detail": detail}:
                if number is not None and "again in" in detail:  # the rest is told at the end
                    complain(f"clonespeaker: {detail}")
                faults[fault] = detail
            case {"event": "turn", "turn": turn, "outcome": outcome} if turn == number:
                if answer:
                    say(answer)
                if outcome != "answered":
                    why = faults.get(event["fault"], "")
                    complain(f"clonespeaker: {_NOT_ANSWERED[outcome]}{f': {why}' if why else ''}")
                return 0 if outcome == "answered" else EXIT_FAILED
