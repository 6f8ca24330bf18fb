from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from clonespeaker.audio.pcm import SILENCE_DBFS, Samples, apply_gain, level_dbfs, to_int16, volume_gain

any_samples = arrays.arrays(np.int16, st.integers(0, 300))
factors = st.floats(0, 1)


def sine(peak: int) -> Samples:
    wave: Samples = np.rint(peak * np.sin(2 * np.pi * np.arange(4_410) / 441)).astype(np.int16)
    return wave


@pytest.mark.parametrize(
    ("samples", "dbfs"),
    [
        pytest.param(np.zeros(0, np.int16), SILENCE_DBFS, id="nothing"),
        pytest.param(np.zeros(100, np.int16), SILENCE_DBFS, id="silence"),
        pytest.param(np.full(100, -32_768, np.int16), 0.0, id="a full-scale square"),
        pytest.param(np.full(100, 16_384, np.int16), -6.02, id="half of it"),
        pytest.param(sine(32_767), -3.01, id="a full-scale sine"),
        pytest.param(sine(3_277), -23.01, id="a sine 20 dB below"),
        pytest.param(np.full(100, 1, np.int16), -90.31, id="the smallest square"),
        pytest.param(np.array([1, *[0] * 99], np.int16), SILENCE_DBFS, id="below the floor"),
    ],
)
def test_level(samples: Samples, dbfs: float) -> None:
    assert level_dbfs(samples) == pytest.approx(dbfs, abs=0.01)


@given(any_samples)
def test_a_level_is_between_silence_and_full_scale(samples: Samples) -> None:
    assert SILENCE_DBFS <= level_dbfs(samples) <= 0.0


@pytest.mark.parametrize(("volume", "gain"), [(-1, 0.0), (0, 0.0), (60, 0.1), (100, 1.0), (101, 1.0)])
def test_volume(volume: int, gain: float) -> None:
    assert volume_gain(volume) == pytest.approx(gain, abs=0.0)


def test_volume_goes_in_equal_steps() -> None:
    decibels = [20 * math.log10(volume_gain(volume)) for volume in range(1, 101)]
    assert np.diff(decibels) == pytest.approx([0.5] * 99)
    assert decibels[0] == pytest.approx(-49.5)


def test_gain_of_one_hands_on_the_same_samples() -> None:
    samples = sine(1_000)
    assert apply_gain(samples, 1.0, 1.0) is samples


@given(any_samples, factors, factors)
def test_gain_lies_between_its_ends(samples: Samples, start: float, end: float) -> None:
    out = apply_gain(samples, start, end)
    assert out.dtype == np.int16
    assert out.shape == samples.shape
    bounds = np.multiply.outer([min(start, end), max(start, end)], np.abs(samples.astype(float)))
    assert np.all(np.abs(out.astype(float)) >= bounds[0] - 0.51)
    assert np.all(np.abs(out.astype(float)) <= bounds[1] + 0.51)


def test_gain_ramps_evenly() -> None:
    out = apply_gain(np.full(1_001, 10_000, np.int16), 0.0, 1.0)
    assert (out[0], out[500], out[-1]) == (0, 5_000, 10_000)
    assert {*np.diff(out)} == {10}


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [(0.4, 0), (0.6, 1), (-0.6, -1), (32_767.4, 32_767), (32_768.0, 32_767), (1e9, 32_767), (-1e9, -32_768)],
)
def test_to_int16_rounds_and_clips(wide: float, narrow: int) -> None:
    assert to_int16(np.array([wide])) == np.array([narrow], np.int16)
