"""What lights do: followed, drawn, failing, dark in the end. The lights are a stand-in that notes what it shows."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from clonespeaker import lamps as lamps_module
from clonespeaker.cues import AMBER, FAULTS, GREEN, RED, STATES, WHITE, Cue, Pattern
from clonespeaker.errors import DeviceError
from clonespeaker.lamps import DARK, Brightness, Lamps
from clonespeaker.lights.light import Light
from clonespeaker.lights.patterns import Frame
from clonespeaker.turn import State
from tests.peers import until

FULL = Brightness(100, None, 0)
STEADY = Cue(RED, Pattern.STEADY)


class LightOfTest:
    """Notes what it shows.

    Attributes:
        shown: each frame, the mean of each colour.
        trouble: what it fails with, if so.
        hangs: while it is clear, showing does not return.
    """

    frames_per_s = 50.0

    def __init__(self, lamps: int = 1, *, coloured: bool = True) -> None:
        self.lamps = lamps
        self.coloured = coloured
        self.shown: list[tuple[float, ...]] = []
        self.trouble = ""
        self.hangs = threading.Event()
        self.hangs.set()
        self.opened = self.closed = 0

    def open(self) -> LightOfTest:
        if self.trouble:
            raise DeviceError("lights", self.trouble)
        self.opened += 1
        return self

    def show(self, frame: Frame) -> None:
        self.hangs.wait()
        if self.trouble:
            raise DeviceError("lights", self.trouble)
        self.shown.append(tuple(round(float(each), 3) for each in frame.mean(axis=0)))

    def close(self) -> None:
        self.closed += 1


@asynccontextmanager
async def shining(
    light: LightOfTest, brightness: Brightness = FULL, minute: Callable[[], int] | None = None
) -> AsyncIterator[Lamps]:
    lamps = Lamps(light.open, brightness, minute=minute)
    await lamps.open()
    try:
        yield lamps
    finally:
        await lamps.close()


async def test_it_follows_at_once_and_ends_dark() -> None:
    light = LightOfTest()
    async with shining(light) as lamps:
        await until(lambda: light.shown == [(0, 0, 0)])
        lamps.follow(STEADY)
        await until(lambda: len(light.shown) > 1)
        assert light.shown[-1] == (1.0, 0.04, 0.025)
        lamps.follow(Cue(WHITE, Pattern.STEADY))
        await until(lambda: light.shown[-1] == (1, 1, 1))
        assert light.closed == 0
    assert (light.shown[-1], light.closed) == ((0, 0, 0), 1)


async def test_what_does_not_move_is_drawn_once() -> None:
    light = LightOfTest()
    async with shining(light) as lamps:
        for frames, cue in enumerate((DARK, STEADY, DARK), 1):
            lamps.follow(cue)
            lamps.follow(cue)
            await until(lambda expected=frames: len(light.shown) == expected)  # type: ignore[misc]
            await asyncio.sleep(0.1)  # in which nothing happens
            assert len(light.shown) == frames


async def test_what_moves_goes_on() -> None:
    light = LightOfTest(12)
    async with shining(light) as lamps:
        lamps.follow(STATES[State.STARTING])
        await until(lambda: len(set(light.shown)) > 10)


async def test_blinking_is_drawn_at_its_edges() -> None:
    light = LightOfTest()
    async with shining(light) as lamps:
        lamps.follow(FAULTS["offline"])
        await until(lambda: len(light.shown) > 3)
        lit = [any(each) for each in light.shown]
        assert lit[lit.index(True) :][:3] == [True, False, True]


async def test_loudness_shows_while_somebody_speaks() -> None:
    light = LightOfTest()
    async with shining(light) as lamps:
        lamps.follow(STATES[State.LISTENING])
        await until(lambda: light.shown and light.shown[-1][1] > 0)
        faint = light.shown[-1][1]
        lamps.hear(-12.0)
        await until(lambda: light.shown[-1][1] > 5 * faint)
        lamps.hear(-80.0)
        await until(lambda: light.shown[-1][1] == faint)
        lamps.hear(-12.0)
        await until(lambda: light.shown[-1][1] > 5 * faint)
        lamps.follow(DARK)
        lamps.follow(STATES[State.LISTENING])  # what was heard before is not its business
        await until(lambda: light.shown[-1][1] == faint)


async def test_lights_without_a_colour_are_as_bright_for_all() -> None:
    light = LightOfTest(coloured=False)
    async with shining(light, Brightness(50, None, 0)) as lamps:
        for colour in (GREEN, AMBER, RED):
            lamps.follow(Cue(colour, Pattern.STEADY))
            await until(lambda: light.shown[-1] == (0.218, 0.218, 0.218))


async def test_brightness_can_change() -> None:
    light = LightOfTest()
    async with shining(light, Brightness(50, None, 0)) as lamps:
        lamps.follow(Cue(WHITE, Pattern.STEADY))
        await until(lambda: light.shown and light.shown[-1][0] == 0.218)
        lamps.dim(Brightness(100, None, 0))
        await until(lambda: light.shown[-1][0] == 1)


async def test_quiet_hours_begin_while_it_shines(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a Pi that learns the time late is no different: the clock is looked at, not counted."""
    monkeypatch.setattr(lamps_module, "_LOOK_AT_THE_CLOCK_EVERY_S", 0.05)
    now = [21 * 60 + 59]
    light = LightOfTest()
    night = Brightness(100, (22 * 60, 7 * 60), 0)
    async with shining(light, night, lambda: now[0]) as lamps:
        lamps.follow(Cue(WHITE, Pattern.STEADY))
        await until(lambda: light.shown and light.shown[-1][0] == 1)
        now[0] = 22 * 60
        await until(lambda: light.shown[-1][0] == 0)
        now[0] = 7 * 60
        await until(lambda: light.shown[-1][0] == 1)


