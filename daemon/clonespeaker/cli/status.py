"""`status` and `history`: what a running daemon is doing, and what was said."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from clonespeaker.cli.daemon import connect_to_daemon
from clonespeaker.cli.terminal import coloured, say, say_json, table
from clonespeaker.errors import FAULTS
from clonespeaker.timeline import in_words


def main(options: argparse.Namespace) -> int:
    """Show it."""
    return asyncio.run(_history(options) if options.command == "history" else _status(options))


async def _status(options: argparse.Namespace) -> int:
    show_snapshot, show_event = (say_json, say_json) if options.json else (_show_snapshot, _show_event)
    async with connect_to_daemon(options, to_control=False) as daemon:
        show_snapshot(daemon.snapshot)
        if options.watch:
            async for event in daemon.events():
                show_event(event)
    return 0


async def _history(options: argparse.Namespace) -> int:
    async with connect_to_daemon(options, to_control=False) as daemon:
        conversation = daemon.snapshot["conversation"]
    if options.json:
        say_json(conversation)
        return 0
    for message in conversation["messages"]:
        who = "you" if message["sender"] == "USER" else "clone"
        say(f"{coloured(who, 'bold')}: {message['text'] or '(no text)'}")
        for citation in message.get("citations") or ():
            say(f"    {citation.get('title') or citation.get('url')}  {citation.get('url') or ''}".rstrip())
    if not conversation["messages"]:
        say("nothing has been said yet")
    return 0


def _show_snapshot(snapshot: dict[str, Any]) -> None:
    device, totals = snapshot["device"], snapshot["totals"]
    clone = snapshot["clone"]
    state = snapshot["state"] + (f" (turn {snapshot['turn']})" if snapshot["turn"] else "")
    turns = [f"{count} {name}" for name, count in totals.items() if name != "turns" and count]
    rows = [
        ("state", state + _muted(snapshot)),
        ("clone", f"{clone.get('name') or clone.get('slug') or 'not looked up yet'} at {clone['base_url']}"),
        ("conversation", snapshot["conversation"]["id"] or "none yet"),
        ("microphone", _describe(device["microphone"])),
        ("speaker", f"{_describe(device['speaker'])}, volume {snapshot['volume']}"),
        ("turns", ", ".join(turns) or "none yet"),
    ]
    say(table(rows))
    for fault in snapshot["faults"]:
        cause = snapshot.get("causes", {}).get(fault)  # an older daemon tells none
        say(coloured(f"fault: {fault}: {FAULTS.get(fault, '')}", "red"))
        if cause:
            say(f"       {cause}")


def _muted(snapshot: dict[str, Any]) -> str:
    if snapshot.get("mute_switch"):
        return ", muted by its switch"
    return ", muted" if snapshot["muted"] else ""


def _describe(device: dict[str, Any] | None) -> str:
    return f"{device['name']}, {device['rate_hz']} Hz, {_channels(device['channels'])}" if device else "none"


def _channels(count: int) -> str:
    return "mono" if count == 1 else f"{count} channels"


def _show_event(event: dict[str, Any]) -> None:
    match event:
        case {"event": "state", "state": state, "turn": turn}:
            say(coloured(state, "blue") + (f" (turn {turn})" if turn else ""))
        case {"event": "caption", "who": who, "text": text, "final": True}:
            say(f"{coloured(who, 'bold')}: {text}")
        case {"event": "turn", "turn": turn, "outcome": outcome}:
            say(coloured(f"turn {turn} {outcome}: {in_words(event)}", "dim"))
        case {"event": "fault", "fault": fault, "active": active, "detail": detail}:
            say(
                coloured(
                    f"fault {fault}: {detail}" if active else f"fault {fault} is over", "red" if active else "green"
                )
            )
        case {"event": "settings", "muted": muted}:
            by = " by its switch" if event.get("mute_switch") else ""
            say(f"the microphone is {f'muted{by}' if muted else 'open'}")
        case {"event": "settings", "volume": volume}:
            say(f"volume {volume}")
        case {"event": "settings", "conversation": {"id": id}}:
            say(f"conversation {id}")
        case {"event": "picture", "url": url}:
            say(f"picture: {url}")
        case {"event": "citations", "citations": citations}:
            for citation in citations:
                say(f"source: {citation.get('title') or ''} {citation.get('url') or ''}")
