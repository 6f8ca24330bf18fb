"""Recordings, judged: a table of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.audio.loudness import Loudness
from clonespeaker.audio.pcm import Samples, level_dbfs, to_int16
from clonespeaker.cli.ask import read_recording
from clonespeaker.cli.demo import shipped_question
from clonespeaker.errors import FAULTS, HINTS

RATE_HZ = 44_100
RANDOM = np.random.default_rng(1)


def speech(dbfs: float) -> Samples:
    """The shipped question at such a level, clipped where that is too much."""
    question = read_recording(shipped_question()).astype(float)
    return to_int16(question * 10 ** ((dbfs - level_dbfs(to_int16(question))) / 20))


def noise(dbfs: float, seconds: float = 2.0) -> Samples:
    return to_int16(RANDOM.normal(0, 32_768 * 10 ** (dbfs / 20), round(seconds * RATE_HZ)))


def silence(seconds: float = 2.0) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), np.int16)


def knock(ms: float) -> Samples:
    """A thump at full scale."""
    return np.where(np.arange(round(RATE_HZ * ms / 1_000)) // 100 % 2, 32_767, -32_768).astype(np.int16)


def flipping() -> Samples:
    """What a muted converter with dither gives: its last bit."""
    return RANDOM.integers(0, 2, 2 * RATE_HZ).astype(np.int16)


@pytest.mark.parametrize(
    ("samples", "fault"),
    [
        pytest.param(speech(-20), None, id="speech"),
        pytest.param(speech(-35), None, id="speech from across a table"),
        pytest.param(speech(-46), None, id="speech from across a room"),
        pytest.param(np.concatenate([silence(10), speech(-30), silence(10)]), None, id="a word between long pauses"),
        pytest.param(np.concatenate([knock(50), speech(-25)]), None, id="the button's thump"),
        pytest.param(np.concatenate([noise(-70, 0.5), knock(5), noise(-70, 2), speech(-30)]), None, id="a click"),
        pytest.param(np.concatenate([silence(0.5), speech(-30)]), None, id="a card that begins with silence"),
        pytest.param(speech(0), "too-loud", id="far too loud"),
        pytest.param(speech(-6), "too-loud", id="too loud"),
        pytest.param(np.concatenate([speech(-20), silence(20), speech(-3)]), "too-loud", id="too loud now and then"),
        pytest.param(speech(-58), "too-quiet", id="too quiet"),
        pytest.param(noise(-70), "too-quiet", id="nobody speaks"),
        pytest.param(np.concatenate([knock(50), noise(-70)]), "too-quiet", id="nobody speaks; a thump"),
        pytest.param(silence(), "no-sound", id="digital silence"),
        pytest.param(flipping(), "no-sound", id="a bit that flips"),
        pytest.param(silence(0.9), None, id="too short to tell"),
        pytest.param(silence(0), None, id="nothing"),
    ],
)
def test_what_a_recording_is_told(samples: Samples, fault: str | None) -> None:
    loudness = Loudness.of(samples, RATE_HZ)
    assert loudness.fault == fault
    error = loudness.error()
    assert (error.fault if error else None) == fault


def test_hints_are_faults_that_are_found_here() -> None:
    told = {Loudness.of(samples, RATE_HZ).fault for samples in (speech(0), speech(-60), silence())}
    assert told == HINTS - {"nothing-heard"}
    assert set(FAULTS) >= HINTS


def test_levels() -> None:
    loudness = Loudness.of(np.concatenate([noise(-66, 0.3), noise(-20, 1.7)]), RATE_HZ)
    assert loudness.floor_dbfs == pytest.approx(-66, abs=0.5)
    assert loudness.loudest_dbfs == pytest.approx(-20, abs=1)
    assert loudness.speech_dbfs == pytest.approx(-20, abs=1)
    nothing = Loudness(RATE_HZ)
    assert (nothing.floor_dbfs, nothing.loudest_dbfs, nothing.speech_dbfs, nothing.clipped_share) == (-96, -96, -96, 0)


def test_what_is_clipped() -> None:
    at_rail = np.full(441, 32_767, np.int16)
    loudness = Loudness.of(
        np.concatenate([noise(-60, 0.5), at_rail, noise(-60, 0.5), -at_rail - 1, noise(-60)]), RATE_HZ
    )
    assert loudness.clipped_samples == 882
    peaks = np.tile(np.array([0, 20_000, 32_767, 32_767, 20_000, 0], np.int16), 10_000)  # loud, but two in a row only
    assert Loudness.of(peaks, RATE_HZ).clipped_samples == 0


@given(st.lists(st.integers(0, 3_000), max_size=30))
def test_how_it_comes_does_not_matter(sizes: list[int]) -> None:
    whole = np.concatenate([knock(30), speech(-20)])[: 30 * 3_000]
    loudness, at = Loudness(RATE_HZ), 0
    for size in sizes:
        loudness.add(whole[at : at + size])
        at += size
    loudness.add(whole[at:])
    once = Loudness.of(whole, RATE_HZ)
    assert (loudness.speech_dbfs, loudness.floor_dbfs) == pytest.approx((once.speech_dbfs, once.floor_dbfs), abs=0.01)
    assert (loudness.clipped_samples, loudness.fault) == (once.clipped_samples, once.fault)
