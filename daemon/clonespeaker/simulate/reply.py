"""A reply as steps: the events that carry it, and what can go wrong between them.

The wire format (`clone-api.md`): each event is a line `data: ` with a JSON object, then an empty line. In text
mode the pieces hold `current_token`, in voice mode `audio_chunk`; in both `clone_response` is null until the final
event, which holds it complete, with `[DONE]` as its `current_token`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal

from clonespeaker.simulate.voice import Snippet

TOKEN_S = 0.08
"""What a paced clone takes for a word; about what a language model needs."""

DoneForm = Literal["event", "bare"]


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        data: an object, to be written as JSON, or text to be written as it stands.
        duration_s: how long what it carries lasts; a paced stream sends the next event so much later.
    """

    data: dict[str, Any] | str
    duration_s: float = 0.0

    def with_fields(self, **fields: Any) -> Event:
        """The same with these fields in its object, or just the same where its data are text."""
        return self if isinstance(self.data, str) else replace(self, data={**self.data, **fields})

    def encode(self) -> bytes:
        """The data alone, in UTF-8."""
        if isinstance(self.data, str):
            return self.data.encode()
        return json.dumps(self.data, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing happens for so long."""

    duration_s: float


class Break(Enum):
    """The connection goes away."""

    CUT = "closed before the end of the answer"
    RESET = "reset (RST)"


@dataclass(frozen=True, slots=True)
class After:
    """When so many more bytes are sent, or at the end where there are fewer, comes this: in the middle of an event."""

    left_bytes: int
    then: Wait | Break


@dataclass(frozen=True, slots=True)
class Drip:
    """From here on bytes go out a few at a time, and no quicker than this."""

    bytes_per_s: float


@dataclass(frozen=True, slots=True)
class Gzip:
    """From here on bytes go out compressed, each event whole."""


Step = Event | bytes | Wait | Break | After | Drip | Gzip
"""What a stream does next: send an event, send these very bytes, wait, break off, or send otherwise from here on."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a healthy clone sends.

    Attributes:
        pieces: the events of the reply in progress; none where it is not streamed.
        ending: the final event, and what else marks the end.
        streamed: as Server-Sent Events; False: one JSON object.
    """

    pieces: Sequence[Event]
    ending: Sequence[Event]
    streamed: bool = True

    def steps(self) -> Iterable[Step]:
        """All of it, in order."""
        return (*self.pieces, *self.ending)


def stream_text(text: str, response: dict[str, Any], done_form: DoneForm) -> Reply:
    """A text reply, word by word."""
    words = re.findall(r"\S+\s*", text)
    pieces = [Event({"current_token": word, "clone_response": None}, TOKEN_S) for word in words]
    return Reply(pieces, _ending(response, done_form))


def stream_voice(snippets: Sequence[Snippet], response: dict[str, Any], done_form: DoneForm) -> Reply:
    """A voice reply, snippet by snippet."""
    pieces = [
        Event({"audio_chunk": snippet.to_base64(), "clone_response": None}, snippet.duration_s) for snippet in snippets
    ]
    return Reply(pieces, _ending(response, done_form))


def whole(response: dict[str, Any]) -> Reply:
    """A reply that is not streamed: one JSON object."""
    return Reply([], [Event({"clone_response": response})], streamed=False)


def _ending(response: dict[str, Any], done_form: DoneForm) -> list[Event]:
    final = Event({"current_token": "[DONE]", "clone_response": response})
    return [final] if done_form == "event" else [final, Event("[DONE]")]
