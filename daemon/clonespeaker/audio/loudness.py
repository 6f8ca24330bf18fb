"""How loud a recording is, and whether that is good: too loud, too quiet, no sound at all, or as it should be.

The rules, on windows of 20 ms:

- **no sound**: not one window is above −90 dBFS. That is less than one step of a 16-bit sample: a microphone that is
  muted, or switched off. Any that is on is noisier, and nothing that was said could be understood.
- **too loud**: of the windows in which somebody speaks (no more than 20 dB softer than the speech level), every
  twentieth or more is clipped, and three at least; the button's own thump is shorter. Clipped is a window in which
  three samples in a row stand at the end of the range.
- **too quiet**: the speech level is below −50 dBFS. Speech into a microphone that is set well has −35 to −15.

The speech level is what the loudest twentieth of the windows reaches: pauses, and a knock or two, do not count.
A recording shorter than a second is not judged: some cards begin with silence, and a word or two say little.
"""

from __future__ import annotations

import math
from array import array

import numpy as np
import numpy.typing as npt

from clonespeaker.audio.pcm import SILENCE_DBFS, Samples
from clonespeaker.errors import ClonespeakerError

WINDOW_MS = 20
JUDGED_FROM_S = 1.0

DEAD_DBFS = -90.0
QUIET_DBFS = -50.0
_SPOKEN_WITHIN_DB = 20.0
_CLIPPED_SHARE, _CLIPPED_WINDOWS = 1 / 20, 3
_CLIPPED = 32_700
_LOUDEST_SHARE, _QUIETEST_SHARE = 1 / 20, 1 / 10

_MIXER = "alsamixer, F6 for the card, F4 for its microphone"


class Loudness:
    """What is known of a recording's level, while it grows.

    Args:
        rate_hz: of its samples.

    Attributes:
        clipped_samples: how many stood at the end of the range, in runs of three or more.
    """

    def __init__(self, rate_hz: int) -> None:
        self._window = rate_hz * WINDOW_MS // 1_000
        self._rest = np.zeros(0, np.int16)  # of a window that is not full yet
        self._levels_dbfs = array("d")
        self._is_clipped = array("b")
        self.clipped_samples = 0

    @classmethod
    def of(cls, samples: Samples, rate_hz: int) -> Loudness:
        """That of a whole recording."""
        loudness = cls(rate_hz)
        loudness.add(samples)
        return loudness

    def add(self, samples: Samples) -> None:
        """The recording goes on with `samples`; a block of 20 ms takes some tens of microseconds."""
        samples = np.concatenate((self._rest, samples))
        whole = samples.size // self._window * self._window
        self._rest = samples[whole:]
        windows = samples[:whole].reshape(-1, self._window)
        wide = windows.astype(np.float32)
        for power in np.einsum("ij,ij->i", wide, wide) / (self._window * 32_768.0**2):
            self._levels_dbfs.append(max(SILENCE_DBFS, 10 * math.log10(power)) if power else SILENCE_DBFS)
        self._is_clipped.extend(self._note_clipped(window) for window in windows)

    def _note_clipped(self, window: Samples) -> bool:
        if window.max() < _CLIPPED and window.min() > -_CLIPPED:
            return False
        for at_end in (window >= _CLIPPED, window <= -_CLIPPED):
            if np.any(at_end[2:] & at_end[1:-1] & at_end[:-2]):
                self.clipped_samples += int(np.count_nonzero(at_end))
                return True
        return False

    @property
    def loudest_dbfs(self) -> float:
        """Of the loudest window."""
        return max(self._levels_dbfs, default=SILENCE_DBFS)

    @property
    def speech_dbfs(self) -> float:
        """What the loudest twentieth of the windows reaches."""
        levels = self._sorted_levels()
        return float(levels[levels.size - 1 - round(levels.size * _LOUDEST_SHARE)])

    @property
    def floor_dbfs(self) -> float:
        """Of the quietest tenth of the windows, on average."""
        levels = self._sorted_levels()
        return float(levels[: max(1, round(levels.size * _QUIETEST_SHARE))].mean())

    @property
    def clipped_share(self) -> float:
        """Of the windows in which somebody speaks, those that are clipped; 0–1."""
        least = self.speech_dbfs - _SPOKEN_WITHIN_DB
        spoken = np.array(self._is_clipped)[np.array(self._levels_dbfs) >= least]
        return float(spoken.mean()) if spoken.size else 0.0

    def _sorted_levels(self) -> npt.NDArray[np.float64]:
        # By numpy: whoever has just let go waits for it, and a minute's levels take Python ten times as long.
        return np.sort(np.array(self._levels_dbfs or [SILENCE_DBFS]))

    @property
    def fault(self) -> str | None:
        """By its name in `errors.FAULTS`; None where all is well, or too little is known."""
        if len(self._levels_dbfs) * WINDOW_MS < JUDGED_FROM_S * 1_000:
            return None
        if self.loudest_dbfs <= DEAD_DBFS:
            return "no-sound"
        if sum(self._is_clipped) >= _CLIPPED_WINDOWS and self.clipped_share >= _CLIPPED_SHARE:
            return "too-loud"
        return "too-quiet" if self.speech_dbfs < QUIET_DBFS else None

    def error(self) -> ClonespeakerError | None:
        """The fault, with what whoever looks after the device can do."""
        fault = self.fault
        words = {
            "no-sound": f"no sound at all came from the microphone: is it muted, or its level at 0? ({_MIXER})",
            "too-loud": f"the microphone clips in {self.clipped_share:.0%} of what was said: turn its level down "
            f"({_MIXER}), or speak from further away",
            "too-quiet": f"what was said reached {self.speech_dbfs:.0f} dBFS only: turn the microphone's level up "
            f"({_MIXER}), or speak closer to it",
        }
        return None if fault is None else ClonespeakerError(words[fault], fault=fault)
