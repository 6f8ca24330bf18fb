from __future__ import annotations

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker import timeline
from clonespeaker.tally import LENGTHS_S, STAGES, TIMES_S, Histogram, Tally
from clonespeaker.timeline import Timeline
from clonespeaker.turn import Outcome


def spread(histogram: Histogram) -> dict[float, int]:
    """Values by the smallest bound that holds them."""
    counts = [0, *(count for _, count in histogram.up_to())]
    return {bound: after - before for (bound, _), (before, after) in
            zip(histogram.up_to(), pairwise(counts), strict=True) if after > before}  # fmt: skip


def tally_of(**times: float | int | str | Outcome | None) -> Tally:
    tally = Tally()
    tally.count(Timeline(**{"outcome": Outcome.ANSWERED, **times}).told())  # type: ignore[arg-type]
    return tally


@pytest.mark.parametrize("bounds", [TIMES_S, LENGTHS_S])
def test_buckets_grow(bounds: tuple[float, ...]) -> None:
    assert all(smaller < larger for smaller, larger in pairwise((0.0, *bounds)))


def test_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram([1, 2])
    for value in (0, 1, 1.001, 2, 2.001, 50):
        histogram.add(value)
    assert histogram.up_to() == [(1, 2), (2, 4), (inf, 6)]
    assert histogram.sum == pytest.approx(56.002)


@given(st.lists(st.floats(-10, 1_000)))
def test_any_values(values: list[float]) -> None:
    histogram = Histogram(TIMES_S)
    for value in values:
        before = histogram.sum
        histogram.add(value)
        assert histogram.sum >= before
    for bound, count in histogram.up_to():
        assert count == sum(value <= bound for value in values)


def test_stages_are_the_timelines() -> None:
    assert set(STAGES) <= set(timeline.STAGES)


def test_a_turn() -> None:
    tally = tally_of(
        pressed=8.0, connected=8.04, released=10.0, body_sent=10.004, first_event=10.29, first_audio=10.29,
        first_sound=10.34, drained=13.0, utterance_ms=2_300, reply_ms=2_600, upload="live", retries=1, underruns=2,
    )  # fmt: skip
    assert {stage: spread(histogram) for stage, histogram in tally.stages_s.items()} == {
        "body_sent": {0.005: 1}, "first_event": {0.3: 1}, "first_audio": {0.3: 1}, "first_sound": {0.5: 1},
        "drained": {3.0: 1},
    }  # fmt: skip
    assert tally.stages_s["first_sound"].sum == pytest.approx(0.34)
    assert spread(tally.connect_s) == {0.05: 1}
    assert spread(tally.playout_delay_s) == {0.05: 1}
    assert spread(tally.utterances_s) == {5.0: 1}
    assert tally.utterances_s.sum == pytest.approx(2.3)
    assert spread(tally.replies_s) == {5.0: 1}
    assert tally.uploads == {"live": 1, "exact": 0}
    assert tally.totals == {
        "turns": 1, "answered": 1, "tapped": 0, "cancelled": 0, "failed": 0, "underruns": 2, "retries": 1
    }  # fmt: skip


def test_a_tap_is_a_turn_and_nothing_else() -> None:
    tally = tally_of(outcome=Outcome.TAPPED, pressed=8.0, connected=8.0, utterance_ms=120, upload="live")
    assert tally.turns["tapped"] == 1
    assert tally.uploads == {"live": 0, "exact": 0}
    assert not any(map(spread, (tally.utterances_s, tally.replies_s, tally.connect_s, *tally.stages_s.values())))


def test_what_never_went_out_whole_is_no_upload() -> None:
    tally = tally_of(outcome=Outcome.FAILED, pressed=8.0, released=9.0, utterance_ms=1_300, upload="live")
    assert spread(tally.utterances_s) == {2.0: 1}
    assert tally.uploads == {"live": 0, "exact": 0}


def test_what_came_before_the_release_took_no_time() -> None:
    tally = tally_of(pressed=8.0, released=10.0, first_event=9.0, first_sound=10.0)
    assert spread(tally.stages_s["first_event"]) == {0.001: 1}
    assert tally.stages_s["first_event"].sum == 0


def test_text_has_no_length() -> None:
    tally = tally_of(pressed=8.0, released=8.0, body_sent=8.01, first_event=8.3)
    assert spread(tally.stages_s["body_sent"]) == {0.01: 1}
    assert not spread(tally.utterances_s)
    assert tally.uploads == {"live": 0, "exact": 0}
