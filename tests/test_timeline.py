from __future__ import annotations

import time
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.timeline import STAGES, Timeline, in_words


def test_the_stages_are_those_of_the_protocol() -> None:
    words = "pressed first_frame connected released body_sent first_event first_audio first_sound last_audio drained"
    assert " ".join(STAGES) == words
    assert set(Timeline().told()) == {
        *STAGES, "utterance_ms", "reply_ms", "upload", "retries", "underruns", "overflows", "http_status", "outcome"
    }  # fmt: skip
    assert {field.name for field in fields(Timeline)} == set(Timeline().told())


def test_milliseconds_from_the_release() -> None:
    timeline = Timeline(
        pressed=98.0, first_frame=97.7, connected=98.0123, released=100.0, body_sent=100.0021, drained=105.5
    )
    told = timeline.told()
    assert {stage: told[stage] for stage in STAGES} == {
        "pressed": -2_000.0,
        "first_frame": -2_300.0,
        "connected": -1_987.7,
        "released": 0.0,
        "body_sent": 2.1,
        "first_event": None,
        "first_audio": None,
        "first_sound": None,
        "last_audio": None,
        "drained": 5_500.0,
    }


def test_without_a_release_there_are_no_times() -> None:
    told = Timeline(pressed=98.0, utterance_ms=12.345).told()
    assert all(told[stage] is None for stage in STAGES)
    assert told["utterance_ms"] == 12.3


def test_what_is_asked_without_a_button() -> None:
    timeline, before = Timeline(), time.monotonic()
    timeline.begin_without_button()
    assert timeline.pressed == timeline.released
    assert timeline.released is not None
    assert before <= timeline.released <= time.monotonic()


@given(st.floats(0, 1e6), st.floats(-1e3, 1e3))
def test_any_times(released: float, after: float) -> None:
    told = Timeline(released=released, drained=released + after).told()
    assert isinstance(told["drained"], float)
    assert abs(told["drained"] - after * 1_000) < 0.1


WHOLE = Timeline(
    released=10.0,
    body_sent=10.0021,
    first_event=10.3,
    first_sound=10.41,
    utterance_ms=3_210,
    reply_ms=4_500,
    upload="live",
)


@pytest.mark.parametrize(
    ("timeline", "words"),
    [
        (
            WHOLE,
            "3.2 s said (live), all sent 2 ms after the release, the clone answered after 300 ms, "
            "heard after 410 ms, 4.5 s played",
        ),
        (
            replace(WHOLE, first_event=9.9, first_sound=9.95),  # it needs no more to be said
            "3.2 s said (live), all sent 2 ms after the release, the clone answered 100 ms before the release, "
            "heard 50 ms before the release, 4.5 s played",
        ),
        (Timeline(utterance_ms=400, upload="exact"), "0.4 s said (exact)"),
        (Timeline(), "text"),
        (Timeline(retries=1, underruns=1, overflows=1), "text, 1 retry, 1 underrun, 1 overflow"),
        (Timeline(retries=2, underruns=3, overflows=4), "text, 2 retries, 3 underruns, 4 overflows"),
    ],
    ids=["whole", "answered early", "tapped", "text", "once", "more than once"],
)
def test_in_words(timeline: Timeline, words: str) -> None:
    assert in_words(timeline.told()) == words


def test_what_an_older_daemon_does_not_tell() -> None:
    told = {name: value for name, value in Timeline(retries=1).told().items() if name != "overflows"}
    assert in_words(told) == "text, 1 retry"
