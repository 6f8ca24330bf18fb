"""The quick endpoints: everything of `clone-api.md` but the reply itself. Nothing here knows of HTTP.

Each takes the clone's settings and memory, the request's parameters (of query and path) and its body's fields,
and returns the object to be answered, or raises `Refusal`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clonespeaker.simulate.behaviour import Behaviour
from clonespeaker.simulate.conversations import Conversation, Conversations, Message
from clonespeaker.simulate.request import Refusal, check_new_conversation, check_new_conversation_v3

Params = Mapping[str, str]
Fields = Mapping[str, Any]
Endpoint = Callable[[Behaviour, Conversations, Params, Fields], dict[str, Any]]


def new_conversation(clone: Behaviour, memory: Conversations, _params: Params, fields: Fields) -> dict[str, Any]:
    """`POST /api/conversation/new`."""
    slug, email = check_new_conversation(fields)
    _require_slug(clone, slug)
    conversation = memory.begin(clone.greeting, email)
    (greeting,) = conversation.messages
    return {
        clone.new_field: {
            "conversation_id": conversation.id,
            "created_at": conversation.created_at,
            "messages": [{"text": greeting.text, "created_at": greeting.created_at, "sender": greeting.sender}],
        },
        "conversation_type": "personalized" if email else "anonymous",
    }


def history(_clone: Behaviour, memory: Conversations, params: Params, _fields: Fields) -> dict[str, Any]:
    """`GET /api/conversation/history`."""
    return {"history": _messages(memory.find("id", _required(params, "id")), params)}


def listing(clone: Behaviour, memory: Conversations, params: Params, _fields: Fields) -> dict[str, Any]:
    """`GET /api/conversation/list`."""
    _require_slug(clone, _required(params, "slug"))
    return {
        "conversations": [
            {"id": each.id, "title": each.title, "created_at": each.created_at}
            for each in memory.of(params.get("email", ""))
        ]
    }


def clone_card(clone: Behaviour, _memory: Conversations, params: Params, _fields: Fields) -> dict[str, Any]:
    """`GET /api/clone`."""
    _require_slug(clone, _required(params, "slug"))
    return {
        "clone": {
            "name": clone.name,
            "description": _DESCRIPTION,
            "tags": _TAGS,
            "purpose": _PURPOSE,
            "phone": None,
            "slug": clone.slug,
            "personality": "patient",
        }
    }


def clone_card_v3(clone: Behaviour, _memory: Conversations, _params: Params, _fields: Fields) -> dict[str, Any]:
    """`GET /v3/clone`."""
    return {
        "clone": {
            "id": _CLONE_ID,
            "name": clone.name,
            "slug": clone.slug,
            "description": _DESCRIPTION,
            "headline": _DESCRIPTION,
            "purpose": _PURPOSE,
            "tags": _TAGS,
            "imageUrl": None,
            "initial_message": clone.greeting,
        }
    }


def new_conversation_v3(clone: Behaviour, memory: Conversations, _params: Params, fields: Fields) -> dict[str, Any]:
    """`POST /v3/conversation`."""
    conversation = memory.begin(clone.greeting, check_new_conversation_v3(fields))
    return {
        "conversation_id": conversation.id,
        "created_at": conversation.created_at,
        "initial_message": clone.greeting,
    }


def history_v3(_clone: Behaviour, memory: Conversations, params: Params, _fields: Fields) -> dict[str, Any]:
    """`GET /v3/conversation/{id}/history`."""
    return {"messages": _messages(memory.find("id", params["id"]), params)}


ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("POST", "/api/conversation/new"): new_conversation,
    ("GET", "/api/conversation/history"): history,
    ("GET", "/api/conversation/list"): listing,
    ("GET", "/api/clone"): clone_card,
    ("GET", "/v3/clone"): clone_card_v3,
    ("POST", "/v3/conversation"): new_conversation_v3,
    ("GET", "/v3/conversation/{id}/history"): history_v3,
}
"""Method and path → endpoint."""

_CLONE_ID = "5f0c1a34-6a1e-4d0b-9d2c-0c10e5bea4e4"
_DESCRIPTION = "Answers like the real one, but runs on this machine"
_PURPOSE = "To be talked with where there is no key and no network"
_TAGS = ["simulated"]


def _messages(conversation: Conversation, params: Params) -> list[dict[str, Any]]:
    asked = params.get("include_citations", "false")
    if asked not in ("true", "false"):
        raise Refusal(422, f'include_citations: must be true or false, not "{asked}"')
    return [_message(each, include_citations=asked == "true") for each in conversation.messages]


def _message(message: Message, *, include_citations: bool) -> dict[str, Any]:
    return {
        "id": message.id,
        "text": message.text,
        "created_at": message.created_at,
        "sender": message.sender,
        "citations": list(message.citations) if include_citations else [],
    }


def _required(params: Params, name: str) -> str:
    if not params.get(name):
        raise Refusal(422, f"{name}: query parameter required")
    return params[name]


def _require_slug(clone: Behaviour, slug: str) -> None:
    if slug != clone.slug:
        raise Refusal(404, f'There is no clone "{slug}"')
