"""The speaker: plays one sound at a time, and knows when each sample of it is heard.

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
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from clonespeaker.audio.convert import OneRate
from clonespeaker.audio.jitter import JitterBuffer
from clonespeaker.audio.output import Output
from clonespeaker.audio.pcm import Samples, apply_gain, volume_gain
from clonespeaker.audio.stream import Fill, InThread, Stream
from clonespeaker.errors import DeviceError

SILENT_AFTER_S = 1.0
"""No period asked for in so long: the device is gone (15 times the worst gap seen between two)."""

SWITCH_INTERVAL_S, _IDLE_SWITCH_INTERVAL_S = 0.0005, 0.005
"""How long the interpreter stays with a thread that goes on, while a device plays and otherwise (Python's own): else
the device's thread may wait for half a period. At all times, it would cost an idle daemon 0.08 % of a core."""

_FADES_WITHIN_S = 0.1  # of a sound that is going on when the device is closed; two periods of most cards
_FADE_LOOK_S = 0.003
_LOOK_AGAIN_MS = 5.0  # where a sliver of sound is missing that only the next piece may bring
_PIECE_MS = 20  # what the pump moves at a time; a change of volume is spread over one
_CONVERTED_FRAMES = (
    8_192  # at a time, so that a large snippet does not keep the device's thread waiting for the interpreter
)


class Speaker:
    """A playback device, open or not.

    Args:
        open_stream: opens the device, not started, to ask what it is given for sound; raises DeviceError.
        start_ms: what a reply gathers before it sounds, on a calm network.
        read_ahead_s: seconds of sound taken in ahead of what is heard.
        lead_in_ms: silence before each sound, for amplifiers that swallow the first word.
        volume: 0–100.
        in_thread: runs what blocks.
    """

    def __init__(
        self,
        open_stream: Callable[[Fill], Stream],
        *,
        start_ms: float = 60,
        read_ahead_s: float = 30,
        lead_in_ms: float = 0,
        volume: int = 100,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._open_stream = open_stream
        self.in_thread = in_thread
        self._opened: tuple[Stream, Output] | None = None
        self._awake_since: float | None = None
        self._newest_output: Output | None = None  # of the open device, or of the last one
        self._switching = threading.Lock()  # these methods run in threads, and a press may come as it falls asleep
        self.jitter = JitterBuffer(start_ms)
        self.read_ahead_s = read_ahead_s
        self.lead_in_ms = lead_in_ms
        self.volume = volume

    @property
    def stream(self) -> Stream | None:
        """The open stream, where there is one."""
        return self._opened[0] if self._opened else None

    @property
    def underflows(self) -> int:
        """Times that the device ran dry though we gave it all it asked for, as far as it says so."""
        return self._newest_output.underflows if self._newest_output else 0

    @property
    def is_gone(self) -> bool:
        """Whether the open device has ended by itself, though it is to be awake."""
        opened = self._opened  # once: a thread may close it meanwhile
        return opened is not None and self._awake_since is not None and not opened[0].is_active()

    @property
    def silent_for_s(self) -> float:
        """Seconds since the device last asked for sound, though it is awake; 0 where it sleeps or is not open."""
        opened, awake_since = self._opened, self._awake_since
        if opened is None or awake_since is None:
            return 0.0
        return time.monotonic() - max(awake_since, opened[1].last_period_at)

    def open(self) -> None:
        """Open the device; it sleeps until `wake`. Blocks.

        Raises:
            DeviceError: there is none, it is busy, or it takes no rate at all.
        """
        with self._switching:
            if self._opened is not None:
                return
            output = Output(time.monotonic)
            stream = self._open_stream(output.fill)
            output.fit(stream.rate_hz, stream.channels)
            output.underflows = self.underflows
            self._opened, self._newest_output = (stream, output), output

    def wake(self) -> None:
        """Let the device run, so that sound finds it running. Blocks.

        Raises:
            DeviceError: it does not start.
        """
        with self._switching:
            if self._opened is not None and self._awake_since is None:
                try:
                    self._opened[0].start()
                except DeviceError:  # gone while it slept: only a device that is closed is opened again
                    self._close()
                    raise
                self._awake_since = time.monotonic()
                sys.setswitchinterval(SWITCH_INTERVAL_S)

    def rest(self) -> None:
        """Let the device sleep until the next `wake`. Blocks."""
        with self._switching:
            if self._opened is not None:
                self._awake_since = None
                self._opened[0].stop()
                sys.setswitchinterval(_IDLE_SWITCH_INTERVAL_S)

    def close(self) -> None:
        """Let a sound that was stopped fade out, and give the device back. Blocks; never raises."""
        with self._switching:
            if self._opened is not None and self._awake_since is not None:
                stream, output = self._opened
                give_up_at = time.monotonic() + _FADES_WITHIN_S
                while output.hushing and stream.is_active() and time.monotonic() < give_up_at:
                    time.sleep(_FADE_LOOK_S)
                if not output.hushing and self.silent_for_s < SILENT_AFTER_S:
                    stream.stop()  # lets out what it was given; closing alone would cut it off
            self._close()

    def _close(self) -> None:
        opened, self._opened, self._awake_since = self._opened, None, None
        sys.setswitchinterval(_IDLE_SWITCH_INTERVAL_S)
        if opened is not None:
            stream, output = opened
            if output.wake is not None:
                output.wake()  # what is being played learns of it before anything can hang
            stream.close()

    def play(self) -> Playback:
        """A sound to be played now; it wakes the device.

        Raises:
            DeviceError: the device is not open.
        """
        if self._opened is None:
            raise DeviceError("speaker", "the speaker is not open")
        return Playback(self, *self._opened)


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

    def __init__(self, speaker: Speaker, stream: Stream, output: Output) -> None:
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
                self._put_first(np.zeros(round(self._speaker.lead_in_ms / 1_000 * self._stream.rate_hz), np.int16))
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
                self.first_heard_at = self._output.first_heard_at + self._speaker.lead_in_ms / 1_000
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
