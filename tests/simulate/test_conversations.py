from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clonespeaker.simulate.conversations import Conversations, Message
from clonespeaker.simulate.request import Refusal


def test_a_conversation_begins_with_the_greeting() -> None:
    memory = Conversations()
    conversation = memory.begin("Hello!", "")
    assert [(each.sender, each.text) for each in conversation.messages] == [("CLONE", "Hello!")]
    assert memory.find("id", conversation.id.upper()) is conversation
    assert datetime.fromisoformat(conversation.created_at).tzinfo == UTC


def test_the_title_is_the_users_first_words() -> None:
    conversation = Conversations().begin("Hello!", "")
    assert conversation.title == "New conversation"
    conversation.messages.append(Message("USER", "Who are you?"))
    conversation.messages.append(Message("USER", "Well?"))
    assert conversation.title == "Who are you?"


def test_conversations_are_found_by_email() -> None:
    memory = Conversations()
    nobodys, hers = memory.begin("Hello!", ""), memory.begin("Hello!", "ada@example.org")
    assert memory.of("") == [nobodys, hers]
    assert memory.of("ada@example.org") == [hers]
    assert memory.of("bob@example.org") == []


@pytest.mark.parametrize(
    ("conversation_id", "status"), [("my-chat", 422), ("5f0c1a34-6a1e-4d0b-9d2c-0c10e5bea4e4", 404)]
)
def test_unknown_conversations(conversation_id: str, status: int) -> None:
    with pytest.raises(Refusal) as caught:
        Conversations().find("id", conversation_id)
    assert caught.value.status == status
