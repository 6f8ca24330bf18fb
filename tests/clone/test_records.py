from __future__ import annotations

from typing import Any

import msgspec
import pytest

from clonespeaker.clone.records import Clone, CloneProfile, Conversation, History, Message, NewConversation
from clonespeaker.clone.reply import Citation

GREETING = {"text": "Hi", "created_at": "2025-01-01T00:00:00Z", "sender": "CLONE"}
GREETED = Message("Hi", "CLONE", "2025-01-01T00:00:00Z")
MADE = {"conversation_id": "0b0e", "created_at": "now", "messages": [GREETING], "more": 1}


@pytest.mark.parametrize(
    ("answer", "record"),
    [
        pytest.param(
            {"new_conversation": MADE, "conversation_type": "anonymous"},
            NewConversation(new_conversation=Conversation("0b0e", "now", [GREETED])),
            id="a new conversation",
        ),
        pytest.param(
            {"new": MADE}, NewConversation(new=Conversation("0b0e", "now", [GREETED])), id="under another name"
        ),
        pytest.param(
            {"new_conversation": {"conversation_id": "0b0e"}},
            NewConversation(new_conversation=Conversation("0b0e")),
            id="without a greeting",
        ),
        pytest.param(
            {"history": [GREETING, {"id": "1", "text": None, "sender": "USER", "citations": [{"url": "http://u"}]}]},
            History([GREETED, Message(None, "USER", None, [Citation("http://u")])]),
            id="history",
        ),
        pytest.param({"history": []}, History([]), id="an empty history"),
        pytest.param(
            {"clone": {"name": "Ada", "slug": "ada", "tags": ["x"], "phone": None, "purpose": None}},
            Clone(CloneProfile(name="Ada", slug="ada")),
            id="a profile",
        ),
    ],
)
def test_answers(answer: dict[str, Any], record: msgspec.Struct) -> None:
    assert msgspec.json.decode(msgspec.json.encode(answer), type=type(record)) == record


@pytest.mark.parametrize(
    ("answer", "record"),
    [({}, History), ({}, Clone), ({"new_conversation": {}}, NewConversation), ({"history": [{"text": 5}]}, History)],
)
def test_what_is_needed_is_missing(answer: dict[str, Any], record: type[msgspec.Struct]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(answer, record)


def test_the_history_names_web_addresses_alone_and_not_too_many() -> None:
    cited = [{"url": "javascript:alert(1)", "title": "T"}] * 5_000
    history = msgspec.convert({"history": [{"text": "Hi", "citations": cited}]}, History)
    assert history.history[0].citations == [Citation(None, "T")] * 100
