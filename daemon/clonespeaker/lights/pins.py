"""Lights on GPIO pins, through gpiozero: a LED, an RGB LED, and addressable lamps that are not on SPI pins."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from clonespeaker.controls.gpio import claiming, using
from clonespeaker.lights.patterns import Frame
from clonespeaker.lights.strip import Strip, encoder

_PWM_HZ = 100  # the pins' own; more costs as much more, for it is done by software
_LEAST = 0.01  # of a pulse; lgpio makes nothing of less
_CLOCKED_FRAMES_PER_S = 15.0


class PinLight:
    """One lamp of one or three pins; see `Light`.

    Args:
        devices: gpiozero's PWMLEDs: one, or red, green and blue.
    """

    lamps = 1
    frames_per_s = 30.0

    def __init__(self, devices: Sequence[Any]) -> None:
        self._devices = devices
        self.coloured = len(devices) == 3

    def show(self, frame: Frame) -> None:
        """Shine like this; without a colour, as bright as the brightest of it."""
        values = frame[0] if self.coloured else [frame.max()]
        with using("lights"):
            for device, value in zip(self._devices, values, strict=True):
                _give(device, float(value))

    def close(self) -> None:
        """Let go of the pins."""
        with using("lights"):
            for device in self._devices:
                device.close()


def _give(device: Any, value: float) -> None:
    """So much of a LED's power. Wholly on or off is no pulse, which would keep this machine busy for nothing."""
    frequency = None if value in (0, 1) else _PWM_HZ
    if device.frequency != frequency:
        device.frequency = frequency
    device.value = max(value, _LEAST) if value else value


def open_pins(pins: Sequence[str], *, active_high: bool, factory: Any = None) -> PinLight:
    """A LED on one pin, or an RGB LED on three: red, green, blue. Dark. Blocks.

    Args:
        pins: as gpiozero names them.
        active_high: it shines while the pin is high; else while it is low.
        factory: gpiozero's pin factory; None: the one it finds.

    Raises:
        DeviceError: no GPIO on this machine, a pin it has not, or one that another program holds.
    """
    devices: list[Any] = []
    try:
        for pin in pins:
            with _claiming(pin, factory):
                import gpiozero

                device = gpiozero.PWMLED(pin, active_high=active_high, frequency=_PWM_HZ, pin_factory=factory)
                devices.append(device)
                _give(device, 0.0)
    except Exception:
        for device in devices:
            device.close()
        raise
    return PinLight(devices)


class ClockedPins:
    """Two pins as a wire: data, read by the lamps while the clock goes up; see `Wire`.

    Some 10 µs a bit or more, which is why few lamps are on such pins, and why it goes on only where something changes.

    Args:
        data: a gpiozero OutputDevice.
        clock: likewise.
    """

    def __init__(self, data: Any, clock: Any) -> None:
        self._data = data
        self._clock = clock
        self._sent = b""

    def write(self, data: bytes) -> None:
        """Send them, the highest bit first."""
        if data == self._sent:
            return
        with using("lights"):
            self._send(data)
        self._sent = data

    def _send(self, data: bytes) -> None:
        level, clock = self._data.pin, self._clock.pin
        before = None
        for place, byte in enumerate(data):
            for shift in range(7, -1, -1):
                bit = byte >> shift & 1
                if bit != before:
                    level.state = before = bit
                clock.state = 1
                clock.state = 0
            if place % 4 == 3:
                time.sleep(0)  # sound goes first

    def close(self) -> None:
        """Let go of the pins."""
        with using("lights"):
            self._data.close()
            self._clock.close()


def open_clocked_strip(data: str, clock: str, *, order: str | None, lamps: int, factory: Any = None) -> Strip:
    """APA102 on two pins, dark. Blocks.

    Raises:
        DeviceError: as `open_pins`.
    """
    devices: list[Any] = []
    try:
        for pin in (data, clock):
            with _claiming(pin, factory):
                import gpiozero

                devices.append(gpiozero.OutputDevice(pin, pin_factory=factory))
    except Exception:
        for device in devices:
            device.close()
        raise
    encode, _ = encoder("apa102", order)
    strip = Strip(ClockedPins(*devices), encode, lamps=lamps, frames_per_s=_CLOCKED_FRAMES_PER_S)
    strip.show(np.zeros((lamps, 3)))
    return strip


def _claiming(pin: str, factory: Any) -> contextlib.AbstractContextManager[None]:
    return claiming("lights", pin, setting="lights.pins", elsewhere="lights.kind to none", factory=factory)
