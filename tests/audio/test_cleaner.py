"""Recordings, cleaned: their length and place by a processor that only delays, the rest by the real one."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.audio.cleaner import FRAME, RATE_HZ, Cleaner, Cleaning, open_cleaner
from clonespeaker.audio.pcm import Samples, level_dbfs, to_int16
from clonespeaker.cli.ask import read_recording
from clonespeaker.cli.demo import shipped_question
from clonespeaker.errors import ConfigError

BLOCK = 882
DELAY = 338


class Delay:
    """A processor that gives out what came in, a little later."""

    def __init__(self) -> None:
        self._held = np.zeros(DELAY, np.int16)

    def process(self, near: Samples) -> Samples:
        assert near.size % FRAME == 0
        both = np.concatenate((self._held, near))
        self._held = both[near.size :]
        return both[: near.size]


def clean(cleaning: Cleaning, samples: Samples, sizes: list[int]) -> Samples:
    out, at = [], 0
    for size in sizes:
        out.append(cleaning.add(samples[at : at + size]))
        at += size
    return np.concatenate([*out, cleaning.add(samples[at:]), cleaning.finish()])


def in_blocks(cleaner: Cleaner, samples: Samples) -> Samples:
    return clean(cleaner.begin(), samples, [BLOCK] * (samples.size // BLOCK))


def random(count: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).integers(-9_000, 9_000, count).astype(np.int16)


def question() -> Samples:
    return read_recording(shipped_question())


def noise(dbfs: float, count: int) -> Samples:
    return to_int16(np.random.default_rng(5).normal(0, 32_768 * 10 ** (dbfs / 20), count))


# Length and place


@given(st.lists(st.lists(st.integers(0, 2_000), max_size=8), max_size=4), st.integers(0, 3_000))
def test_what_comes_out_is_what_went_in_sample_by_sample(recordings: list[list[int]], more: int) -> None:
    cleaner = Cleaner(Delay(), DELAY)
    for number, sizes in enumerate(recordings):
        samples = random(sum(sizes) + more, number)
        assert np.array_equal(clean(cleaner.begin(), samples, sizes), samples)


def test_little_is_held_back_while_it_goes_on() -> None:
    cleaning, given_out = Cleaner(Delay(), DELAY).begin(), 0
    for number in range(1, 50):
        given_out += cleaning.add(random(BLOCK)).size
        assert number * BLOCK - given_out == cleaning.held_back == DELAY
    cleaning.add(random(100))
    assert cleaning.held_back <= DELAY + FRAME


def test_nothing_of_a_recording_that_broke_off_is_in_the_next() -> None:
    cleaner = Cleaner(Delay(), DELAY)
    cleaner.begin().add(np.full(1_000, 32_767, np.int16))
    samples = random(3_000)
    assert np.array_equal(in_blocks(cleaner, samples), samples)


def test_a_recording_gets_no_more_once_the_next_has_begun() -> None:
    cleaner = Cleaner(Delay(), DELAY)
    before, samples = cleaner.begin(), random(3_000)
    cleaning = cleaner.begin()
    assert before.add(random(5_000, 1)).size == 0
    assert np.array_equal(clean(cleaning, samples, []), samples)


# What WebRTC's does


@pytest.mark.parametrize(("noise_suppression", "auto_gain"), [(True, False), (False, True), (True, True)])
def test_speech_stays_where_it_was(noise_suppression: bool, auto_gain: bool) -> None:
    """The delay that is made up for is the library's, but for its phases, which lag by two samples at the bottom."""
    said = question()
    cleaned = in_blocks(open_cleaner(noise_suppression=noise_suppression, auto_gain=auto_gain), said)
    assert cleaned.size == said.size
    length = 1 << (2 * said.size).bit_length()
    spectra = [np.fft.rfft(samples.astype(float), length) for samples in (cleaned, said)]
    likeness = np.fft.irfft(spectra[0] * np.conj(spectra[1]), length)
    assert np.argmax(np.roll(likeness, 100)) - 100 in range(-1, 5)
    # Its phases shift a little, and gain changes: it is the same speech all the same.
    assert np.max(likeness) / np.linalg.norm(cleaned.astype(float)) / np.linalg.norm(said.astype(float)) > 0.8


def test_noise_is_less_in_pauses_and_speech_is_kept() -> None:
    said = question()
    heard = to_int16(said.astype(float) + noise(-45, said.size))
    cleaner = open_cleaner(noise_suppression=True, auto_gain=False)
    in_blocks(cleaner, noise(-45, 2 * RATE_HZ))  # the room, learnt
    assert level_dbfs(in_blocks(cleaner, noise(-45, RATE_HZ))) < -48
    assert level_dbfs(in_blocks(cleaner, heard)) == pytest.approx(level_dbfs(said), abs=2)


@pytest.mark.parametrize("dbfs", [-45, -30, -15])
def test_voices_near_and_far_come_to_one_level(dbfs: float) -> None:
    said = question()
    said = to_int16(said * 10 ** ((dbfs - level_dbfs(said)) / 20) + noise(-75, said.size))
    cleaner = open_cleaner(noise_suppression=False, auto_gain=True)
    in_blocks(cleaner, said)
    assert -25 < level_dbfs(in_blocks(cleaner, said)) < -12


def test_a_pause_is_not_turned_up_to_speech() -> None:
    cleaner = open_cleaner(noise_suppression=False, auto_gain=True)
    quiet = question()
    in_blocks(cleaner, to_int16(quiet * 0.01 + noise(-75, quiet.size)))
    assert level_dbfs(in_blocks(cleaner, noise(-75, 5 * RATE_HZ))) < -45


def test_where_it_is_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)  # as if it were not there
    with pytest.raises(ConfigError, match=r"microphone\.auto_gain: .*pip install 'clonespeaker\[voice\]'"):
        open_cleaner(noise_suppression=False, auto_gain=True)
