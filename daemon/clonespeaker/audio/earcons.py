"""Sounds that are signals, made from sines: no files, no licence, any rate."""

from __future__ import annotations

import numpy as np

from clonespeaker.audio.pcm import Samples, to_int16

RATE_HZ = 44_100
_PEAK = 8_000  # about as loud as speech, -12 dB below full scale


def failed() -> Samples:
    """Something went wrong: a fall of a fourth, 0.4 s."""
    return np.concatenate((_tone(440.0, 0.16), np.zeros(RATE_HZ // 50, np.int16), _tone(330.0, 0.22)))


def _tone(hz: float, seconds: float) -> Samples:
    at_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    swell = np.minimum(1, np.minimum(at_s, seconds - at_s) / 0.02)  # 20 ms in and out, so that it does not click
    return to_int16(_PEAK * swell * np.sin(2 * np.pi * hz * at_s))
