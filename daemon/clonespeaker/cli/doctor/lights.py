"""The lights: whether they can be driven, and what each thing that they tell looks like."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.config.settings import Settings
from clonespeaker.cues import FAULTS, MUTED, STATES, Cue
from clonespeaker.errors import DeviceError
from clonespeaker.lamps import Lamps
from clonespeaker.lights.light import Light
from clonespeaker.wiring import brightness, open_light

SHOWN_S = 2.0
"""How long each."""


async def check_lights(
    settings: Settings,
    *,
    daemon: dict[str, Any] | None,
    show_s: float | None = None,
    ask: Callable[[str], object] = lambda words: None,
    opener: Callable[[], Light] | None = None,
) -> AsyncGenerator[Finding, None]:
    """Opens them; where asked for, shows each state and fault that looks like no other.

    Args:
        settings: all of them.
        daemon: how things stand with the one that runs, which holds them; None: none runs.
        show_s: how long each is shown; None: not at all.
        ask: says so.
        opener: makes them; None: as the settings mean.
    """
    lights = settings.lights
    if lights.kind == "none":
        yield Finding("lights", "ok", "lights.kind is none")
        return
    what = f"{lights.kind}, {'one lamp' if lights.count == 1 else f'{lights.count} lamps'}"
    if daemon is not None:
        trouble = (daemon.get("device", {}).get("lights") or {}).get("trouble", "")
        stop = "sudo systemctl stop clonespeaker first, to have them shown" if show_s else ""
        if trouble:
            yield Finding("lights", "failed", trouble)
        else:
            yield Finding("lights", "warning" if stop else "ok", f"{what}, in use by the daemon", stop)
        return
    opener = opener or partial(open_light, lights)
    try:
        light = await asyncio.to_thread(opener)
        await asyncio.to_thread(light.close)
    except DeviceError as error:
        yield Finding("lights", "failed", str(error), detail=error.detail)
        return
    yield Finding("lights", "ok", what)
    if show_s:
        lamps = Lamps(opener, brightness(lights))
        await lamps.open()
        try:
            for name, cue in looks().items():
                ask(f"lights: {name}")
                await _show(lamps, cue, show_s)
        finally:
            await lamps.close()


def looks() -> dict[str, Cue]:
    """What the lights can tell, by what it is about; what looks alike is one."""
    cues: dict[str, Cue] = {**{str(state): cue for state, cue in STATES.items()}, "muted": MUTED, **FAULTS}
    names: dict[tuple[str, str], list[str]] = {}
    for name, cue in cues.items():
        names.setdefault((cue.colour, cue.pattern), []).append(name)
    return {", ".join(dict.fromkeys(same)): cues[same[0]] for same in names.values()}


async def _show(lamps: Lamps, cue: Cue, seconds: float) -> None:
    lamps.follow(cue)
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    while (at_s := loop.time() - began_at) < seconds:
        lamps.hear(-31 + 19 * math.sin(at_s * 5))  # as if somebody spoke
        await asyncio.sleep(min(1 / 15, seconds))
