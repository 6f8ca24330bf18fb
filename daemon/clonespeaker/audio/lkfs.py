"""How loud a sound is to the ear: K-weighted, in LKFS.

The weighting is that of ITU-R BS.1770-4 (a shelf for the head, a high pass for the lowest tones). Its blocks of 400 ms
are too long for earcons, so here they are 200 ms, about what the ear sums over; the mean is of those that are at most
10 dB below the loudest, as with BS.1770's relative gate. What is shorter than a block is quieter for it, as to the ear.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from clonespeaker.audio.pcm import SILENCE_DBFS, Samples, to_int16

SPEECH_LKFS = -20.0
"""As loud as the clone's speech; what espeak-ng says is at -19.8, the package's recorded question at -20.1."""

_BLOCK_S, _HOP_S = 0.2, 0.05
_GATE = 0.1  # 10 dB, as power
_OFFSET_DB = -0.691  # BS.1770: makes a sine of 997 Hz at full scale -3.01
_RING_OUT_S = 0.1
# BS.1770-4, tables 1 and 2, for 48 kHz: b0 b1 b2, a1 a2.
_FILTERS = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621)),
)
_FILTERS_HZ = 48_000


def loudness_lkfs(samples: Samples, rate_hz: int) -> float:
    """Of mono `samples`; `SILENCE_DBFS` for none."""
    power = _weighted(samples.astype(np.float64) / 32_768.0, rate_hz) ** 2
    block, hop = round(_BLOCK_S * rate_hz), round(_HOP_S * rate_hz)
    sums = np.concatenate(([0.0], np.cumsum(power)))
    begins = np.arange(0, max(1, power.size - block + hop), hop)
    means = (sums[np.minimum(begins + block, power.size)] - sums[begins]) / block
    loudest = float(means.max())
    if loudest < 1e-12:
        return SILENCE_DBFS
    return _OFFSET_DB + 10.0 * math.log10(float(means[means >= loudest * _GATE].mean()))


def at_loudness(wave: npt.NDArray[np.number[Any]], rate_hz: int, lkfs: float) -> Samples:
    """A wave of any size, made so loud; less where it would clip."""
    peak = float(np.abs(wave).max(initial=0.0))
    if not peak:
        return np.zeros(wave.size, np.int16)
    loud = wave.astype(np.float64) * (30_000.0 / peak)
    gain = 10.0 ** ((lkfs - loudness_lkfs(to_int16(loud), rate_hz)) / 20.0)
    return to_int16(loud * min(gain, 1.0))


def _weighted(wave: npt.NDArray[np.float64], rate_hz: int) -> npt.NDArray[np.float64]:
    """By the filters' response: exact below 24 kHz at any rate, and no library is needed for it."""
    size = wave.size + round(_RING_OUT_S * rate_hz)
    padded = 1 << (size - 1).bit_length()
    hz = np.minimum(np.fft.rfftfreq(padded, 1 / rate_hz), _FILTERS_HZ / 2)
    z = np.exp(-2j * np.pi * hz / _FILTERS_HZ)
    spectrum = np.fft.rfft(wave, padded)
    for (b0, b1, b2), (a1, a2) in _FILTERS:
        spectrum = spectrum * (b0 + b1 * z + b2 * z**2) / (1 + a1 * z + a2 * z**2)
    weighted: npt.NDArray[np.float64] = np.fft.irfft(spectrum, padded)[:size]
    return weighted
