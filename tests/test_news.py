from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clonespeaker.errors import FAULTS, HINTS, CloneError, ClonespeakerError, DeviceError, MediaError
from clonespeaker.news import KEPT_TURNS, LEFT_ALONE_MOST_S, News
from clonespeaker.timeline import Timeline
from clonespeaker.turn import Outcome, State


class Told(list[dict[str, Any]]):
    def __call__(self, event: str, **fields: Any) -> None:
        self.append({"event": event, **fields})


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def news(told: Told) -> News:
    return News(told)


OFFLINE = CloneError("can't connect to https://api.example", fault="offline")


def test_a_fault_begins_and_ends(news: News, told: Told) -> None:
    news.begin_fault(OFFLINE)
    assert news.faults == {"offline": "can't connect to https://api.example"}
    news.end_fault("offline")
    assert news.faults == {}
    assert told == [
        {
            "event": "fault",
            "fault": "offline",
            "active": True,
            "message": FAULTS["offline"],
            "detail": "can't connect to https://api.example",
        },
        {"event": "fault", "fault": "offline", "active": False, "message": FAULTS["offline"], "detail": ""},
    ]


def test_the_same_again_is_not_told_again(news: News, told: Told) -> None:
    for _ in range(3):
        news.begin_fault(OFFLINE)
    assert len(told) == 1
    news.begin_fault(CloneError("can't find api.example", fault="offline"))
    assert [event["detail"] for event in told] == [str(OFFLINE), "can't find api.example"]
    news.end_fault("busy")
    assert len(told) == 2


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_words_for_people(news: News, told: Told, name: str) -> None:
    news.begin_fault(ClonespeakerError("what it is", fault=name))
    assert told[0]["message"].endswith(".")


def test_errors_without_a_name_have_one_all_the_same(news: News, told: Told) -> None:
    news.begin_fault(MediaError("no WAV"))
    news.begin_fault(DeviceError("button", "no pin"))
    assert {event["fault"] for event in told} <= set(FAULTS)


def test_an_answer_ends_what_was_the_clones(news: News) -> None:
    for name in FAULTS:
        news.begin_fault(ClonespeakerError("what it is", fault=name))
    news.end_faults_of_the_clone()
    assert set(news.faults) == {"no-microphone", "no-speaker", "button-stuck", "muted"} | HINTS
    news.end_hints()
    assert set(news.faults) == {"no-microphone", "no-speaker", "button-stuck", "muted"}


@pytest.mark.parametrize("over", [News.end_faults_of_the_clone, News.end_faults_that_passed])
def test_the_clone_is_left_alone_as_it_wants_until_it_answers(news: News, over: Callable[[News], None]) -> None:
    assert news.left_alone_s == 0
    news.begin_fault(CloneError("too many requests", fault="busy", retry_after_s=60))
    assert 30 < news.left_alone_s <= 60
    over(news)
    assert news.left_alone_s == 0
    news.begin_fault(CloneError("too many requests", fault="busy", retry_after_s=float("inf")))
    assert news.left_alone_s <= LEFT_ALONE_MOST_S


@pytest.mark.parametrize("name", sorted(HINTS))
def test_a_hint_is_no_trouble_with_the_clone(news: News, told: Told, name: str) -> None:
    news.begin_fault(ClonespeakerError("what it is", fault=name))
    assert not news.troubled.is_set()
    news.end_faults_that_passed()
    news.end_hints()
    news.end_hints()
    assert [(event["fault"], event["active"]) for event in told] == [(name, True), (name, False)]


def test_levels_while_they_matter(news: News, told: Told) -> None:
    loud = np.full(441, 32_767, np.int16)
    news.level("microphone", loud)
    assert told == []  # nobody listens
    news.stand(State.LISTENING, 1)
    news.level("speaker", loud)
    news.level("microphone", loud)
    news.level("microphone", loud)  # too soon
    assert told == [
        {"event": "state", "state": "listening", "turn": 1},
        {"event": "level", "source": "microphone", "dbfs": 0.0},
    ]


def test_a_turn_is_counted(news: News, told: Told, caplog: pytest.LogCaptureFixture) -> None:
    timeline = Timeline(retries=2, underruns=3, http_status=200)
    with caplog.at_level(logging.INFO):
        news.turn_over(1, Outcome.ANSWERED, None, timeline)
        news.turn_over(2, Outcome.FAILED, OFFLINE, Timeline(retries=1))
        news.turn_over(3, Outcome.FAILED, MediaError("no name"), Timeline())
    assert [(event["turn"], event["outcome"], event["fault"]) for event in told] == [
        (1, "answered", None),
        (2, "failed", "offline"),
        (3, "failed", None),
    ]
    assert told[0].items() >= timeline.told().items()
    assert timeline.outcome == "answered"
    assert news.tally.totals == {
        "turns": 3, "answered": 1, "tapped": 0, "cancelled": 0, "failed": 2, "underruns": 3, "retries": 3
    }  # fmt: skip
    assert caplog.messages[1] == f"turn 2 failed ({OFFLINE}): text, 1 retry"


def test_the_last_turns_are_kept_as_they_were_told(news: News, told: Told) -> None:
    for number in range(1, KEPT_TURNS + 6):
        news.turn_over(number, Outcome.ANSWERED, None, Timeline())
    assert [{"event": "turn", **each} for each in news.turns] == told[-KEPT_TURNS:]


def test_a_fault_is_counted_where_it_begins(news: News) -> None:
    for _ in range(2):
        news.begin_fault(OFFLINE)
        news.begin_fault(CloneError("can't find api.example", fault="offline"))  # it goes on, for another reason
        news.end_fault("offline")
    assert news.tally.faults == {**dict.fromkeys(FAULTS, 0), "offline": 2}


def test_the_start_follows_a_clock_that_is_put_right(news: News, monkeypatch: pytest.MonkeyPatch) -> None:
    assert news.started_at == pytest.approx(time.time(), abs=2)
    ahead = time.time() + 86_400  # a Pi has no clock of its own, and learns the time when the network is up
    monkeypatch.setattr(time, "time", lambda: ahead)
    assert news.started_at == pytest.approx(ahead, abs=2)
