"""The button on a GPIO pin, through gpiozero (on a Pi with its lgpio factory; in tests with its mock factory)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from clonespeaker.controls.debounce import Debounce
from clonespeaker.controls.gpio import claiming

OnButton = Callable[[bool], None]
"""Called on the loop: True when the button goes down, False when it comes up."""


class Button:
    """A button that is listened to until it is closed.

    Args:
        device: a gpiozero DigitalInputDevice, opened without a bounce time of its own.
        bounce_s: how long its contact may chatter.
        on_change: told of presses and releases.

    Attributes:
        down: whether it is pressed now. One that is down from the start tells nothing until it has come up.
        on_edge: called at each change of the contact, chatter included, on gpiozero's thread.
    """

    def __init__(self, device: Any, *, bounce_s: float, on_change: OnButton) -> None:
        self._device = device
        self._loop = asyncio.get_running_loop()
        self._on_change = on_change
        self._debounce = Debounce(bounce_s, down=bool(device.is_active))
        self._timer: asyncio.TimerHandle | None = None
        self.on_edge: Callable[[], object] = lambda: None
        device.when_activated = device.when_deactivated = self._edge

    @property
    def down(self) -> bool:
        """Whether it counts as pressed."""
        return self._debounce.down

    def close(self) -> None:
        """Let go of the pin."""
        if self._timer is not None:
            self._timer.cancel()
        self._device.close()

    def _edge(self) -> None:
        # Thread: gpiozero's.
        self.on_edge()
        self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        if self._device.closed:
            return
        now = self._loop.time()
        if self._debounce.look(bool(self._device.is_active), now):
            self._on_change(self._debounce.down)
        again_in_s = self._debounce.look_again_in(now)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if again_in_s is None else self._loop.call_later(again_in_s, self._look)


def open_button(
    pin: str, *, pull: str, bounce_ms: float, on_change: OnButton, setting: str = "button.pin", factory: Any = None
) -> Button:
    """Claim a pin and listen to it.

    Args:
        pin: as gpiozero names pins: `GPIO17`, `BOARD11`, …
        pull: "up" (the button connects it to ground), "down" (to 3.3 V), "none" (a resistor outside pulls up).
        bounce_ms: how long the contact may chatter.
        on_change: told of presses and releases.
        setting: that names the pin, for messages.
        factory: gpiozero's pin factory; None: the one it finds.

    Raises:
        DeviceError: no GPIO on this machine, a pin it has not, or one that another program holds.
    """
    levels: dict[str, dict[str, bool | None]] = {
        "up": {"pull_up": True},
        "down": {"pull_up": False},
        "none": {"pull_up": None, "active_state": False},
    }
    elsewhere = "button.source to keyboard or none"
    with claiming("button", pin, setting=setting, elsewhere=elsewhere, factory=factory):
        import gpiozero

        # Not gpiozero.Button: its thread for held buttons wakes ten times a second.
        device = gpiozero.DigitalInputDevice(pin, pin_factory=factory, **levels[pull])
    return Button(device, bounce_s=bounce_ms / 1_000, on_change=on_change)


def release_pins() -> None:
    """Give all pins back to the system, for another program; every button is closed.

    Closing a button alone does not: gpiozero keeps what lgpio has claimed for as long as its factory is there.
    """
    import gpiozero

    factory, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, None
    if factory is not None:
        factory.close()
