"""Samples: levels, gain, ramps. Everything mono int16 unless said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
"""int16 samples, shape (frames,): one channel."""

SAMPLE_BYTES = 2
SILENCE_DBFS = -96.0
"""What a level of nothing at all is told as: the floor of 16 bits."""


def level_dbfs(samples: Samples) -> float:
    """Root mean square of `samples`, in dB below a full-scale square wave; `SILENCE_DBFS` for none."""
    if not samples.size:
        return SILENCE_DBFS
    wide = samples.astype(np.float64)
    rms = math.sqrt(float(np.dot(wide, wide)) / samples.size) / 32_768.0
    return max(SILENCE_DBFS, 20.0 * math.log10(rms)) if rms else SILENCE_DBFS


VOLUME_STEP = 5
"""What one step up or down changes of a volume of 0–100: 2.5 dB, small but heard (1 dB is about the least)."""


def volume_gain(volume: int) -> float:
    """Volume 0–100 → factor. 100 is 1.0 exactly, 0 is silence; between, 0.5 dB a step, so −49.5 dB at 1.

    Equal steps in decibels are roughly equal steps to the ear; the last step to silence is a jump, as on any
    device whose 0 means mute.
    """
    return 0.0 if volume <= 0 else 10.0 ** ((min(volume, 100) - 100) * 0.5 / 20.0)


def apply_gain(samples: Samples, start: float, end: float) -> Samples:
    """`samples` times a factor that goes from `start` to `end` over their length; as they came where both are 1."""
    if start == end == 1.0:
        return samples
    factors = start if start == end else np.linspace(start, end, samples.size, dtype=np.float32)
    return to_int16(samples * factors)


def to_int16(wide: npt.NDArray[np.floating[Any]]) -> Samples:
    """Samples in int16's range but wider, rounded and clipped."""
    narrow: Samples = np.clip(np.rint(wide), -32_768, 32_767).astype(np.int16)
    return narrow
