"""The speaker: a playback device, opened, woken, put to sleep, given back. What it plays is a `Playback`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

from clonespeaker.audio.aside import Aside
from clonespeaker.audio.convert import at_rate
from clonespeaker.audio.jitter import JitterBuffer
from clonespeaker.audio.output import Output
from clonespeaker.audio.pcm import Samples, volume_gain
from clonespeaker.audio.playback import SILENT_AFTER_S, Playback
from clonespeaker.audio.stream import Fill, InThread, Stream
from clonespeaker.errors import DeviceError

SWITCH_INTERVAL_S, _IDLE_SWITCH_INTERVAL_S = 0.0005, 0.005
"""How long the interpreter stays with a thread that goes on, while a device plays and otherwise (Python's own): else
the device's thread may wait for half a period. At all times, it would cost an idle daemon 0.08 % of a core."""

_FADES_WITHIN_S = 0.1  # of a sound that is going on when the device is closed; two periods of most cards
_FADE_LOOK_S = 0.003
_ASIDE_LOOK_S = 0.05  # while one sounds: is the device still there, has the volume changed?


class Speaker:
    """A playback device, open or not.

    Args:
        open_stream: opens the device, not started, to ask what it is given for sound; raises DeviceError.
        start_ms: what a reply gathers before it sounds, on a calm network.
        read_ahead_s: seconds of sound taken in ahead of what is heard.
        lead_in_ms: what the device has been awake for, at least, before a sound begins: for amplifiers that swallow the
            first word. Silence fills up what is missing of it.
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
        self._newest_aside: Aside | None = None
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
                self._opened[1].awake_frames = 0
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
                aside = output.aside  # once: the device's thread may be over with it meanwhile
                if aside is not None:
                    aside.stopping = True
                while (
                    (output.hushing or output.aside is not None)
                    and stream.is_active()
                    and time.monotonic() < give_up_at
                ):
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
        return Playback(self, *self._device())

    async def sound_aside(self, samples: Samples, rate_hz: int) -> None:
        """Let a short sound be heard as long as nothing is played: mono at `rate_hz`, its ends faded. Wakes the device.

        Returns when its last sample has been heard, or when something that is played has cut it; cancelled, it fades
        out. One at a time.

        Raises:
            DeviceError: the device is not open, does not start, or stopped asking for sound.
        """
        stream, output = self._device()
        if rate_hz != stream.rate_hz:
            samples = await asyncio.to_thread(at_rate, samples, rate_hz, stream.rate_hz)
        await self.in_thread(self.wake)
        missing = round(self.lead_in_ms / 1_000 * stream.rate_hz) - output.awake_frames
        lead_in = np.zeros(max(0, missing), np.int16)
        while output.aside is not None:  # the one before, fading out
            self._raise_if_lost(stream)
            await asyncio.sleep(_FADE_LOOK_S)
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        aside = Aside(
            np.concatenate((lead_in, samples)),
            volume_gain(self.volume),
            lambda: loop.call_soon_threadsafe(over.set),
        )
        output.aside = self._newest_aside = aside
        try:
            while not over.is_set():
                self._raise_if_lost(stream)
                if self._awake_since is None:  # somebody let it rest meanwhile
                    await self.in_thread(self.wake)
                aside.gain = volume_gain(self.volume)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ASIDE_LOOK_S):
                        await over.wait()
            await asyncio.sleep(self.aside_heard_until - time.monotonic())
        finally:
            aside.stopping = True

    @property
    def aside_heard_until(self) -> float:
        """When the last sound of `sound_aside` was heard, or the last of it so far will be, in monotonic seconds."""
        return (self._newest_aside and self._newest_aside.heard_until) or 0.0

    def _raise_if_lost(self, stream: Stream) -> None:
        if self.stream is not stream or self.silent_for_s > 2 * SILENT_AFTER_S:
            raise DeviceError("speaker", f"the speaker ({stream.device}) stopped taking sound; is it unplugged?")

    def _device(self) -> tuple[Stream, Output]:
        if self._opened is None:
            raise DeviceError("speaker", "the speaker is not open")
        return self._opened