@pytest.mark.parametrize(("minute", "expected"), [(0, 0.1), (419, 0.1), (420, 0.6), (1319, 0.6), (1320, 0.1)])
def test_brightness_by_the_hour(minute: int, expected: float) -> None:
    assert Brightness(60, (22 * 60, 7 * 60), 10).at(minute) == expected
    assert Brightness(60, None, 10).at(minute) == 0.6


async def test_lights_that_fail_are_told_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lamps_module, "_AGAIN_AFTER_S", (0.02, 0.02))
    caplog.set_level(logging.INFO)
    light = LightOfTest()
    light.trouble = "no such port"
    async with shining(light) as lamps:
        assert lamps.trouble == "no such port"
        lamps.follow(STEADY)
        await asyncio.sleep(0.2)  # some tries
        assert [record.message for record in caplog.records] == ["lights: no such port"]
        light.trouble = ""
        await until(lambda: light.shown and light.shown[-1][0] == 1)  # what holds meanwhile
        assert lamps.trouble == ""
        light.trouble = "the plug was pulled"
        lamps.follow(DARK)
        await until(lambda: lamps.trouble)
        light.trouble = ""
        await until(lambda: light.opened == 2)
        await until(lambda: light.shown[-1] == (0, 0, 0))
        assert [record.message for record in caplog.records] == [
            *("lights: no such port", "lights: they work again"),
            *("lights: the plug was pulled", "lights: they work again"),
        ]
    assert light.closed == 2


async def test_a_mistake_of_ours_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lamps_module, "_AGAIN_AFTER_S", (0.02, 0.02))
    light, mistakes = LightOfTest(), [RuntimeError("not thought of")]

    def open_light() -> Light:
        if mistakes:
            raise mistakes.pop()
        return light.open()

    lamps = Lamps(open_light, FULL)
    await lamps.open()
    try:
        assert "not thought of" in caplog.text
        await until(lambda: light.opened == 1 and not lamps.trouble)
    finally:
        await lamps.close()


async def test_lights_that_hang_hold_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    light = LightOfTest()
    try:
        async with shining(light) as lamps:
            light.hangs.clear()
            for _ in range(1_000):
                lamps.follow(STEADY)
                lamps.hear(-20.0)
                lamps.follow(DARK)
        assert "they hang, and are left behind" in caplog.text
    finally:
        light.hangs.set()
    await until(lambda: light.closed)
