"""What a playback device's thread does: takes from the ring, makes starts and stops soft, fills up with silence.

The loop steers it by three notes. `playing`: take from the ring; cleared here when the ring runs dry. `hushing`:
fade out within one fade, throw the rest of the ring away; cleared here when done. `first_heard_at`: None, set by the
loop, where a sound begins; the time of it, set here.

Beside it, an `aside` may be given: it waits while something fades out, and is cut by what is played.

A sound that begins is ramped up; one that breaks off glides from where it was to silence, for what the ear is left at
in the middle of a wave would click. Samples between are as they came.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clonespeaker.audio.aside import Aside
from clonespeaker.audio.convert import spread
from clonespeaker.audio.ring import PlaybackRing

RING_MS = 250
REFILL_AT_MS = 180
"""With so much left in the ring, the loop is woken to fill it up: 14 times a second, long before it would be late."""

FADE_MS = 5
_DELAY_MOST_S = 2.0  # some drivers report nonsense
_NOTHING = np.zeros(0, np.int16)


class Output:
    """The ring of one opened device and its thread's side of it.

    Args:
        clock: monotonic seconds.

    Attributes:
        ring: mono samples at the device's rate.
        aside: a short sound to be heard beside, while nothing else is; set by the loop, cleared here when it is over.
        first_heard_at: when the sound going on was first heard, on the clock; None before.
        last_heard_at: when the last sample so far has been heard.
        periods: periods asked for since the beginning; stands still when the device is gone.
        awake_frames: frames asked for since the device was woken; set back by who wakes it.
        last_period_at: when the last of them was, on the clock.
        underflows: times the device itself ran dry, as far as it says so.
        wake: called where the loop has something to do: a sound is heard for the first time, the ring wants filling or
            has run dry, a hush is done.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._channels = 1
        self._rate_hz = 0
        self._fade = 0
        self._last = 0.0  # the sample that the ear was left at
        self._glide = _NOTHING  # what its way to silence lacks, where the period before was too short for it
        self._refill_at = 0
        self.ring = PlaybackRing(0)
        self.playing = False
        self.hushing = False
        self.aside: Aside | None = None
        self.first_heard_at: float | None = None
        self.last_heard_at = 0.0
        self.periods = 0
        self.awake_frames = 0
        self.last_period_at = 0.0
        self.underflows = 0
        self.wake: Callable[[], object] | None = None

    def fit(self, rate_hz: int, channels: int) -> None:
        """The device is open, takes this, and has not been started yet."""
        self._rate_hz, self._channels = rate_hz, channels
        self._fade = rate_hz * FADE_MS // 1_000
        self._refill_at = rate_hz * REFILL_AT_MS // 1_000
        self.ring = PlaybackRing(rate_hz * RING_MS // 1_000)

    def fill(self, frames: int, delay_s: float, underflowed: bool) -> bytes:
        """One period for the device: see `stream.Fill`."""
        # Thread: the device's. Copies and ramps only.
        now = self._clock()
        hushing = self.hushing  # once: the loop may set it at any moment, and then it is for the next period
        self.periods += 1
        self.awake_frames += frames
        self.last_period_at = now
        self.underflows += underflowed
        busy, unheard = self.playing or hushing, self.first_heard_at is None
        out = np.zeros(frames, np.int16)
        glide, self._glide = self._glide[:frames], _NOTHING
        heard_at = now + min(max(delay_s, 0.0), _DELAY_MOST_S)
        playing, aside = self.playing, self.aside
        if playing:
            self._play(out, heard_at, hushing=hushing)
        if glide.size:
            out[: glide.size] = np.clip(glide.astype(np.int32) + out[: glide.size], -32_768, 32_767)
        if aside is not None and (aside.has_begun or not hushing):
            cut = playing and not hushing
            if aside.add_to(out, heard_at, self._rate_hz, fade=self._fade, cut=cut) and self.aside is aside:
                self.aside = None
        if hushing:
            self.ring.flush()
            self.playing = self.hushing = False
        wake = self.wake
        if wake is not None and busy and (unheard or not self.playing or len(self.ring) <= self._refill_at):
            wake()
        return spread(out, self._channels).tobytes()

    def _play(self, out: np.ndarray[tuple[int], np.dtype[np.int16]], heard_at: float, *, hushing: bool) -> None:
        fade = min(self._fade, out.size)
        sound = self.ring.read(fade if hushing else out.size)
        count = sound.size
        if count:
            if self.first_heard_at is None:
                self.first_heard_at = heard_at
                up = min(fade, count)
                sound[:up] = sound[:up] * np.linspace(0, 1, fade)[:up]
            if hushing:
                sound[:] = sound * np.linspace(1, 0, fade)[:count]
            out[:count] = sound
            self.last_heard_at = heard_at + count / self._rate_hz
            self._last = float(sound[-1])
        if count < out.size:
            left = fade - count if hushing else fade
            glide = np.linspace(self._last, 0, left + 1)[1:].astype(np.int16)
            out[count : count + left] = glide[: out.size - count]
            self._glide = glide[out.size - count :]
            self._last = 0.0
            self.playing = False
