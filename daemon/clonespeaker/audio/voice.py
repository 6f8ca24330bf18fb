"""The seam between an exchange and what plays its replies: a speaker, or a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from clonespeaker.audio.pcm import Samples


class Playing(Protocol):
    """One reply being played: `Playback`, or what stands for it. As an async context manager, leaving it stops it."""

    first_heard_at: float | None
    last_heard_at: float | None
    underruns: int
    on_start: Callable[[], None]
    on_play: Callable[[Samples], None]

    @property
    def played_ms(self) -> float:
        """Milliseconds of sound played so far."""

    async def __aenter__(self) -> Playing: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def put(self, samples: Samples, rate_hz: int) -> None:
        """Play this next; waits while too much is waiting already. Raises DeviceError."""

    def complete(self) -> None:
        """No more will come."""

    async def drain(self) -> None:
        """Wait until all of it has been heard."""


class Voice(Protocol):
    """What plays replies: `Speaker`, or a file."""

    def play(self) -> Playing:
        """One reply; entered, it gets ready to sound. Raises DeviceError."""
