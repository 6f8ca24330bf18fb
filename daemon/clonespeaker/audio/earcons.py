"""Sounds that are signals, made from sines: no files, no licence, any rate.

One family: notes of C major's pentatonic scale between 440 Hz, which a loudspeaker of 3 cm still gives, and 1 kHz;
struck softly like a wooden bar, and dying away. What goes well rises, what ends or fails falls; what is wrong is
slower and as loud as speech, what answers a hand is short and quieter, what only fills a wait is hardly there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clonespeaker.audio.lkfs import SPEECH_LKFS, at_loudness
from clonespeaker.audio.pcm import Samples
from clonespeaker.cues import Earcon

RATE_HZ = 44_100

_A4, _C5, _E5, _G5, _C6 = 440.00, 523.25, 659.26, 783.99, 1046.50
_PARTIALS = ((1.0, 1.0), (2.0, 0.22), (3.0, 0.07))  # times the note's pitch, and how strong
_ATTACK_S = 0.012
_RELEASE_S = 0.025


@dataclass(frozen=True, slots=True)
class _Note:
    """One note: its pitch, when it begins, how long it is, how quickly it dies away, how softly it begins."""

    hz: float
    at_s: float
    length_s: float
    decay_s: float = 0.12
    attack_s: float = _ATTACK_S


@dataclass(frozen=True, slots=True)
class _Plan:
    """An earcon: its notes, and how much louder than speech it is (in dB; below 0: quieter)."""

    notes: tuple[_Note, ...]
    to_speech_db: float


_PLANS: dict[Earcon, _Plan] = {
    Earcon.START: _Plan((_Note(_G5, 0, 0.07), _Note(_C6, 0.06, 0.10)), -6),
    Earcon.STOP: _Plan((_Note(_C6, 0, 0.07), _Note(_G5, 0.06, 0.10)), -6),
    Earcon.THINKING: _Plan((_Note(_E5, 0, 0.30, decay_s=0.5, attack_s=0.1),), -13),
    Earcon.ERROR: _Plan((_Note(_E5, 0, 0.18, decay_s=0.25), _Note(_A4, 0.17, 0.23, decay_s=0.25)), 0),
    Earcon.OFFLINE: _Plan(tuple(_Note(_C5, at_s, 0.10, decay_s=0.25) for at_s in (0.0, 0.15, 0.30)), 0),
    Earcon.MUTED: _Plan((_Note(_G5, 0, 0.11), _Note(_C5, 0.10, 0.14, decay_s=0.06)), -6),
    Earcon.UNMUTED: _Plan((_Note(_C5, 0, 0.11), _Note(_G5, 0.10, 0.14)), -6),
    Earcon.VOLUME: _Plan((_Note(_C6, 0, 0.08, decay_s=0.05),), -6),
    Earcon.READY: _Plan(
        (_Note(_C5, 0, 0.10), _Note(_E5, 0.08, 0.10), _Note(_G5, 0.16, 0.10), _Note(_C6, 0.24, 0.16, decay_s=0.2)), -3
    ),
}


def make(earcon: Earcon) -> Samples:
    """One of them, mono at `RATE_HZ`, at volume 100. Takes about a millisecond."""
    plan = _PLANS[earcon]
    wave = np.zeros(round(max(note.at_s + note.length_s for note in plan.notes) * RATE_HZ))
    for note in plan.notes:
        sound = _sound(note)
        at = round(note.at_s * RATE_HZ)
        wave[at : at + sound.size] += sound[: wave.size - at]
    return at_loudness(wave, RATE_HZ, SPEECH_LKFS + plan.to_speech_db)


def _sound(note: _Note) -> npt.NDArray[np.float64]:
    at_s = np.arange(round(note.length_s * RATE_HZ)) / RATE_HZ
    sine = sum(part * np.sin(2 * np.pi * note.hz * times * at_s) for times, part in _PARTIALS)
    rise, fall = _half_a_swell(at_s / note.attack_s), _half_a_swell((note.length_s - at_s) / _RELEASE_S)
    return np.asarray(sine * np.exp(-at_s / note.decay_s) * rise * fall)


def _half_a_swell(progress: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From 0 to 1 with no corner at either end: those would be heard as a click."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(progress, 0, 1))
