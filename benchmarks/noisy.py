"""Speech in noise, made here: sentences of espeak-ng's voices with pauses in them, and what a room sounds like besides.

Everything follows from a seed. The voices are synthetic: they have no breath, no room and no hesitation of people's.
"""

from __future__ import annotations

import functools
import io
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from benchmarks.result import NotHere
from clonespeaker.audio import wav
from clonespeaker.audio.pcm import Samples, to_int16

RATE_HZ = 44_100
NOISES = ("pink", "fan", "clatter", "babble")
SNRS_DB = (20, 10, 5)
_Floats = npt.NDArray[np.float64]

_SAID = {
    "en-us": ("What was it like", "when you wrote your first book", "and would you do it again", "Yes please",
              "I have often wondered", "how you came to live by the sea", "Tell me about your work"),
    "en-gb": ("Good morning", "could you tell me", "which of your paintings you like best", "and why that one",
              "My daughter asks", "whether you have a dog", "Thank you very much"),
    "de": ("Guten Tag", "wie sind Sie eigentlich", "zur Musik gekommen", "und was raten Sie jungen Leuten",
           "Ja gerne", "Ich wollte schon immer wissen", "wo Sie aufgewachsen sind"),
    "fr": ("Bonjour", "pouvez-vous me dire", "comment vous avez commencé", "et ce que vous feriez aujourd'hui",
           "Oui merci", "Mon fils voudrait savoir", "si vous aimez voyager"),
    "es": ("Buenos días", "quería preguntarle", "cómo empezó todo esto", "y qué piensa del futuro",
           "Sí por favor", "Cuénteme algo", "de su primera película"),
}  # fmt: skip
_VARIANTS = ("", "+m1", "+m3", "+m7", "+f1", "+f2", "+f4", "+croak")
_LEAD_S, _TAIL_S = (0.2, 1.5), 5.0
_PAUSE_S = (0.12, 0.6)


@dataclass(frozen=True)
class Case:
    """One recording.

    Attributes:
        name: what it is.
        samples: mono at 44.1 kHz: noise, speech in noise, noise.
        begins: the first sample of speech.
        ends: the one after the last.
    """

    name: str
    samples: Samples
    begins: int
    ends: int


def cases(seed: int, count: int, noise: str, snr_db: float) -> Iterator[Case]:
    """So many utterances of one to four phrases each, 120 to 600 ms apart, in one noise.

    Raises:
        NotHere: espeak-ng is not installed.
    """
    for number in range(count):
        random = np.random.default_rng((seed, number))  # the same words in each noise
        clean, begins, ends = _utterance(random)
        around = _noise(noise, clean.size, np.random.default_rng((seed, number, NOISES.index(noise))))
        wide = clean / _rms(clean[clean != 0]) + around / _rms(around) * 10 ** (-snr_db / 20)
        loud = 10 ** (random.uniform(-34, -20) / 20) * 32_768
        yield Case(f"{noise} {snr_db} dB, {number}", to_int16(wide * loud), begins, ends)


def _utterance(random: np.random.Generator) -> tuple[_Floats, int, int]:
    language = str(random.choice(list(_SAID)))
    voice, speed = language + str(random.choice(_VARIANTS)), int(random.integers(120, 200))
    phrases = random.choice(_SAID[language], size=int(random.integers(1, 5)), replace=False)
    parts: list[_Floats] = [np.zeros(round(random.uniform(*_LEAD_S) * RATE_HZ))]
    for number, phrase in enumerate(phrases):
        if number:
            parts.append(np.zeros(round(random.uniform(*_PAUSE_S) * RATE_HZ)))
        parts.append(_spoken(str(phrase), voice, speed))
    ends = sum(part.size for part in parts)
    return np.concatenate([*parts, np.zeros(round(_TAIL_S * RATE_HZ))]), parts[0].size, ends


@functools.cache
def _spoken(text: str, voice: str, speed: int) -> _Floats:
    """A phrase alone, without the silence around it."""
    if shutil.which("espeak-ng") is None:
        raise NotHere("espeak-ng is not installed")
    command = ["espeak-ng", "--stdout", "-v", voice, "-s", str(speed), text]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    samples, rate_hz = wav.read(io.BytesIO(data).read())
    wide = soxr.resample(samples.astype(np.float64), rate_hz, RATE_HZ)
    loud = np.flatnonzero(np.abs(wide) > np.abs(wide).max() * 10 ** (-40 / 20))
    return np.asarray(wide[loud[0] : loud[-1] + 1])


def _noise(kind: str, size: int, random: np.random.Generator) -> _Floats:
    if kind == "pink":
        return _shaped(size, random, lambda hz: 1 / np.sqrt(np.maximum(hz, 20)))
    if kind == "fan":
        at = np.arange(size) / RATE_HZ
        hum = sum(np.sin(2 * np.pi * 50 * n * at + random.uniform(0, 6)) / n for n in range(1, 9))
        wind = _shaped(size, random, lambda hz: 1 / (1 + (hz / 400) ** 2) + 0.02)
        turning = 1 + 0.2 * np.sin(2 * np.pi * random.uniform(5, 12) * at)
        return np.asarray(wind / _rms(wind) * turning + 0.5 * hum)
    if kind == "clatter":
        under = _shaped(size, random, lambda hz: 1 / np.sqrt(np.maximum(hz, 20)))
        return under / _rms(under) * 0.4 + _knocks(size, random)
    voices = [_chatter(size, random) for _ in range(8)]
    return np.asarray(sum(voice / _rms(voice) for voice in voices))


def _knocks(size: int, random: np.random.Generator) -> _Floats:
    """Steps, dishes, doors: two a second, of 30 to 300 ms, some dull and some bright."""
    wide = np.zeros(size)
    for at in random.integers(0, size, size=2 * size // RATE_HZ):
        fades = np.exp(-np.arange(RATE_HZ // 2) / (random.uniform(0.01, 0.1) * RATE_HZ))
        low, high = random.uniform(60, 500), random.uniform(800, 8_000)
        knock = _shaped(fades.size, random, lambda hz, low=low, high=high: (hz > low) & (hz < high)) * fades
        room = min(knock.size, size - at)
        wide[at : at + room] += (knock / np.abs(knock).max() * random.uniform(0.2, 1.0))[:room]
    return wide / _rms(wide)


def _chatter(size: int, random: np.random.Generator) -> _Floats:
    """One voice of a crowd, which says one thing after another."""
    language = str(random.choice(list(_SAID)))
    voice, speed = language + str(random.choice(_VARIANTS)), int(random.integers(12, 20)) * 10
    parts: list[_Floats] = []
    while sum(part.size for part in parts) < size + RATE_HZ:
        parts += [
            _spoken(str(random.choice(_SAID[language])), voice, speed),
            np.zeros(random.integers(0, RATE_HZ // 2)),
        ]
    at = int(random.integers(0, RATE_HZ))
    return np.concatenate(parts)[at : at + size]


def _shaped(size: int, random: np.random.Generator, shape: object) -> _Floats:
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    spectrum = np.fft.rfft(random.normal(size=size)) * shape(hz)  # type: ignore[operator]
    return np.asarray(np.fft.irfft(spectrum, size))


def _rms(wide: _Floats) -> float:
    return float(np.sqrt(np.mean(wide**2)))
