"""The seam between a sound device and what captures or plays: one stream, opened, and the two calls it makes.

A stream's calls come on the device's own thread, once a period. Whoever takes them copies, notes a flag, and
returns: no logging, no waiting, no exception.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

OnBlock = Callable[[bytes, float, bool], None]
"""A period was captured: interleaved s16le frames; how many seconds ago the first of them was heard by the
microphone; whether frames before it were lost (an overflow)."""

Fill = Callable[[int, float, bool], bytes]
"""A period is wanted: how many frames; in how many seconds the first of them will be heard; whether the device
ran dry before (an underflow). Returns exactly that many frames, interleaved s16le."""

InThread = Callable[[Callable[[], None]], Awaitable[None]]
"""Runs what blocks outside the loop; raises DeviceError where it hangs."""


class Stream(Protocol):
    """An open stream of a sound device. Its methods block, or hang: call them outside the loop, but for `is_active`.

    Attributes:
        device: the name people know the device by.
        rate_hz: frames a second that it takes; may differ from what was asked for.
        channels: samples a frame; may differ likewise.
    """

    device: str
    rate_hz: int
    channels: int

    def start(self) -> None:
        """Let the calls begin, where they have not. Raises DeviceError."""

    def is_active(self) -> bool:
        """Whether calls are to be expected: it was started, and has not ended by itself. Quick; never raises.

        True says little: a device that hangs stays active. False, where nobody stopped it, means that it is gone.
        """

    def stop(self) -> None:
        """No more calls once this returns; `start` may follow."""

    def close(self) -> None:
        """Stop, and give the device back. Never raises."""
