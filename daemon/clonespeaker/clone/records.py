"""What the clone's other endpoints answer, typed. As far as it is used here; everything else is passed over.

GET  /api/clone?slug=                {"clone": {"name", "description", "slug", "purpose", …}}
POST /api/conversation/new           {"new_conversation": {"conversation_id", "created_at", "messages": […]}}
                                     some deployments name it "new"; the first message is the greeting
GET  /api/conversation/history?id=   {"history": [{"text", "created_at", "sender": "CLONE"|"USER", "citations"}]}
"""

from __future__ import annotations

import msgspec

from clonespeaker.clone.reply import MOST_CITATIONS, Citation


class Message(msgspec.Struct, frozen=True):
    """A line of a conversation; `sender` is "CLONE" or "USER"."""

    text: str | None = None
    sender: str | None = None
    created_at: str | None = None
    citations: list[Citation] | None = None

    def __post_init__(self) -> None:
        if self.citations is not None:
            del self.citations[MOST_CITATIONS:]


class Conversation(msgspec.Struct, frozen=True):
    """A conversation, just made."""

    conversation_id: str
    created_at: str | None = None
    messages: list[Message] | None = None


class CloneProfile(msgspec.Struct, frozen=True):
    """Who the clone is."""

    name: str | None = None
    description: str | None = None
    slug: str | None = None
    purpose: str | None = None


class NewConversation(msgspec.Struct, frozen=True):
    """The answer that holds a new conversation, under either name."""

    new_conversation: Conversation | None = None
    new: Conversation | None = None


class History(msgspec.Struct, frozen=True):
    """The answer that holds a conversation's lines, oldest first."""

    history: list[Message]


class Clone(msgspec.Struct, frozen=True):
    """The answer that holds a profile."""

    clone: CloneProfile
