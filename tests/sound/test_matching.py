"""The ruler, measured: `matching` finds what is right, and nothing that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from clonespeaker.audio.pcm import Samples
from tests.sound.matching import FADE_FRAMES, Gap, Unlike, faded_out, follow, likeness, locate, trace

NOISE = np.random.default_rng(3).integers(-9_000, 9_000, 5_000).astype(np.int16)
UP = np.linspace(0, 1, FADE_FRAMES)


def silence(frames: int) -> Samples:
    return np.zeros(frames, np.int16)


def faded_in(samples: Samples) -> Samples:
    return np.concatenate(((samples[:FADE_FRAMES] * UP[: samples.size]).astype(np.int16), samples[FADE_FRAMES:]))


def glide(samples: Samples) -> Samples:
    return np.linspace(samples[-1], 0, FADE_FRAMES + 1)[1:].astype(np.int16)


def heard(*parts: Samples) -> Samples:
    sound = np.concatenate((silence(777), *parts))
    return np.concatenate((sound, glide(sound), silence(500)))


def test_a_sound_faded_in() -> None:
    found = trace(NOISE, heard(faded_in(NOISE)))
    assert (found.begins, found.ends, found.gaps) == (777, 777 + NOISE.size, [])


@pytest.mark.parametrize("lead", [1, 100, FADE_FRAMES, 3_000])
def test_silence_at_its_beginning_and_end_counts(lead: int) -> None:
    sound = np.concatenate((silence(lead), NOISE, silence(400)))
    found = trace(sound, heard(faded_in(sound)))
    assert (found.begins, found.ends, found.gaps) == (777, 777 + lead + NOISE.size, [])


def test_what_ran_dry_and_went_on() -> None:
    one, two, three = NOISE[:2_000], NOISE[2_000:2_100], NOISE[2_100:]
    found = trace(
        NOISE,
        heard(faded_in(one), glide(one), silence(300), faded_in(two), glide(two), silence(9), faded_in(three)),
    )
    assert found.gaps == [Gap(2_000, FADE_FRAMES + 300), Gap(2_100, FADE_FRAMES + 9)]
    assert found.ends == 777 + NOISE.size + 2 * FADE_FRAMES + 309


def test_what_goes_on_while_it_still_glides() -> None:
    one, two = NOISE[:2_000] // 4, NOISE[2_000:] // 4
    mixed, tail = faded_in(two), glide(one)
    mixed[: FADE_FRAMES - 40] += tail[40:]
    found = trace(np.concatenate((one, two)), heard(faded_in(one), tail[:40], mixed))
    assert found.gaps == [Gap(2_000, 40)]


@pytest.mark.parametrize("at", [100, 2_000, 4_990])
def test_silence_of_the_device(at: int) -> None:
    sound = faded_in(NOISE)
    found = trace(NOISE, heard(sound[:at], silence(441), sound[at:]))
    assert found.gaps == [Gap(at, 441)]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(NOISE, id="not faded in"),
        pytest.param(faded_in(NOISE)[:-1], id="the last frame is missing"),
        pytest.param(faded_in(np.delete(NOISE, 2_500)), id="a frame is missing"),
        pytest.param(faded_in(np.insert(NOISE, 2_500, 7)), id="a frame too many"),
        pytest.param(faded_in(NOISE + (np.arange(NOISE.size) == 2_500)).astype(np.int16), id="a frame off by one"),
        pytest.param(np.concatenate((faded_in(NOISE[:2_000]), silence(300), NOISE[2_441:])), id="a period lost"),
        pytest.param(np.concatenate((faded_in(NOISE[:2_000]), NOISE[1_000:])), id="a period twice"),
        pytest.param(np.concatenate((faded_in(NOISE[:2_000]), NOISE[:300], NOISE[2_000:])), id="a gap with noise"),
        pytest.param(silence(5_000), id="nothing"),
    ],
)
def test_wrong_sounds(wrong: Samples) -> None:
    with pytest.raises(Unlike):
        trace(NOISE, heard(wrong))


def test_locate() -> None:
    assert locate(NOISE[:1_000], heard(NOISE)) == 777
    with pytest.raises(Unlike, match="500 of 1000 frames are at 777"):
        locate(NOISE[:1_000], heard(NOISE[:500], NOISE[501:]))
    with pytest.raises(Unlike, match="not even the first"):
        locate(NOISE[:1_000], silence(5_000))


def test_what_broke_off() -> None:
    fade = (NOISE[2_000 : 2_000 + FADE_FRAMES] * np.linspace(1, 0, FADE_FRAMES)).astype(np.int16)
    whole = heard(faded_in(NOISE[:2_000]), fade)
    found = follow(NOISE, whole)
    assert 2_000 <= found.frames <= 2_010
    assert faded_out(NOISE, whole, found) == 777 + 2_000 + FADE_FRAMES
    for ending in (silence(0), glide(NOISE[:2_000]), fade[:100], NOISE[:FADE_FRAMES]):
        whole = heard(faded_in(NOISE[:2_000]), ending)
        with pytest.raises(Unlike):
            faded_out(NOISE, whole, follow(NOISE, whole))


@pytest.mark.parametrize("more", [(NOISE[:1], silence(0)), (silence(0), NOISE[:1]), (silence(0), glide(NOISE[:9]))])
def test_nothing_else_may_be_heard(more: tuple[Samples, Samples]) -> None:
    with pytest.raises(Unlike, match="something was heard"):
        trace(NOISE, heard(more[0], silence(30), faded_in(NOISE), silence(30), more[1]))
    trace(NOISE, heard(silence(30), faded_in(NOISE)))


def test_likeness() -> None:
    assert likeness(NOISE, heard(NOISE // 2)) == pytest.approx(1.0, abs=0.01)
    assert likeness(NOISE, NOISE[::-1].copy()) < 0.1
    assert likeness(NOISE, heard(NOISE[:2_500], silence(50), NOISE[2_500:])) < 0.8


def test_dither() -> None:
    random = np.random.default_rng(4)
    sound = np.concatenate((random.integers(-1, 2, 700), NOISE, random.integers(-1, 2, 700))).astype(np.int16)
    dithered = (sound + random.integers(-1, 2, sound.size)).astype(np.int16)
    one, two = dithered[:3_000], dithered[3_000:]
    assert trace(sound, heard(faded_in(one), glide(one), silence(300), faded_in(two)), off=2).gaps == [Gap(3_000, 520)]
    assert trace(sound, heard(faded_in(one), silence(300), two), off=2).gaps == [Gap(3_000, 300)]
    with pytest.raises(Unlike):
        trace(sound, heard(faded_in(dithered)), off=0)
    with pytest.raises(Unlike):
        trace(sound, heard(faded_in(np.delete(dithered, 3_000))), off=2)
