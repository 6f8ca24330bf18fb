from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.audio.jitter import MOST_MS, JitterBuffer


def buffer_after(underruns: int, *, start_ms: float = 60) -> JitterBuffer:
    """A buffer in the middle of a reply that has starved so often."""
    jitter = JitterBuffer(start_ms)
    jitter.begin()
    for _ in range(underruns):
        jitter.starved()
    return jitter


@pytest.mark.parametrize(
    ("at_hand_ms", "complete", "may"),
    [(0, False, False), (59.9, False, False), (60, False, True), (500, False, True), (0, True, True), (1, True, True)],
)
def test_starts_with_enough_or_with_all(at_hand_ms: float, complete: bool, may: bool) -> None:
    jitter = JitterBuffer(60)
    assert jitter.may_start(at_hand_ms, complete=complete) is may
    assert jitter.underruns == 0


@pytest.mark.parametrize(
    ("start_ms", "targets_ms"),
    [
        (60, [120, 240, 480, 960, 1_920, 2_000, 2_000]),
        (0, [20, 40, 80]),
        (2_000, [2_000, 2_000]),
    ],
)
def test_each_underrun_doubles_the_wait(start_ms: float, targets_ms: list[float]) -> None:
    jitter = buffer_after(0, start_ms=start_ms)
    for count, target_ms in enumerate(targets_ms, 1):
        jitter.starved()
        assert (jitter.underruns, jitter.target_ms) == (count, target_ms)


def test_what_was_learnt_stays_for_the_next_reply() -> None:
    jitter = buffer_after(2)
    jitter.end()
    jitter.begin()
    assert (jitter.underruns, jitter.target_ms) == (0, 240)
    assert not jitter.may_start(239, complete=False)


def test_calm_replies_halve_the_way_back() -> None:
    jitter = buffer_after(2)
    jitter.end()
    targets_ms = []
    for _ in range(4):
        jitter.begin()
        jitter.end()
        targets_ms.append(jitter.target_ms)
    assert targets_ms == [150, 105, 82.5, 71.25]


@given(st.floats(0, MOST_MS), st.lists(st.integers(0, 10)))
def test_the_wait_stays_in_its_bounds(start_ms: float, underruns: list[int]) -> None:
    jitter = JitterBuffer(start_ms)
    for count in underruns:
        jitter.begin()
        for _ in range(count):
            jitter.starved()
        jitter.end()
        assert start_ms <= jitter.target_ms <= MOST_MS
        assert jitter.underruns == count
