"""The whole daemon with lights, through what happens to it: on gpiozero's mock pins, and on a recorded SPI port."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import gpiozero
import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from msgspec.structs import replace

from clonespeaker.cues import AMBER, BLUE, GREEN, RED, WHITE
from clonespeaker.simulate.server import SimulatedClone
from tests.daemon import SPEECH, running, starting
from tests.peers import until

RGB = {"kind": "rgb", "pins": ("GPIO22", "GPIO27", "GPIO23"), "brightness": 100}
LED = {"kind": "led", "pins": ("GPIO27",), "brightness": 100}


@pytest.fixture(autouse=True)
def factory() -> Iterator[MockFactory]:
    factory = gpiozero.Device.pin_factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()
    gpiozero.Device.pin_factory = None


def shines(factory: MockFactory) -> str | None:
    """The colour that an RGB LED shows, however faintly; None while it is dark."""
    power: list[float] = [factory.pin(f"GPIO{number}").state for number in (22, 27, 23)]
    if not max(power):
        return None
    looks: list[float] = [(each / max(power)) ** (1 / 2.2) for each in power]

    def distance(colour: str) -> float:
        channels = bytes.fromhex(colour[1:])
        return sum(abs(look - channel / max(channels)) for look, channel in zip(looks, channels, strict=True))

    return min((WHITE, GREEN, AMBER, BLUE, RED), key=distance)


async def test_a_turn(tmp_path: Path, factory: MockFactory) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=10), lights=RGB) as daemon:
        await until(lambda: shines(factory) is None)
        daemon.clone.think_s, daemon.clone.voice = 1.0, "tone"
        daemon.app.appliance.hand.press()
        await until(lambda: shines(factory) == GREEN)
        faint = factory.pin("GPIO27").state
        daemon.sound.hear(np.tile(SPEECH, 100))
        await until(lambda: factory.pin("GPIO27").state > 3 * faint)
        daemon.app.appliance.hand.release()
        await until(lambda: shines(factory) == AMBER)
        await until(lambda: shines(factory) == BLUE)
        assert daemon.state == "speaking"
        daemon.cancel()
        await until(lambda: shines(factory) is None)


async def test_faults_and_mute(tmp_path: Path, factory: MockFactory) -> None:
    async with running(tmp_path, lights=RGB) as daemon:
        daemon.clone.fault = "status-401"
        daemon.say("Hello")
        await daemon.event("fault", fault="refused", active=True)
        for expected in (RED, None, RED):  # it blinks
            await until(lambda expected=expected: shines(factory) == expected)  # type: ignore[misc]
        daemon.clone.fault = None
        daemon.say("Hello")
        await daemon.event("fault", fault="refused", active=False)
        await until(lambda: daemon.state == "idle" and shines(factory) is None)
        daemon.app.appliance.dials.mute(True)
        await until(lambda: shines(factory) == RED)
        await asyncio.sleep(0.7)
        assert shines(factory) == RED  # and does not blink
        daemon.app.appliance.dials.mute(False)
        await until(lambda: shines(factory) is None)


async def test_it_breathes_while_it_starts_and_is_dark_when_it_has_ended(tmp_path: Path, factory: MockFactory) -> None:
    async with starting(tmp_path, lights=RGB) as daemon:
        assert any(each.state for each in factory.pin("GPIO22").states)
        daemon.app.appliance.hand.press()
        await until(lambda: shines(factory) == GREEN)
    assert {factory.pin(f"GPIO{number}").function for number in (22, 27, 23)} == {"input"}
    assert shines(factory) is None


async def test_a_led_tells_by_brightness(tmp_path: Path, factory: MockFactory) -> None:
    async with running(tmp_path, lights=LED) as daemon:
        pin = factory.pin("GPIO27")
        await until(lambda: pin.state == 0)
        daemon.app.appliance.hand.press()
        await until(lambda: pin.state > 0)
        daemon.cancel()
        await until(lambda: pin.state == 0)
        daemon.app.appliance.dials.mute(True)
        await until(lambda: pin.state == 1)


async def test_brightness_is_taken_over_while_it_runs(tmp_path: Path, factory: MockFactory) -> None:
    async with running(tmp_path, lights=LED) as daemon:
        app = daemon.app
        app.appliance.dials.mute(True)
        await until(lambda: factory.pin("GPIO27").state == 1)
        app._reread = lambda: replace(app.settings, lights=replace(app.settings.lights, brightness=0))
        app.reload()
        await until(lambda: factory.pin("GPIO27").state == 0)


async def test_lights_that_are_not_there_are_told_and_the_clone_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with running(tmp_path, lights={"kind": "ws2812", "spi": "98.7"}) as daemon:
        assert (await daemon.talk())["outcome"] == "answered"
        assert daemon.app.news.faults == {}
        assert "/dev/spidev98.7" in daemon.app.account.snapshot()["device"]["lights"]["trouble"]
    assert [record.message for record in caplog.records if "lights" in record.message] == [
        "lights: /dev/spidev98.7 can't be opened (No such file or directory); put dtparam=spi=on into "
        "/boot/firmware/config.txt and restart, or set lights.kind: none"
    ]


async def test_no_lights(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        assert daemon.app.account.snapshot()["device"]["lights"] is None
