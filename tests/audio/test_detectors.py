"""The detectors, on the question that is shipped and on noise."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from clonespeaker.audio import wav
from clonespeaker.audio.detectors import FRAME, RATE_HZ, Detector, LevelDetector, VoiceDetector, open_detector
from clonespeaker.audio.pcm import Samples
from clonespeaker.cli.demo import shipped_question


@pytest.fixture(scope="module")
def voice() -> VoiceDetector:
    return VoiceDetector()


@pytest.fixture(params=["vad", "energy"])
def detector(request: pytest.FixtureRequest, voice: VoiceDetector) -> Detector:
    found: Detector = voice if request.param == "vad" else LevelDetector()
    found.begin()
    return found


def speech() -> Samples:
    samples, rate_hz = wav.read(shipped_question().read_bytes())
    return np.asarray(soxr.resample(samples, rate_hz, RATE_HZ))


def noise(seconds: float, loud: float = 100.0) -> Samples:
    return (np.random.default_rng(1).normal(size=round(seconds * RATE_HZ)) * loud).astype(np.int16)


def share(detector: Detector, samples: Samples, *, after_s: float = 0.0) -> float:
    """Of the frames after so many seconds, how many are taken for speech."""
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    likely = [detector.likely(frame) for frame in frames]
    assert all(0.0 <= each <= 1.0 for each in likely)
    return float(np.mean([each >= 0.5 for each in likely[round(after_s * RATE_HZ / FRAME) :]]))


def test_speech_in_a_quiet_room(detector: Detector) -> None:
    assert share(detector, np.concatenate((noise(1, 20), speech())), after_s=1) > 0.6


def test_digital_silence(detector: Detector) -> None:
    assert share(detector, np.zeros(5 * RATE_HZ, np.int16)) == 0


@pytest.mark.parametrize("loud", [3, 300, 10_000])
def test_steady_noise_however_loud(detector: Detector, loud: float) -> None:
    assert share(detector, noise(5, loud)) < 0.02


def test_what_was_loud_before_is_forgotten(detector: Detector) -> None:
    share(detector, noise(1, 10_000))
    detector.begin()
    assert share(detector, np.concatenate((noise(1, 20), speech() // 8)), after_s=1) > 0.6


def test_knocks_are_no_speech_to_who_has_learnt_it(voice: VoiceDetector) -> None:
    voice.begin()
    knocks = noise(5, 20)
    for at in range(RATE_HZ, 5 * RATE_HZ, RATE_HZ // 2):
        fading = noise(0.4, 4_000) * np.exp(-np.arange(6_400) / 1_500)
        knocks[at : at + 6_400] += fading.astype(np.int16)[: knocks.size - at]
    assert share(voice, knocks) < 0.02
    assert share(LevelDetector(), knocks) > 0.2


def test_people_behind_are_not_the_user(voice: VoiceDetector) -> None:
    voice.begin()
    said = speech()
    assert share(voice, np.concatenate((said // 16, said, said // 16)), after_s=2 * said.size / RATE_HZ + 1) < 0.2


@pytest.mark.parametrize(("wanted", "name"), [("auto", "vad"), ("vad", "vad"), ("energy", "energy")])
def test_the_one_that_is_wanted(wanted: str, name: str) -> None:
    assert open_detector(wanted).name == name
