"""The button on gpiozero's mock pins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from clonespeaker.controls.button import Button, open_button, release_pins
from clonespeaker.errors import DeviceError
from tests.peers import until

PULLS = ["up", "down", "none"]


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory()
    yield factory
    factory.reset()


class Hand:
    """Presses the button that is wired as `pull` wants it."""

    def __init__(self, pin: MockPin, pull: str) -> None:
        self._pin = pin
        self._pull = pull
        self.told: list[bool] = []

    def press(self) -> None:
        (self._pin.drive_high if self._pull == "down" else self._pin.drive_low)()

    def let_go(self) -> None:
        (self._pin.drive_low if self._pull == "down" else self._pin.drive_high)()


@asynccontextmanager
async def button(factory: MockFactory, pull: str = "up", bounce_ms: float = 0) -> AsyncIterator[tuple[Hand, Button]]:
    hand = Hand(factory.pin("GPIO17"), pull)
    if pull == "none":
        hand.let_go()  # the resistor outside
    opened = open_button("GPIO17", pull=pull, bounce_ms=bounce_ms, on_change=hand.told.append, factory=factory)
    try:
        yield hand, opened
    finally:
        hand.let_go()
        opened.close()


@pytest.mark.parametrize("pull", PULLS)
async def test_pressed_and_released(factory: MockFactory, pull: str) -> None:
    async with button(factory, pull) as (hand, opened):
        assert not opened.down
        for _ in range(2):
            hand.press()
            await until(lambda: opened.down)
            hand.let_go()
            await until(lambda: not opened.down)
        assert hand.told == [True, False, True, False]


@pytest.mark.parametrize("pull", PULLS)
async def test_the_resistor_is_as_it_should_be(factory: MockFactory, pull: str) -> None:
    async with button(factory, pull):
        assert factory.pin("GPIO17").pull == {"up": "up", "down": "down", "none": "floating"}[pull]


async def test_a_contact_that_chatters(factory: MockFactory) -> None:
    async with button(factory, bounce_ms=50) as (hand, opened):
        for _ in range(10):
            hand.press()
            hand.let_go()
        hand.press()
        await until(lambda: opened.down)
        await asyncio.sleep(0.1)
        for _ in range(10):
            hand.let_go()
            hand.press()
        hand.let_go()
        await until(lambda: not opened.down)
        await asyncio.sleep(0.1)
        assert hand.told == [True, False]


async def test_a_press_counts_at_once(factory: MockFactory) -> None:
    async with button(factory, bounce_ms=600_000) as (hand, opened):  # nobody would wait for that
        hand.press()
        await until(lambda: opened.down)


async def test_a_press_shorter_than_chatter_ends(factory: MockFactory) -> None:
    async with button(factory, bounce_ms=50) as (hand, _):
        hand.press()
        await asyncio.sleep(0.01)
        hand.let_go()
        await until(lambda: len(hand.told) == 2)
        assert hand.told == [True, False]


async def test_down_from_the_start_tells_nothing_until_it_has_come_up(factory: MockFactory) -> None:
    pin = factory.pin("GPIO17")
    hand = Hand(pin, "none")
    hand.press()
    opened = open_button("GPIO17", pull="none", bounce_ms=0, on_change=hand.told.append, factory=factory)
    assert opened.down
    await asyncio.sleep(0.02)
    assert hand.told == []
    hand.let_go()
    await until(lambda: hand.told)
    assert hand.told == [False]
    opened.close()


async def test_edges_come_from_another_thread(factory: MockFactory) -> None:
    threads: list[threading.Thread] = []
    opened = open_button(
        "GPIO17",
        pull="up",
        bounce_ms=0,
        on_change=lambda down: threads.append(threading.current_thread()),
        factory=factory,
    )
    await asyncio.to_thread(factory.pin("GPIO17").drive_low)
    await until(lambda: threads)
    assert threads == [threading.main_thread()]
    factory.pin("GPIO17").drive_high()
    opened.close()


async def test_once_closed_it_tells_nothing_and_the_pin_is_free(factory: MockFactory) -> None:
    async with button(factory, bounce_ms=20) as (hand, opened):
        hand.press()
        await until(lambda: hand.told)
        hand.let_go()
        opened.close()
        await asyncio.sleep(0.05)
        assert hand.told == [True]
    async with button(factory):
        pass


# Words


async def test_no_gpio_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "lgpio")
    with pytest.raises(DeviceError, match=r"clonespeaker\[pi\].*button\.source to keyboard") as error:
        open_button("GPIO17", pull="up", bounce_ms=0, on_change=lambda down: None)
    assert error.value.device == "button"
    assert error.value.detail


async def test_no_pin_factory_at_all_warns_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    with pytest.raises(DeviceError, match="no GPIO pins") as error:
        open_button("GPIO17", pull="up", bounce_ms=0, on_change=lambda down: None)
    assert "lgpio" in error.value.detail


@pytest.mark.parametrize("pin", ["GPIO99", "BOARD1", "banana"])
async def test_a_pin_that_is_none(factory: MockFactory, pin: str) -> None:
    with pytest.raises(DeviceError, match=f"button.pin {pin} can't be used"):
        open_button(pin, pull="up", bounce_ms=0, on_change=lambda down: None, factory=factory)


async def test_a_pin_that_is_taken(factory: MockFactory) -> None:
    async with button(factory):
        with pytest.raises(DeviceError, match=r"button\.pin GPIO17 can't be used"):
            open_button("GPIO17", pull="up", bounce_ms=0, on_change=lambda down: None, factory=factory)


async def test_a_pin_with_a_pull_of_its_own(factory: MockFactory) -> None:
    with pytest.raises(DeviceError, match=r"button\.pin GPIO2 can't be used"):
        open_button("GPIO2", pull="down", bounce_ms=0, on_change=lambda down: None, factory=factory)


class LgpioError(Exception):
    """As lgpio's own, which has no base but Exception."""


