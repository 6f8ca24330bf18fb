"""One sound being played, which knows when each sample of it is heard.

    put() → read-ahead (bounded) → pump, volume → ring (250 ms) → device's thread → device

The read-ahead takes in what comes faster than it is heard; full, it makes `put` wait, and that wait is the
backpressure that stops the network. The pump wakes the device, moves sound from there into the ring and decides when
it starts (`jitter` has the rule). So a device gets ready while the user still speaks, and nothing waits for it.

"Heard" is meant: the device says how far ahead of the ear it asks for sound, and a sound is over when its last
sample has come out, not when it was handed over.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from clonespeaker.audio.convert import OneRate
from clonespeaker.audio.jitter import JitterBuffer
from clonespeaker.audio.output import Output
from clonespeaker.audio.pcm import Samples, apply_gain, volume_gain
from clonespeaker.audio.stream import InThread, Stream
from clonespeaker.errors import DeviceError

SILENT_AFTER_S = 1.0
"""No period asked for in so long: the device is gone (15 times the worst gap seen between two)."""

_LOOK_AGAIN_MS = 5.0  # where a sliver of sound is missing that only the next piece may bring
_PIECE_MS = 20  # what the pump moves at a time; a change of volume is spread over one
_CONVERTED_FRAMES = (
    8_192  # at a time, so that a large snippet does not keep the device's thread waiting for the interpreter
)


class Player(Protocol):
    """What a sound needs of who plays it, a `Speaker`, whose attributes may change meanwhile."""

    in_thread: InThread
    jitter: JitterBuffer
    read_ahead_s: float
    lead_in_ms: float
    volume: int

    @property
    def stream(self) -> Stream | None:
        """The open stream, where there is one."""

    def wake(self) -> None:
        """Let the device run. Blocks; raises DeviceError."""


class Playback:
    """One sound, from its first piece to the last sample heard. `Speaker.play` makes it.

    An async context manager: leaving it stops the sound with a short fade, unless `drain` has seen it out.

    Attributes:
        first_heard_at: when its first sample was heard, in monotonic seconds; None before.
        last_heard_at: when the last sample so far was heard, likewise.
        underruns: times it ran dry before its end.
        on_start: called once, when the first sample is on its way to the ear.
        on_play: called with each piece that goes to the device.
    """

    def __init__(self, speaker: Player, stream: Stream, output: Output) -> None:
        self._speaker = speaker
        self._stream = stream
        self._output = output
        self._ahead: deque[Samples] = deque()  # at the device's rate
        self._ahead_frames = 0
        self._complete = False
        self._changed = asyncio.Event()  # something that the pump may want to act on
        self._room = asyncio.Event()  # something that `put` may want to act on
        self._pump: asyncio.Task[None]
        self._to_device_rate = OneRate(stream.rate_hz)
        self._gain = volume_gain(speaker.volume)
        self._played_frames = 0
        self._lead_in_s = 0.0
        self._came_at = time.monotonic()
        self.first_heard_at: float | None = None
        self.last_heard_at: float | None = None
        self.underruns = 0
        self.on_start: Callable[[], None] = lambda: None
        self.on_play: Callable[[Samples], None] = lambda samples: None

    @property
    def played_ms(self) -> float:
        """Milliseconds of sound handed to the device so far."""
        return self._played_frames / self._stream.rate_hz * 1_000

    async def __aenter__(self) -> Playback:
        loop = asyncio.get_running_loop()
        self._output.wake = lambda: loop.call_soon_threadsafe(self._changed.set)
        self._output.hushing = True  # what may be in the ring is of another sound
        self._speaker.jitter.begin()
        self._pump = asyncio.create_task(self._run(), name="speaker pump")
        self._pump.add_done_callback(lambda _: self._room.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._output.hushing = True
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        self._speaker.jitter.end()

    async def put(self, samples: Samples, rate_hz: int) -> None:
        """Play `samples`, mono at `rate_hz`, after what came before. Waits while the read-ahead is full.

        Raises:
            DeviceError: the device does not start, or stopped asking for sound.
        """
        self._raise_if_gone()
        self._speaker.jitter.came(samples.size / rate_hz * 1_000, self._at_hand_ms())
        self._came_at = time.monotonic()
        for at in range(0, samples.size, _CONVERTED_FRAMES):
            self._append(self._to_device_rate.convert(samples[at : at + _CONVERTED_FRAMES], rate_hz))
            await asyncio.sleep(0)
        while self._ahead_frames > self._speaker.read_ahead_s * self._stream.rate_hz:
            self._room.clear()
            await self._room.wait()
            self._raise_if_gone()

    def _raise_if_gone(self) -> None:
        if self._pump.done():
            self._pump.result()

    def complete(self) -> None:
        """No more will come."""
        if not self._complete:
            self._append(self._to_device_rate.finish())
            self._complete = True
            self._changed.set()

    async def drain(self) -> None:
        """Wait until all of it has been heard; `complete` comes before.

        Raises:
            DeviceError: the device stopped asking for sound.
        """
        await self._pump
        if self.last_heard_at is not None:
            await asyncio.sleep(self.last_heard_at - time.monotonic())

    def _append(self, samples: Samples) -> None:
        if samples.size:
            self._ahead.append(samples)
            self._ahead_frames += samples.size
            self._changed.set()

    def _put_first(self, samples: Samples) -> None:
        if samples.size:
            self._ahead.appendleft(samples)
            self._ahead_frames += samples.size

    async def _run(self) -> None:
        """The pump. Ends when everything has been handed to the device."""
        await self._speaker.in_thread(self._speaker.wake)
        while self._output.hushing:
            await self._change()
        first = True
        while await self._gather():
            if first:
                self._lead_in()
                first = False
            self._output.first_heard_at = None
            self._speaker.jitter.started(self._at_hand_ms(), self._waited_ms())
            self._move()
            self._output.playing = True
            while self._output.playing:
                await self._change()
                self._note_heard()
                self._move()
            while not self._at_hand() and not self._complete:
                await self._change()
            if self._at_hand():
                # More came after it had run dry; had nothing come, it would have been the end.
                self.underruns += 1
                self._speaker.jitter.starved()

    def _lead_in(self) -> None:
        """Silence first, where the device woke so late that its amplifier may still be asleep."""
        rate_hz = self._stream.rate_hz
        missing = round(self._speaker.lead_in_ms / 1_000 * rate_hz) - self._output.awake_frames
        silence = np.zeros(max(0, missing), np.int16)
        self._lead_in_s = silence.size / rate_hz
        self._played_frames = -silence.size
        self._put_first(silence)

    async def _gather(self) -> bool:
        """Wait until there is enough to start with; False if there is nothing and never will be."""
        jitter = self._speaker.jitter
        while not self._complete:
            missing_ms = jitter.missing_ms(self._at_hand_ms(), self._waited_ms())
            if self._at_hand() and missing_ms <= 0:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(missing_ms, _LOOK_AGAIN_MS) / 1_000 if self._at_hand() else None):
                    await self._change()
        return self._at_hand() > 0

    def _at_hand(self) -> int:
        return self._ahead_frames + len(self._output.ring)

    def _waited_ms(self) -> float:
        return (time.monotonic() - self._came_at) * 1_000

    def _at_hand_ms(self) -> float:
        return self._at_hand() / self._stream.rate_hz * 1_000

    def _move(self) -> None:
        """As much of the read-ahead into the ring as it has room for, at the volume of the moment."""
        most = self._stream.rate_hz * _PIECE_MS // 1_000
        while self._ahead and (room := self._output.ring.room):
            piece, rest = np.split(self._ahead.popleft(), [min(most, room)])
            if rest.size:
                self._ahead.appendleft(rest)
            gain = volume_gain(self._speaker.volume)
            self._output.ring.write(apply_gain(piece, self._gain, gain))
            self._gain = gain
            self._ahead_frames -= piece.size
            self._played_frames += piece.size
            self.on_play(piece)
        self._room.set()

    def _note_heard(self) -> None:
        if self._output.first_heard_at is not None:
            self.last_heard_at = self._output.last_heard_at
            if self.first_heard_at is None:
                self.first_heard_at = self._output.first_heard_at + self._lead_in_s
                self.on_start()

    async def _change(self) -> None:
        """Wait until something happens; DeviceError if the device does nothing any more."""
        periods = self._output.periods
        for _ in range(2):  # where this whole machine stood still, the device gets the second half to catch up
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SILENT_AFTER_S / 2):
                    await self._changed.wait()
            if self._speaker.stream is not self._stream:
                break
            if self._changed.is_set() or self._output.periods != periods:
                self._changed.clear()
                return
        raise DeviceError("speaker", f"the speaker ({self._stream.device}) stopped taking sound; is it unplugged?")
