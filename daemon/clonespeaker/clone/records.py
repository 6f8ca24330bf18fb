"""What the clone's other endpoints answer, read. As far as it is used here; everything else is passed over.

GET  /api/clone?slug=                {"clone": {"name", "description", "slug", "purpose", …}}
POST /api/conversation/new           {"new_conversation": {"conversation_id", "created_at", "messages": […]}}
                                     some deployments name it "new"; the first message is the greeting
GET  /api/conversation/history?id=   {"history": [{"text", "created_at", "sender": "CLONE"|"USER", "citations"}]}

One odd field costs that field alone: not the message that it stands in, nor the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from clonespeaker.clone.reply import Citation, read_as, read_citations

_NULL = msgspec.Raw(b"null")


class Message(msgspec.Struct, frozen=True):
    """A line of a conversation; `sender` is "CLONE" or "USER"."""

    text: str | None = None
    sender: str | None = None
    created_at: str | None = None
    citations: tuple[Citation, ...] | None = None


class Conversation(msgspec.Struct, frozen=True):
    """A conversation, just made."""

    conversation_id: str
    messages: list[Message] = []


class CloneProfile(msgspec.Struct, frozen=True):
    """Who the clone is."""

    name: str | None = None
    description: str | None = None
    slug: str | None = None
    purpose: str | None = None


class _Line(msgspec.Struct):
    text: msgspec.Raw = _NULL
    sender: msgspec.Raw = _NULL
    created_at: msgspec.Raw = _NULL
    citations: msgspec.Raw = _NULL


class _History(msgspec.Struct):
    history: list[msgspec.Raw]


class _Made(msgspec.Struct):
    conversation_id: str
    messages: msgspec.Raw = _NULL


class _NewConversation(msgspec.Struct):
    new_conversation: _Made | None = None
    new: _Made | None = None


class _Profile(msgspec.Struct):
    name: msgspec.Raw = _NULL
    description: msgspec.Raw = _NULL
    slug: msgspec.Raw = _NULL
    purpose: msgspec.Raw = _NULL


class _Clone(msgspec.Struct):
    clone: _Profile


def read_history(answer: bytes, *, newest: int | None = None) -> list[Message]:
    """A conversation's lines, oldest first; no more than so many. Raises what msgspec does where it is no history."""
    lines = msgspec.json.decode(answer, type=_History).history
    return _messages(lines if newest is None else lines[-newest:])


def read_new_conversation(answer: bytes) -> Conversation | None:
    """The new one, under either name; None where it is missing. Raises what msgspec does."""
    answered = msgspec.json.decode(answer, type=_NewConversation)
    made = answered.new_conversation or answered.new
    if made is None:
        return None
    return Conversation(made.conversation_id, _messages(read_as(list[msgspec.Raw], made.messages) or []))


def read_profile(answer: bytes) -> CloneProfile:
    """Who the clone is, as far as that can be read. Raises what msgspec does where it is no profile."""
    profile = msgspec.json.decode(answer, type=_Clone).clone
    return CloneProfile(
        name=read_as(str, profile.name),
        description=read_as(str, profile.description),
        slug=read_as(str, profile.slug),
        purpose=read_as(str, profile.purpose),
    )


def _messages(lines: Sequence[msgspec.Raw]) -> list[Message]:
    # Of unbounded length: what is beside the text is bounded, line by line.
    read = (read_as(_Line, line, most_bytes=None) for line in lines)
    return [
        Message(
            text=read_as(str, line.text),
            sender=read_as(str, line.sender),
            created_at=read_as(str, line.created_at),
            citations=None if line.citations == _NULL else read_citations(line.citations),
        )
        for line in read
        if line is not None
    ]