LgpioError.__module__ = "lgpio"


@pytest.mark.parametrize(
    "raised", [LgpioError("'GPIO busy'"), PermissionError(13, "Permission denied"), OSError(16, "Busy")]
)
async def test_a_pin_that_the_system_refuses(factory: MockFactory, raised: Exception) -> None:
    class Refusing(MockPin):  # type: ignore[misc]  # gpiozero has no types
        def _set_function(self, value: str) -> None:
            raise raised

    factory.pin_class = Refusing
    with pytest.raises(DeviceError, match=r"GPIO17 can't be claimed .*group gpio"):
        open_button("GPIO17", pull="up", bounce_ms=0, on_change=lambda down: None, factory=factory)


async def test_a_mistake_of_ours_is_not_taken_for_one_of_the_pin(factory: MockFactory) -> None:
    class Stumbling(MockPin):  # type: ignore[misc]
        stumbles = True

        def _set_function(self, value: str) -> None:
            if self.stumbles:
                Stumbling.stumbles = False
                raise ZeroDivisionError
            super()._set_function(value)

    factory.pin_class = Stumbling
    with pytest.raises(ZeroDivisionError):
        open_button("GPIO17", pull="up", bounce_ms=0, on_change=lambda down: None, factory=factory)


async def test_released_pins_are_free_and_can_be_claimed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setattr("gpiozero.Device.pin_factory", None)
    factories = []
    for _ in range(2):
        open_button("GPIO17", pull="up", bounce_ms=0, on_change=lambda down: None).close()
        factories.append(gpiozero.Device.pin_factory)
        release_pins()
        factories.append(gpiozero.Device.pin_factory)
    first, none, second, nothing = factories
    assert (none, nothing) == (None, None)
    assert second not in (None, first)
    release_pins()  # where nothing was claimed
