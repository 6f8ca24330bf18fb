"""What the simulated clone remembers: its conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from clonespeaker.simulate.request import Refusal, check_uuid

Sender = Literal["USER", "CLONE"]


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _new_id() -> str:
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Message:
    """What one of the two said."""

    sender: Sender
    text: str
    citations: Sequence[dict[str, str]] = ()
    id: str = field(default_factory=_new_id)
    created_at: str = field(default_factory=_now)


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, oldest first; `email` is "" where nobody in particular speaks."""

    email: str
    messages: list[Message]
    id: str = field(default_factory=_new_id)
    created_at: str = field(default_factory=_now)

    @property
    def title(self) -> str:
        """The user's first words, as lists show them."""
        return next((message.text for message in self.messages if message.sender == "USER"), "New conversation")


class Conversations:
    """All of them, in the order they began."""

    def __init__(self) -> None:
        self._by_id: dict[str, Conversation] = {}

    def begin(self, greeting: str, email: str) -> Conversation:
        """A new one; the clone speaks first."""
        conversation = Conversation(email, [Message("CLONE", greeting)])
        self._by_id[conversation.id] = conversation
        return conversation

    def find(self, name: str, conversation_id: str) -> Conversation:
        """The one with this id; `name` is what the request calls the id.

        Raises:
            Refusal: 422 where it is no uuid, 404 where there is no such conversation.
        """
        canonical = check_uuid(name, conversation_id)
        if canonical not in self._by_id:
            raise Refusal(404, "Conversation not found")
        return self._by_id[canonical]

    def of(self, email: str) -> list[Conversation]:
        """A user's, or everybody's where `email` is ""."""
        return [each for each in self._by_id.values() if email in ("", each.email)]
