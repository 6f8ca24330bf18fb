from __future__ import annotations

from typing import Any

import msgspec
import pytest

from clonespeaker.clone.records import (
    CloneProfile,
    Conversation,
    Message,
    read_history,
    read_new_conversation,
    read_profile,
)
from clonespeaker.clone.reply import Citation

GREETING = {"text": "Hi", "created_at": "2025-01-01T00:00:00Z", "sender": "CLONE"}
GREETED = Message("Hi", "CLONE", "2025-01-01T00:00:00Z")
MADE = {"conversation_id": "0b0e", "created_at": "now", "messages": [GREETING], "more": 1}


@pytest.mark.parametrize(
    ("read", "answer", "record"),
    [
        pytest.param(
            read_new_conversation,
            {"new_conversation": MADE, "conversation_type": "anonymous"},
            Conversation("0b0e", [GREETED]),
            id="a new conversation",
        ),
        pytest.param(read_new_conversation, {"new": MADE}, Conversation("0b0e", [GREETED]), id="under another name"),
        pytest.param(
            read_new_conversation,
            {"new_conversation": {"conversation_id": "0b0e"}},
            Conversation("0b0e"),
            id="without a greeting",
        ),
        pytest.param(
            read_new_conversation,
            {"new": {"conversation_id": "0b0e", "created_at": 3, "messages": [7, GREETING]}},
            Conversation("0b0e", [GREETED]),
            id="with something odd beside the greeting",
        ),
        pytest.param(read_new_conversation, {}, None, id="without saying which"),
        pytest.param(
            read_history,
            {"history": [GREETING, {"id": "1", "text": None, "sender": "USER", "citations": [{"url": "http://u"}]}]},
            [GREETED, Message(None, "USER", None, (Citation("http://u"),))],
            id="history",
        ),
        pytest.param(read_history, {"history": []}, [], id="an empty history"),
        pytest.param(
            read_profile,
            {"clone": {"name": "Ada", "slug": "ada", "tags": ["x"], "phone": None, "purpose": None}},
            CloneProfile(name="Ada", slug="ada"),
            id="a profile",
        ),
        pytest.param(
            read_profile,
            {"clone": {"name": "Ada", "description": ["x"], "slug": 3}},
            CloneProfile(name="Ada"),
            id="an odd profile",
        ),
    ],
)
def test_answers(read: Any, answer: dict[str, Any], record: object) -> None:
    assert read(msgspec.json.encode(answer)) == record


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        (read_history, {}),
        (read_history, {"history": "Hi"}),
        (read_profile, {}),
        (read_new_conversation, {"new_conversation": {}}),
    ],
)
def test_what_is_needed_is_missing(read: Any, answer: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(msgspec.json.encode(answer))


@pytest.mark.parametrize(
    ("odd", "read"),
    [
        ({"created_at": 1735689600}, {"created_at": None}),
        ({"text": 5}, {"text": None}),
        ({"sender": ["CLONE"]}, {"sender": None}),
        ({"citations": ["http://u", {"title": 3}, {"title": "T"}]}, {"citations": (Citation(None, "T"),)}),
        ({"citations": "http://u"}, {"citations": ()}),
    ],
)
def test_something_odd_costs_itself_alone(odd: dict[str, Any], read: dict[str, Any]) -> None:
    answer = {"history": [GREETING, {**GREETING, **odd}, "a line", None, GREETING]}
    expected = [GREETED, msgspec.structs.replace(GREETED, **read), GREETED]
    assert read_history(msgspec.json.encode(answer)) == expected


def test_the_newest_of_a_history() -> None:
    answer = msgspec.json.encode({"history": [{"text": str(number)} for number in range(9)]})
    assert [message.text for message in read_history(answer, newest=2)] == ["7", "8"]


def test_the_history_names_web_addresses_alone_and_not_too_many() -> None:
    cited = [{"url": "javascript:alert(1)", "title": "T"}] * 5_000
    history = read_history(msgspec.json.encode({"history": [{"text": "Hi", "citations": cited}]}))
    assert history[0].citations == (Citation(None, "T"),) * 100
