"""From the speaker through the air into the microphone: a sweep that is played, and looked for in what was heard.

A sweep of frequencies (rather than a tone or a click) is found in noise and echo: correlated with what was heard, it
gives one sharp peak at the moment at which it arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clonespeaker.audio.pcm import Samples, level_dbfs, to_int16

RATE_HZ = 44_100
SWEEP_S = 0.6

_FROM_HZ, _TO_HZ = 400.0, 4_000.0  # what small speakers play and every microphone hears
_PEAK = 16_000  # -6 dB below full scale, before the volume
_CLEAR = 8.0  # the peak over what noise alone correlates to; noise itself reaches 5 within some seconds
_ALIKE = 0.08  # of 1: how much of what was heard then is the sweep; speech has half of this by chance


@dataclass(frozen=True, slots=True)
class Heard:
    """The sweep, found.

    Attributes:
        at_s: when its first sample arrived, in seconds from the recording's beginning.
        level_dbfs: how loud it arrived.
    """

    at_s: float
    level_dbfs: float


def sweep() -> Samples:
    """Mono samples at 44.1 kHz, faded in and out."""
    at_s = np.arange(round(SWEEP_S * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * (_FROM_HZ * at_s + (_TO_HZ - _FROM_HZ) / (2 * SWEEP_S) * at_s**2)
    swell = np.minimum(1, np.minimum(at_s, SWEEP_S - at_s) / 0.02)
    return to_int16(_PEAK * swell * np.sin(phase))


def find(recording: Samples) -> Heard | None:
    """Where the sweep is in a recording, mono at 44.1 kHz; None: not in there."""
    played = sweep().astype(np.float64)
    heard = recording.astype(np.float64)
    if heard.size < played.size or not heard.any():
        return None
    size = 1 << (heard.size + played.size - 1).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size))
    found = np.abs(np.fft.irfft(spectrum, size)[: heard.size - played.size + 1])
    at = int(np.argmax(found))
    # The median, for most of the recording is not the sweep; of noise it is 0.67 of the standard deviation.
    noise = float(np.median(found)) / 0.67
    there = heard[at : at + played.size]
    alike = found[at] / max(1.0, float(np.sqrt(np.dot(played, played) * np.dot(there, there))))
    if found[at] < _CLEAR * noise or alike < _ALIKE:
        return None
    gain = found[at] / float(np.dot(played, played))
    level = level_dbfs(sweep()) + 20 * float(np.log10(gain))
    return Heard(at / RATE_HZ, level)
