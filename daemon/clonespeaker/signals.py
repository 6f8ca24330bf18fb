"""Earcons, sounded: one at a time, never over a reply, never while the user speaks."""

from __future__ import annotations

import asyncio
import contextlib

from clonespeaker.audio import earcons
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.speaker import Speaker
from clonespeaker.errors import DeviceError


class Signals:
    """What a device says without words.

    Args:
        speaker: where.
    """

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._sounding: asyncio.Task[None] | None = None
        # Not by waiting for the task before: one that was cancelled keeps what it waited for, and that what it did.
        self._one_at_a_time = asyncio.Lock()

    def failed(self, tasks: asyncio.TaskGroup, *, after: asyncio.Task[None] | None) -> None:
        """Something went wrong. Sounds once `after`, the end of a turn, has let its reply fade out."""
        self.hush()
        self._sounding = tasks.create_task(self._sound(earcons.failed(), after))

    @property
    def sounding(self) -> bool:
        """Whether one is, or is about to."""
        return self._sounding is not None and not self._sounding.done()

    def hush(self) -> None:
        """Stop what sounds, with a short fade."""
        if self._sounding is not None:
            self._sounding.cancel()

    async def _sound(self, samples: Samples, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await asyncio.wait([after])
        async with self._one_at_a_time:
            with contextlib.suppress(DeviceError):  # a device that can't say it has been told in other ways
                async with self._speaker.play() as playback:
                    await playback.put(samples, earcons.RATE_HZ)
                    playback.complete()
                    await playback.drain()
