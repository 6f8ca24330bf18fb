from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clonespeaker.audio.convert import MixDown, OneRate, open_resampler, spread
from clonespeaker.audio.pcm import Samples, level_dbfs

RATES_HZ = [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
TONE_HZ = 1_000


def tone(rate_hz: int, seconds: float = 0.5) -> Samples:
    times_s = np.arange(round(rate_hz * seconds)) / rate_hz
    wave: Samples = np.rint(8_000 * np.sin(2 * np.pi * TONE_HZ * times_s)).astype(np.int16)
    return wave


def frequency_hz(samples: Samples, rate_hz: int) -> float:
    """The frequency that most of the sound is at."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * rate_hz / samples.size


def convert(samples: Samples, from_hz: int, to_hz: int, piece: int) -> Samples:
    resampler = open_resampler(from_hz, to_hz)
    parts = [resampler.convert(samples[at : at + piece]) for at in range(0, samples.size, piece)]
    return np.concatenate([*parts, resampler.convert(samples[:0], last=True)])


@pytest.mark.parametrize("to_hz", RATES_HZ)
@pytest.mark.parametrize("from_hz", RATES_HZ)
def test_a_tone_stays_what_it_is(from_hz: int, to_hz: int) -> None:
    samples = tone(from_hz)
    out = convert(samples, from_hz, to_hz, piece=441)
    assert out.dtype == np.int16
    assert out.ndim == 1
    assert out.size == pytest.approx(samples.size * to_hz / from_hz, abs=1)
    assert frequency_hz(out, to_hz) == pytest.approx(TONE_HZ, abs=2)
    middle = out[out.size // 4 : out.size // 4 * 3]
    assert level_dbfs(middle) == pytest.approx(level_dbfs(samples), abs=0.1)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3_000))
def test_the_cut_into_pieces_does_not_show(piece: int) -> None:
    samples = tone(48_000, 0.1)
    whole = convert(samples, 48_000, 44_100, piece=samples.size)
    assert np.abs(convert(samples, 48_000, 44_100, piece).astype(int) - whole).max() <= 2  # soxr dithers


def test_the_same_rate_hands_on_the_same_samples() -> None:
    samples = tone(44_100)
    resampler = open_resampler(44_100, 44_100)
    assert resampler.convert(samples) is samples
    assert resampler.convert(samples, last=True) is samples


def interleaved(*channels: list[int]) -> Samples:
    return np.array(channels, np.int16).T.reshape(-1)


def test_one_channel_is_handed_on() -> None:
    samples = tone(8_000)
    assert MixDown(1)(samples) is samples


@pytest.mark.parametrize(
    ("channels", "mono"),
    [
        pytest.param([[1, -2, 3], [10, -20, 30]], [10, -20, 30], id="the second is louder"),
        pytest.param([[9, 9, 9], [0, 0, 0]], [9, 9, 9], id="the second is silent"),
        pytest.param([[5, 6, 7], [-5, -6, -7]], [5, 6, 7], id="in opposite phase"),
        pytest.param(
            [[0, 0], [1, 1], [-32_768, -32_768], [32_767, 32_767]], [-32_768, -32_768], id="four, at the rails"
        ),
        pytest.param([[0, 0], [0, 0]], [0, 0], id="silence"),
    ],
)
def test_the_loudest_channel_is_taken(channels: list[list[int]], mono: list[int]) -> None:
    assert MixDown(len(channels))(interleaved(*channels)).tolist() == mono


def test_the_channel_taken_once_is_kept() -> None:
    mix_down = MixDown(2)
    assert mix_down(interleaved([1, 1], [2, 2])).tolist() == [2, 2]
    assert mix_down(interleaved([900, 900], [3, 3])).tolist() == [3, 3]


def test_silence_and_nothing_decide_nothing() -> None:
    mix_down = MixDown(2)
    assert mix_down(interleaved([], [])).tolist() == []
    assert mix_down(interleaved([0, 0], [0, 0])).tolist() == [0, 0]
    assert mix_down(interleaved([0, 0], [7, 7])).tolist() == [7, 7]
    assert mix_down(interleaved([9, 9], [7, 7])).tolist() == [7, 7]


def test_spread() -> None:
    samples = np.array([1, 2], np.int16)
    assert spread(samples, 1) is samples
    assert spread(samples, 3).tolist() == [1, 1, 1, 2, 2, 2]


def test_one_rate_gives_all_of_the_old_rate_before_the_new_one() -> None:
    one_rate = OneRate(44_100)
    low, high = np.full(22_050, 4_000, np.int16), np.full(44_100, -4_000, np.int16)
    out = np.concatenate((one_rate.convert(low, 22_050), one_rate.convert(high, 44_100), one_rate.finish()))
    assert out.size == 44_100 + 44_100
    assert np.all(out[1_000:43_000] > 3_900)
    assert np.array_equal(out[44_100:], high)  # untouched: the rates are the same
    assert one_rate.convert(high, 44_100) is high
