"""Keyboards, pedals and presenters."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.config.settings import Settings
from clonespeaker.controls.keys import NOT_ALLOWED, Device, Keys, Wanted, key_code, key_names, open_evdev
from clonespeaker.controls.plugged import Plugged, plugged_in
from clonespeaker.errors import ConfigError


async def check_keys(
    settings: Settings,
    *,
    press_s: float | None,
    ask: Callable[[str], object] = lambda words: None,
    find: Callable[[], Sequence[Plugged]] = plugged_in,
    open_device: Callable[[str], Device] = open_evdev,
) -> AsyncGenerator[Finding, None]:
    """Where each of the settings' keys is; where asked for, which are pressed.

    Args:
        settings: all of them.
        press_s: how long a user shall press some; None: not at all.
        ask: says so.
        find: tells what is plugged in.
        open_device: opens one of them.
    """
    plugged = await asyncio.to_thread(find)
    for key in settings.keys:
        try:
            code = key_code(key.key)
        except ConfigError:  # check_settings tells
            continue
        wanted = Wanted(code, key.key, key.device, key.grab, lambda down: None)
        yield _where(wanted, [each for each in plugged if wanted.is_on(each)])
    if press_s and any(each.readable for each in plugged):
        ask(f"press the keys that are meant, for {press_s:g} s")
        try:
            pressed = await _pressed(press_s, open_device)
        except ConfigError:  # without evdev nothing can be heard; where it is needed, check_settings tells
            return
        if pressed:
            yield Finding("pressed", "ok", ", ".join(pressed))
        elif settings.keys:
            remedy = "is it the right device (clonespeaker devices)? With grab: true a running daemon has it alone"
            yield Finding("pressed", "failed", "no key", remedy)


def _where(wanted: Wanted, plugged: Sequence[Plugged]) -> Finding:
    if not plugged:
        of = f" of {wanted.device}" if wanted.device else ""
        words = f"{wanted.name}{of}: nothing that is plugged in has it"
        return Finding("keys", "warning", words, "plug it in, or see clonespeaker devices")
    words = f"{wanted.name}: on " + ", ".join(f"{each.name} ({each.path})" for each in plugged)
    if not any(each.readable for each in plugged):
        return Finding("keys", "warning", f"{words}, which can't be read", NOT_ALLOWED)
    return Finding("keys", "ok", words)


async def _pressed(seconds: float, open_device: Callable[[str], Device]) -> list[str]:
    """The names of the keys that went down within so many seconds, each once."""
    pressed: dict[str, None] = {}
    wanted = [
        Wanted(code, name, None, False, lambda down, name=name: pressed.setdefault(name))  # type: ignore[misc]
        for code, name in key_names().items()
    ]
    keys = Keys(wanted, open_device)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await keys.run()
    finally:
        keys.close()
    return list(pressed)
