"""Between what a card takes and what the clone speaks: rate and channels, in streaming form.

soxr is imported only where a rate differs: most devices never need it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from clonespeaker.audio.pcm import Samples


class Resampler(Protocol):
    """Mono int16 of one rate → the same at another, piece by piece."""

    def convert(self, samples: Samples, *, last: bool = False) -> Samples:
        """What can be given out after `samples` came in; all that remains where they are the `last`."""


class _AsItCame:
    def convert(self, samples: Samples, *, last: bool = False) -> Samples:
        return samples


class _Soxr:
    def __init__(self, from_hz: int, to_hz: int) -> None:
        import soxr

        self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16", quality="HQ")

    def convert(self, samples: Samples, *, last: bool = False) -> Samples:
        converted: Samples = self._stream.resample_chunk(samples, last=last)
        return converted


def open_resampler(from_hz: int, to_hz: int) -> Resampler:
    """A resampler for one stream of samples; it hands them on untouched where the rates are the same."""
    return _AsItCame() if from_hz == to_hz else _Soxr(from_hz, to_hz)


def at_rate(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """A whole sound at another rate."""
    return open_resampler(from_hz, to_hz).convert(samples, last=True)


class OneRate:
    """Mono int16 whose rate may change from piece to piece → one rate.

    Args:
        rate_hz: what comes out.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = self._from_hz = rate_hz
        self._resampler = open_resampler(rate_hz, rate_hz)

    def convert(self, samples: Samples, from_hz: int) -> Samples:
        """What can be given out after `samples` of `from_hz` came in; what is left of another rate before it."""
        if from_hz == self._from_hz:
            return self._resampler.convert(samples)
        left = self.finish()
        self._from_hz, self._resampler = from_hz, open_resampler(from_hz, self._rate_hz)
        return np.concatenate((left, self._resampler.convert(samples)))

    def finish(self) -> Samples:
        """All that remains; what comes after it begins anew."""
        left = self._resampler.convert(np.zeros(0, np.int16), last=True)
        self._from_hz, self._resampler = self._rate_hz, open_resampler(self._rate_hz, self._rate_hz)
        return left


class MixDown:
    """Interleaved frames → mono: one channel of them, the one that was loudest when sound began.

    Cards that refuse mono often carry one microphone on one of two channels, or the same one on both in opposite
    phase: a mean would halve the first and silence the second.

    Args:
        channels: samples a frame.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._taken: int | None = None

    def __call__(self, samples: Samples) -> Samples:
        """Whole frames, interleaved → mono."""
        if self._channels == 1:
            return samples
        frames = samples.reshape(-1, self._channels)
        if self._taken is None:
            if not frames.any():  # some cards begin with pure silence, which tells nothing
                return frames[:, 0].copy()
            self._taken = int(np.argmax(np.abs(frames.astype(np.int32)).sum(axis=0)))
        return frames[:, self._taken].copy()


def spread(samples: Samples, channels: int) -> Samples:
    """Mono → interleaved frames, the same on each of `channels`."""
    return samples if channels == 1 else np.repeat(samples, channels)
