"""What all lights have in common: lamps that take a colour each."""

from __future__ import annotations

from typing import Protocol

from clonespeaker.lights.patterns import Frame


class Light(Protocol):
    """Lamps that are opened and dark, until closed.

    Attributes:
        lamps: how many.
        coloured: whether they have a colour; else brightness is all they can tell.
        frames_per_s: how often they can be drawn without keeping this machine busy.
    """

    lamps: int
    coloured: bool
    frames_per_s: float

    def show(self, frame: Frame) -> None:
        """Shine like this from now on. Blocks. Raises DeviceError."""

    def close(self) -> None:
        """Give them back; they are dark already. Blocks."""
