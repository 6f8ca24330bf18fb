"""Lights on gpiozero's mock pins."""

from __future__ import annotations

from collections.abc import Iterator

import gpiozero
import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin

from clonespeaker.errors import DeviceError
from clonespeaker.lights.encoding import apa102
from clonespeaker.lights.pins import open_clocked_strip, open_pins


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


def colour(red: float, green: float, blue: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([[red, green, blue]])


@pytest.mark.parametrize(("active_high", "values"), [(True, [0, 0.5, 1, 0]), (False, [1, 0.5, 0, 1])])
def test_a_led(factory: MockFactory, active_high: bool, values: list[float]) -> None:
    light = open_pins(["GPIO27"], active_high=active_high, factory=factory)
    pin = factory.pin("GPIO27")
    assert not light.coloured
    told = [pin.state]
    for brightest in (0.5, 1.0, 0.0):
        light.show(colour(brightest, brightest / 2, 0.0))
        told.append(pin.state)
    assert told == values
    light.close()
    assert pin.function == "input"  # nothing flows


def test_what_is_wholly_on_or_off_is_no_pulse(factory: MockFactory) -> None:
    light = open_pins(["GPIO27"], active_high=True, factory=factory)
    pin = factory.pin("GPIO27")
    assert pin.frequency is None
    light.show(colour(0.0001, 0, 0))
    assert pin.state == 0.01  # what is faint still shines
    for value, frequency in ((0.3, 100), (0.4, 100), (1.0, None), (0.2, 100), (0.0, None)):
        light.show(colour(value, value, value))
        assert (pin.state, pin.frequency) == (value, frequency)
    light.close()


def test_an_rgb_led(factory: MockFactory) -> None:
    light = open_pins(["GPIO22", "GPIO27", "BOARD16"], active_high=True, factory=factory)
    assert light.coloured
    light.show(colour(1.0, 0.5, 0.25))
    assert [factory.pin(f"GPIO{number}").state for number in (22, 27, 23)] == [1.0, 0.5, 0.25]
    light.close()


def test_a_pin_that_is_taken(factory: MockFactory) -> None:
    with (
        gpiozero.DigitalInputDevice("GPIO27", pin_factory=factory),
        pytest.raises(DeviceError, match=r"lights\.pins GPIO27 can't be used: .* in use"),
    ):
        open_pins(["GPIO22", "GPIO27", "GPIO23"], active_high=True, factory=factory)
    open_pins(["GPIO22", "GPIO27", "GPIO23"], active_high=True, factory=factory).close()  # all were given back


def test_pins_that_are_all_or_nothing() -> None:
    factory = MockFactory()
    with pytest.raises(DeviceError, match=r"lights\.pins GPIO27 can't be used: PinPWMUnsupported"):
        open_pins(["GPIO27"], active_high=True, factory=factory)
    factory.reset()


def test_pins_that_fail_later(factory: MockFactory) -> None:
    light = open_pins(["GPIO27"], active_high=True, factory=factory)
    factory.pin("GPIO27").function = "input"  # somebody else's doing
    with pytest.raises(DeviceError, match="its pins fail: "):
        light.show(colour(1, 1, 1))


class Lamp(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """The clock of lamps that read their data while it goes up."""

    def __init__(self, factory: MockFactory, info: object) -> None:
        super().__init__(factory, info)
        self.read: list[int] = []

    def _set_state(self, value: bool) -> None:
        if value and not self.state:
            self.read.append(int(self.factory.pin("GPIO5").state))
        super()._set_state(value)


def test_lamps_on_two_pins() -> None:
    factory = MockFactory(pin_class=Lamp)
    light = open_clocked_strip("GPIO5", "GPIO6", order=None, lamps=3, factory=factory)
    lamps = factory.pin("GPIO6")
    shown = np.array([[1.0, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.02]])
    for frame in (np.zeros((3, 3)), shown):
        assert light.lamps == 3
        light.show(frame)
    sent = apa102(np.zeros((3, 3)), "bgr") + apa102(shown, "bgr")
    assert np.packbits(lamps.read).tobytes() == sent  # the same twice goes out once
    light.close()
    assert lamps.function == factory.pin("GPIO5").function == "input"
    factory.reset()
