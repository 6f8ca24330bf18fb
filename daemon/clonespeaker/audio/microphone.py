"""The microphone: always a moment in memory, and on request a recording that begins before it was asked for.

While nobody speaks, the device's thread writes into a ring and wakes nobody. A recording reads that ring from
`pre_roll_ms` before the press on, and is woken for each period until it is finished. Frames lie in the ring as
the card gives them, interleaved and at its own rate; they become mono at 44.1 kHz as they are read.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

import numpy as np

from clonespeaker.audio.convert import MixDown, open_resampler
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.ring import CaptureRing
from clonespeaker.audio.stream import InThread, OnBlock, Stream
from clonespeaker.errors import DeviceError

RATE_HZ = 44_100
"""What recordings have, whatever the card takes."""

PERIOD_MS = 20
"""What the card hands over at once. Every period wakes an idle daemon: with 10 ms it takes a third more of a core. The
end of an utterance waits for its last period: with 30 ms it comes 5 ms later, and too late for its budget at times."""

SILENT_AFTER_S = 1.0
"""No period for so long: the device is gone (15 times the worst gap seen between two)."""

_KEPT_S = 5.0  # what a recording may lag behind the device before frames are lost
_AGE_MOST_S = 0.2  # some drivers report nonsense
_CLOCK_PERIODS = 50  # 1 s: busy threads are seldom late for so long, and clocks don't drift apart by 0.1 ms


class Microphone:
    """A capture device, open or not.

    Args:
        open_stream: opens the device, not started, to call what it is given; raises DeviceError.
        in_thread: runs what blocks.

    Attributes:
        overflows: times that a device lost frames before they reached us, since the start.
        lost_samples: samples that reached us, but were overwritten before a recording had read them; likewise.
    """

    def __init__(self, open_stream: Callable[[OnBlock], Stream], *, in_thread: InThread = asyncio.to_thread) -> None:
        self._open_stream = open_stream
        self.in_thread = in_thread
        self.overflows = 0
        self.lost_samples = 0
        self._capture: _Capture | None = None
        self._switching = threading.Lock()  # these methods run in threads, and a turn may end while it is being opened

    @property
    def stream(self) -> Stream | None:
        """The open stream, where there is one."""
        return self._capture.stream if self._capture else None

    @property
    def is_gone(self) -> bool:
        """Whether the open device has ended by itself, and gives nothing any more."""
        capture = self._capture  # once: a thread may close it meanwhile
        return capture is not None and not capture.stream.is_active()

    @property
    def silent_for_s(self) -> float:
        """Seconds since the open device last gave frames; 0 where none is open."""
        capture = self._capture
        return max(0.0, time.monotonic() - capture.heard[1]) if capture else 0.0

    def open(self) -> None:
        """Open the device and begin to listen into the ring. Blocks.

        Raises:
            DeviceError: there is none, it is busy, or it takes no rate at all.
        """
        with self._switching:
            if self._capture is not None:
                return
            capture = _Capture(self, self._open_stream)
            try:
                capture.stream.start()
            except DeviceError:
                capture.stream.close()
                raise
            self._capture = capture

    def close(self) -> None:
        """Give the device back. Blocks; never raises."""
        with self._switching:
            capture, self._capture = self._capture, None
            if capture is not None:
                wake = capture.wake
                if wake is not None:
                    wake()  # a recording learns of it before anything can hang
                capture.stream.close()

    def record(self, *, pre_roll_ms: float) -> Recording:
        """A recording that begins `pre_roll_ms` before now.

        Raises:
            DeviceError: the device is not open.
        """
        if self._capture is None:
            raise DeviceError("microphone", "the microphone is not open")
        return Recording(self._capture, pre_roll_ms)


class _Capture:
    """One opened stream and the ring that it fills."""

    def __init__(self, microphone: Microphone, open_stream: Callable[[OnBlock], Stream]) -> None:
        self.microphone = microphone
        self.stream = open_stream(self._on_block)
        self.samples_per_s = self.stream.rate_hz * self.stream.channels
        self.ring = CaptureRing(int(_KEPT_S * self.stream.rate_hz) * self.stream.channels)
        # A position in the ring, and when what lies before it was heard: one tuple, so that another thread never
        # sees half of a change.
        self.heard = (0, time.monotonic())
        self.wake: Callable[[], object] | None = None
        self._starts: deque[float] = deque(maxlen=_CLOCK_PERIODS)

    def position_now(self) -> int:
        """Where in the ring the sound of this moment will lie."""
        end, heard_at = self.heard
        frames = max(0.0, time.monotonic() - heard_at) * self.stream.rate_hz
        return end + round(frames) * self.stream.channels

    def _on_block(self, block: bytes, age_s: float, overflowed: bool) -> None:
        # Thread: the device's. Copies only.
        arrived = time.monotonic()
        # When the ring's first sample was heard, as far as this block tells. Where this thread came late (5 ms are
        # usual while Python is busy), it tells too late a time, and never too early a one: the earliest is the best.
        begun = arrived - min(max(age_s, 0.0), _AGE_MOST_S)
        self._starts.append(begun - self.ring.end / self.samples_per_s)
        self.ring.append(block)
        self.microphone.overflows += overflowed
        heard_at = min(self._starts) + self.ring.end / self.samples_per_s
        # Not later than it came; nor, where frames were lost before it, as early as if they had not been.
        self.heard = (self.ring.end, min(arrived, max(heard_at, arrived - _AGE_MOST_S)))
        wake = self.wake
        if wake is not None:
            wake()


class Recording:
    """What a microphone hears, from before the press until it is finished. `Microphone.record` makes it.

    Attributes:
        first_frame_at: when the first frame of it was heard, in monotonic seconds.
        lost_samples: samples that belong into it, but were overwritten before they were read.
    """

    def __init__(self, capture: _Capture, pre_roll_ms: float) -> None:
        self._capture = capture
        pre_roll = round(pre_roll_ms / 1_000 * capture.stream.rate_hz) * capture.stream.channels
        self._at = max(0, capture.ring.end - pre_roll)
        self._until: int | None = None
        self._arrived = asyncio.Event()
        end, heard_at = capture.heard
        self.first_frame_at = heard_at - (end - self._at) / capture.samples_per_s
        self.lost_samples = 0

    def finish(self) -> None:
        """End it with the sound of this moment, once that has come."""
        self._until = self._capture.position_now()

    async def __aiter__(self) -> AsyncIterator[Samples]:
        """Mono samples at 44.1 kHz as they come. To be iterated over once.

        Raises:
            DeviceError: the device fell silent.
        """
        stream, loop = self._capture.stream, asyncio.get_running_loop()
        resampler, mix_down = open_resampler(stream.rate_hz, RATE_HZ), MixDown(stream.channels)
        wake = self._capture.wake = lambda: loop.call_soon_threadsafe(self._arrived.set)
        try:
            while self._until is None or self._at < self._until:
                samples, lost = self._capture.ring.read(self._at)
                self.lost_samples += lost
                self._capture.microphone.lost_samples += lost
                if self._until is not None:
                    samples = samples[: max(0, self._until - self._at - lost)]
                self._at += lost + samples.size
                if samples.size:
                    yield resampler.convert(mix_down(samples))
                else:
                    await self._next_block()
            yield resampler.convert(np.zeros(0, np.int16), last=True)
        finally:
            if self._capture.wake is wake:  # not yet that of the next recording
                self._capture.wake = None

    async def _next_block(self) -> None:
        self._arrived.clear()
        for _ in range(2):  # where this whole machine stood still, the device gets the second half to catch up
            if self._capture.microphone.stream is not self._capture.stream:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SILENT_AFTER_S / 2):
                    await self._arrived.wait()
                    return
        raise DeviceError(
            "microphone", f"the microphone ({self._capture.stream.device}) stopped giving sound; is it unplugged?"
        )
