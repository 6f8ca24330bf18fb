"""The jitter buffer's rule, alone and over traces of arrivals; time is an argument."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.audio.jitter import AFTER_STARVING_MS, MOST_MS, JitterBuffer

START_MS = 60.0

Trace = list[tuple[float, float]]
"""Pieces of a reply: when each came, in ms, and how many ms of sound it holds."""


@dataclass(frozen=True)
class Heard:
    """How a reply went: ms from its first piece to its first sound, underruns, ms of silence within it."""

    delay_ms: float
    underruns: int
    silence_ms: float


def play(trace: Trace, jitter: JitterBuffer) -> Heard:
    """A reply through the buffer, as `Playback` does it, on a clock of this loop's own."""
    jitter.begin()
    now_ms = begun_ms = trace[0][0]
    at_hand_ms = silence_ms = 0.0
    dry_ms, starts_ms = begun_ms, list[float]()
    sounds = False

    def start(at_ms: float, waited_ms: float) -> None:
        nonlocal sounds, silence_ms
        sounds = True
        jitter.started(at_hand_ms, waited_ms)
        starts_ms.append(at_ms)
        silence_ms += at_ms - dry_ms if len(starts_ms) > 1 else 0.0

    for number, (came_ms, piece_ms) in enumerate(trace, 1):
        if not sounds and at_hand_ms:  # time passes, and may be enough
            missing_ms = jitter.missing_ms(at_hand_ms, 0.0)
            if now_ms + missing_ms < came_ms and jitter.missing_ms(at_hand_ms, missing_ms) <= 1e-9:
                now_ms += missing_ms
                start(now_ms, missing_ms)
        if sounds and came_ms - now_ms > at_hand_ms:
            sounds, dry_ms, at_hand_ms = False, now_ms + at_hand_ms, 0.0
            jitter.starved()
        elif sounds:
            at_hand_ms -= came_ms - now_ms
        jitter.came(piece_ms, at_hand_ms)
        now_ms, at_hand_ms = came_ms, at_hand_ms + piece_ms
        if not sounds and (number == len(trace) or jitter.missing_ms(at_hand_ms, 0.0) <= 0):
            start(now_ms, 0.0)
    jitter.end()
    return Heard(starts_ms[0] - begun_ms, jitter.underruns, silence_ms)


def paced(
    random: Random, *, late_ms: float, pace: float = 1.0, piece_ms: float = 200, duration_ms: float = 60_000
) -> Trace:
    """A reply paced by the server, each piece late by an exponential delay, in order nevertheless."""
    trace: Trace = []
    for number in range(round(duration_ms / piece_ms)):
        lateness_ms = random.expovariate(1 / late_ms) if late_ms else 0.0
        before_ms = trace[-1][0] if trace else 0.0
        trace.append((max(before_ms, number * piece_ms * pace + lateness_ms), piece_ms))
    return trace


def held_up(trace: Trace, at_ms: float, by_ms: float) -> Trace:
    """The same, but nothing comes through for a while; then all that was held up comes at once."""
    return [(max(came_ms, at_ms + by_ms) if came_ms >= at_ms else came_ms, piece_ms) for came_ms, piece_ms in trace]


def calm(jitter: JitterBuffer, replies: int) -> None:
    """As many replies that come faster than they are heard."""
    for _ in range(replies):
        assert play([(0.5 * at_ms, 20.0) for at_ms in range(0, 10_000, 20)], jitter).underruns == 0


# The rule


@pytest.mark.parametrize(("at_hand_ms", "missing_ms"), [(0, 60), (59.5, 0.5), (60, 0), (500, -440)])
def test_starts_with_enough(at_hand_ms: float, missing_ms: float) -> None:
    jitter = JitterBuffer(START_MS)
    assert jitter.missing_ms(at_hand_ms, 0.0) == missing_ms


def test_time_counts_as_sound_until_the_next_piece_is_late() -> None:
    """But never instead of the least that is wanted."""
    jitter = JitterBuffer(START_MS)
    jitter.starved()
    jitter.begin()
    jitter.came(200, 0)
    assert jitter.missing_ms(200, 0.0) == 600
    assert jitter.missing_ms(200, 150.0) == 450
    assert jitter.missing_ms(200, 5_000.0) == 400
    assert jitter.missing_ms(59, 5_000.0) == 1
    assert jitter.missing_ms(600, 200.0) == 0


def test_after_starving_it_gathers_more() -> None:
    jitter, targets_ms = JitterBuffer(START_MS), []
    jitter.begin()
    for _ in range(5):
        jitter.starved()
        targets_ms.append(jitter.target_ms)
    assert targets_ms == [800, 1_200, 1_800, 2_000, 2_000]
    assert jitter.underruns == 5


def test_a_wish_for_more_than_the_most_is_kept() -> None:
    jitter = JitterBuffer(3_000)
    jitter.starved()
    assert jitter.target_ms == 3_000


def test_what_was_learnt_stays_for_the_next_reply() -> None:
    jitter = JitterBuffer(START_MS)
    jitter.starved()
    jitter.end()
    jitter.begin()
    assert jitter.underruns == 0
    assert jitter.missing_ms(AFTER_STARVING_MS - 1, 0.0) == 1


def test_calm_replies_bring_it_back() -> None:
    jitter = JitterBuffer(START_MS)
    jitter.starved()
    targets_ms = []
    for _ in range(5):
        calm(jitter, 1)
        targets_ms.append(jitter.target_ms)
    assert targets_ms[0] < AFTER_STARVING_MS * 0.6
    assert sorted(targets_ms, reverse=True) == targets_ms
    assert targets_ms[-1] == START_MS


