from __future__ import annotations

import numpy as np
import pytest

from clonespeaker.audio import wav
from clonespeaker.audio.lkfs import SPEECH_LKFS, at_loudness, loudness_lkfs
from clonespeaker.audio.pcm import SILENCE_DBFS, Samples
from clonespeaker.cli.demo import shipped_question


def sine(hz: float, seconds: float, rate_hz: int = 48_000, peak: float = 32_767) -> Samples:
    return (peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.int16)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
def test_the_standards_own_sine(rate_hz: int) -> None:
    """BS.1770-4: 997 Hz at full scale in one channel is -3.01 LKFS. Its ends make the mean a little less."""
    assert loudness_lkfs(sine(997, 10, rate_hz), rate_hz) == pytest.approx(-3.01, abs=0.05)


def test_low_tones_are_heard_less() -> None:
    assert loudness_lkfs(sine(50, 5), 48_000) < loudness_lkfs(sine(997, 5), 48_000) - 3


def test_what_is_shorter_than_the_ear_sums_over_is_quieter() -> None:
    short, long = (loudness_lkfs(sine(997, seconds), 48_000) for seconds in (0.05, 5))
    assert short == pytest.approx(long - 6, abs=0.3)


def test_pauses_do_not_count() -> None:
    word, pause = sine(997, 1, peak=3_000), np.zeros(96_000, np.int16)
    alone, apart = loudness_lkfs(word, 48_000), loudness_lkfs(np.concatenate((word, pause, word, pause)), 48_000)
    assert apart == pytest.approx(alone, abs=0.5)


def test_nothing_is_silent() -> None:
    assert loudness_lkfs(np.zeros(0, np.int16), 44_100) == SILENCE_DBFS
    assert loudness_lkfs(np.zeros(44_100, np.int16), 44_100) == SILENCE_DBFS


def test_speech_is_as_loud_as_it_is_said_to_be() -> None:
    samples, rate_hz = wav.read(shipped_question().read_bytes())
    assert loudness_lkfs(samples, rate_hz) == pytest.approx(SPEECH_LKFS, abs=0.5)


def test_made_so_loud() -> None:
    wave = sine(500, 1) * 1e-6
    assert loudness_lkfs(at_loudness(wave, 48_000, -20), 48_000) == pytest.approx(-20, abs=0.1)
    assert np.abs(at_loudness(wave, 48_000, 0)).max() <= 30_000  # rather than clipped
    assert not at_loudness(np.zeros(10), 48_000, -20).any()
