from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.cues import FAULTS, MUTED, STATES, Pattern
from clonespeaker.lights.patterns import (
    BLINK_S,
    BREATH_S,
    PULSE_S,
    ROUND_S,
    follow,
    frame,
    is_within,
    looks,
    loudness,
    still_for_s,
)

TIMES = st.floats(0, 1e6)
LEVELS = st.floats(0, 1)
LAMPS = st.integers(1, 240)


@pytest.mark.parametrize(
    ("pattern", "at_s", "level", "expected"),
    [
        (Pattern.DARK, 3.3, 1.0, 0.0),
        (Pattern.STEADY, 3.3, 0.0, 1.0),
        (Pattern.BREATHE, 0.0, 0.0, 0.08),
        (Pattern.BREATHE, BREATH_S / 2, 0.0, 1.0),
        (Pattern.BREATHE, BREATH_S * 7, 0.0, 0.08),
        (Pattern.LEVEL, 0.0, 0.0, 0.35),
        (Pattern.LEVEL, 9.0, 0.5, 0.675),
        (Pattern.LEVEL, 0.0, 1.0, 1.0),
        (Pattern.CIRCLE, 0.0, 0.0, 0.08),
        (Pattern.CIRCLE, PULSE_S / 2, 0.0, 1.0),
        (Pattern.BLINK, 0.0, 0.0, 1.0),
        (Pattern.BLINK, 0.49 * BLINK_S, 0.0, 1.0),
        (Pattern.BLINK, 0.51 * BLINK_S, 0.0, 0.0),
        (Pattern.BLINK, 7.1 * BLINK_S, 0.0, 1.0),
    ],
)
def test_a_single_lamp(pattern: Pattern, at_s: float, level: float, expected: float) -> None:
    assert looks(pattern, at_s, level=level, lamps=1) == pytest.approx([expected])


def test_what_runs_around_a_ring() -> None:
    ring = [looks(Pattern.CIRCLE, ROUND_S * step / 12, level=0, lamps=12) for step in range(24)]
    assert [int(each.argmax()) for each in ring] == [*range(12), *range(12)]
    for step, each in enumerate(ring):
        assert each == pytest.approx(np.roll(ring[0], step))
    tail = ring[0][[0, 11, 10, 9, 8]]
    assert (np.diff(tail) < 0).all()


@given(pattern=st.sampled_from(Pattern), at_s=TIMES, level=LEVELS, lamps=LAMPS)
def test_all_are_within_bounds(pattern: Pattern, at_s: float, level: float, lamps: int) -> None:
    seen = looks(pattern, at_s, level=level, lamps=lamps)
    assert seen.shape == (lamps,)
    assert 0 <= seen.min() <= seen.max() <= 1
    assert pattern is Pattern.DARK or pattern is Pattern.BLINK or seen.min() > 0  # on means on, all along


@given(at_ms=st.integers(0, 10**7), lamps=LAMPS)
def test_what_is_still_is_so_for_as_long_as_it_says(at_ms: int, lamps: int) -> None:
    at_s = at_ms / 1_000
    for pattern in Pattern:
        still_s = min(still_for_s(pattern, at_s), 1e4)
        now = looks(pattern, at_s, level=0, lamps=lamps)
        assert looks(pattern, at_s + 0.99 * still_s, level=0, lamps=lamps) == pytest.approx(now)
    assert still_for_s(Pattern.DARK, at_s) == still_for_s(Pattern.STEADY, at_s) == math.inf
    assert 0 < still_for_s(Pattern.BLINK, at_s) <= BLINK_S / 2


@pytest.mark.parametrize("colour", {cue.colour for cue in (*STATES.values(), *FAULTS.values(), MUTED)})
@given(brightness=LEVELS)
def test_colours_are_bounded_by_the_brightness(colour: str, brightness: float) -> None:
    (lamp,) = frame(np.ones(1), colour, brightness)
    assert 0 <= lamp.min() <= lamp.max() <= brightness**2.2 + 1e-9


def test_half_looks_like_half() -> None:
    assert frame(np.ones(1), "#ffffff", 1.0) == pytest.approx(np.ones((1, 3)))
    assert frame(np.array([0.5, 1.0]), "#ffffff", 0.5) == pytest.approx(
        np.array([[0.0474] * 3, [0.2176] * 3]), abs=1e-3
    )
    red, green, blue = frame(np.ones(1), "#f2a81d", 1.0)[0]
    assert red > green > blue > 0


@pytest.mark.parametrize(("dbfs", "expected"), [(-100.0, 0), (-50.0, 0), (-31.0, 0.5), (-12.0, 1), (0.0, 1)])
def test_loudness(dbfs: float, expected: float) -> None:
    assert loudness(dbfs) == pytest.approx(expected)


def test_a_level_rises_at_once_and_falls_slowly() -> None:
    assert follow(0.1, 0.9, 0.03) == 0.9
    assert 0.1 < follow(0.9, 0.1, 0.1) < 0.9
    assert follow(0.9, 0.1, 1.0) == 0.1


def minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


@pytest.mark.parametrize(
    ("since", "until", "time", "expected"),
    [
        ("22:00", "07:00", "21:59", False),
        ("22:00", "07:00", "22:00", True),
        ("22:00", "07:00", "00:00", True),
        ("22:00", "07:00", "06:59", True),
        ("22:00", "07:00", "07:00", False),
        ("12:30", "14:00", "12:29", False),
        ("12:30", "14:00", "13:59", True),
        ("12:30", "14:00", "14:00", False),
        ("00:00", "00:00", "12:00", True),
    ],
)
def test_hours(since: str, until: str, time: str, expected: bool) -> None:
    assert is_within((minutes(since), minutes(until)), minutes(time)) is expected