def test_what_was_nearly_too_little_is_too_little_next_time() -> None:
    jitter = JitterBuffer(START_MS)
    jitter.begin()
    jitter.started(300, 0.0)
    jitter.came(100, 1)
    jitter.end()
    assert jitter.target_ms == pytest.approx(299 + 0.75 * 199 + START_MS / 2)


def test_a_clone_that_sends_in_time_is_not_waited_for_longer_than_the_reserve() -> None:
    """A piece of 200 ms each 200 ms needs no second one at hand."""
    jitter = JitterBuffer(START_MS)
    for number in range(20):
        heard = play([(199.0 * piece, 200.0) for piece in range(100)], jitter)
        assert (heard.underruns, heard.silence_ms) == (0, 0)
        assert heard.delay_ms <= (START_MS / 2 if number else 0)


@pytest.mark.parametrize("sounds", ["nothing", "at once"])
def test_what_was_there_whole_tells_nothing(sounds: str) -> None:
    """An earcon, a turn that was tapped away, a short answer."""
    jitter = JitterBuffer(START_MS)
    jitter.starved()
    jitter.begin()
    if sounds == "at once":
        jitter.started(10, 0.0)
    jitter.end()
    assert jitter.target_ms == AFTER_STARVING_MS


# Traces


def test_a_fast_server_is_heard_at_once_and_never_starves() -> None:
    jitter = JitterBuffer(START_MS)
    for _ in range(5):
        assert play([(0.1 * at_ms, 20.0) for at_ms in range(0, 60_000, 20)], jitter) == Heard(4.0, 0, 0.0)


@pytest.mark.parametrize("late_ms", [0, 15, 30, 60])
def test_real_time_with_jitter_stutters_once_and_then_no_more(late_ms: float) -> None:
    """It can't know before; from then on it gathers enough."""
    random = Random(1)
    first, later = [], []
    for _ in range(50):
        jitter = JitterBuffer(START_MS)
        first.append(play(paced(random, late_ms=late_ms), jitter).underruns)
        later += [play(paced(random, late_ms=late_ms), jitter).underruns for _ in range(5)]
    assert statistics.mean(first) <= 1.02
    assert statistics.mean(later) <= 0.02


def test_a_network_that_is_worse_than_that_is_learnt_in_a_reply_or_two() -> None:
    random, replies = Random(2), 6
    underruns: list[list[int]] = [[] for _ in range(replies)]
    for _ in range(50):
        jitter = JitterBuffer(START_MS)
        for number in range(replies):
            underruns[number].append(play(paced(random, late_ms=120), jitter).underruns)
    assert statistics.mean(underruns[0]) < 2
    assert statistics.mean(underruns[1]) < 0.5
    assert all(statistics.mean(later) < 0.1 for later in underruns[2:])


def test_what_waits_is_no_more_than_is_needed() -> None:
    """With 30 ms of jitter and pieces of 200 ms, half a second; not what the first stutter asked for."""
    random, jitter = Random(3), JitterBuffer(START_MS)
    for _ in range(30):
        play(paced(random, late_ms=30), jitter)
    assert 300 < jitter.target_ms < 700


def test_one_long_pause_is_one_silence() -> None:
    random, jitter = Random(4), JitterBuffer(START_MS)
    calm(jitter, 2)
    heard = play(held_up(paced(random, late_ms=5, pace=0.9), 30_000, 4_000), jitter)
    assert heard.underruns == 1
    assert heard.silence_ms < 4_000
    calm(jitter, 6)
    assert jitter.target_ms == START_MS


@pytest.mark.parametrize(
    ("name", "underruns"),
    [
        ("thin", [1, 0, 0, 0]),  # 1 Mbit/s for sound of 0.94: always nearly too late
        ("shared", [2, 1, 1, 1]),  # 1.3 Mbit/s, and two downloads of seconds take most of it
        ("congested", [2, 1, 1, 1]),  # 2 Mbit/s, likewise; nothing comes for 1.4 s
    ],
)
def test_recorded_replies(name: str, underruns: list[int]) -> None:
    """20 s each, as they came over a link of that rate (HTB, TCP beside other TCP); heard four times."""
    trace = json.loads((Path(__file__).parent / "traces" / f"{name}.json").read_text())
    jitter = JitterBuffer(START_MS)
    heard = [play(trace, jitter) for _ in underruns]
    assert [each.underruns for each in heard] == underruns


@given(
    st.floats(0, MOST_MS),
    st.lists(st.lists(st.tuples(st.floats(0, 5_000), st.floats(1, 2_000)), min_size=1), max_size=6),
)
def test_any_trace(start_ms: float, replies: Iterable[Trace]) -> None:
    """It stays within its bounds, loses nothing, and what is silent is no longer than what was waited for."""
    jitter = JitterBuffer(start_ms)
    for gaps in replies:
        now_ms, trace = 0.0, []
        for gap_ms, piece_ms in gaps:
            now_ms += gap_ms
            trace.append((now_ms, piece_ms))
        heard = play(trace, jitter)
        assert start_ms <= jitter.target_ms <= MOST_MS
        assert heard.underruns < len(trace)
        assert 0 <= heard.delay_ms + heard.silence_ms <= trace[-1][0] - trace[0][0] + 1e-6
        assert heard.underruns or not heard.silence_ms
