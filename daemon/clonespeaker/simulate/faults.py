"""How the simulated clone misbehaves: `FAULTS`, a table of names.

Each fault acts at one point of a generate request, in this order:

- `headers`: the request's headers have come, its body has not been read;
- `body`: the whole body has come, and the clone has taken no notice of it;
- `heard`: the request was right, and the user's message is in the history;
- `answered`: the clone's answer is in the history too;
- `reply`: the reply is being sent, and is spoilt on its way.

Up to `answered`, something else comes instead of the reply: an answer of another kind, a break, or (`Wait`) just
nothing for a while before all goes on. To add a fault is to add a line.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from clonespeaker.simulate.reply import Break, Event, Reply, Step, Wait

Point = Literal["headers", "body", "heard", "answered", "reply"]
Spoil = Callable[[Reply], Iterable[Step]]

_FOREVER_S = 86_400.0  # nobody waits for a day
_SLOW_S = 120.0
_PING_EVERY_S = 0.05

PREREQUISITES = "the clone needs a purpose, a description and at least one document before it can answer"
"""What a clone says that lacks them, with a 403."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that is no reply."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave.

    Attributes:
        what: what a client sees, in a few words.
        at: the point where it acts.
        instead: what comes in the reply's place; None at `reply`.
        spoil: the reply → what is sent of it; None elsewhere.
        live_only: it befalls only requests without Content-Length.
    """

    what: str
    at: Point
    instead: Answer | Break | Wait | None = None
    spoil: Spoil | None = None
    live_only: bool = False


def detail(status: int, words: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error as the API words it."""
    return Answer(status, json.dumps({"detail": words}).encode(), headers=headers or {})


def _status(at: Point, status: int, words: str, headers: Mapping[str, str] | None = None) -> Fault:
    return Fault(f"{status}: {words}", at, detail(status, words, headers))


def _first_half(reply: Reply) -> Sequence[Step]:
    return reply.pieces[: len(reply.pieces) // 2]


def _cut(reply: Reply) -> Iterable[Step]:
    return (*_first_half(reply), Break.CUT)


def _stall(reply: Reply) -> Iterable[Step]:
    return (*_first_half(reply), Wait(_FOREVER_S))


def _end_early(reply: Reply) -> Iterable[Step]:
    return reply.pieces


def _no_done(reply: Reply) -> Iterable[Step]:
    return (*reply.pieces, reply.ending[0].with_fields(current_token=None))


def _duplicate_final(reply: Reply) -> Iterable[Step]:
    return (*reply.pieces, *reply.ending, *reply.ending)


def _malformed(reply: Reply) -> Iterator[Step]:
    for piece in reply.pieces:
        yield Event('{"audio_chunk": "AAAA", "clone_resp')
        yield piece
    yield from reply.ending


def _bad_base64(reply: Reply) -> Iterator[Step]:
    for nth, piece in enumerate(reply.pieces):
        yield piece.with_fields(audio_chunk="*** not base64 ***") if nth % 2 else piece
    yield from reply.ending


def _random_events(_reply: Reply) -> Iterator[Step]:
    bytes_of = random.Random(0).randbytes
    for _ in range(500):
        yield b"data: " + bytes_of(64) + b"\n\n"


def _pings_only(_reply: Reply) -> Iterator[Step]:
    while True:
        yield b": ping\n\n"
        yield Wait(_PING_EVERY_S)


FAULTS: Mapping[str, Fault] = {
    "refuse-live": Fault(
        "411 to a request without Content-Length, before its body is read",
        "headers",
        detail(411, "Length Required"),
        live_only=True,
    ),
    "reset-live": Fault(
        "a request without Content-Length is reset, unanswered", "headers", Break.RESET, live_only=True
    ),
    "status-400": _status("body", 400, "the body is not valid JSON"),
    "status-401": _status("headers", 401, "Invalid API key"),
    "status-403": _status("headers", 403, "This API key is not active"),
    "status-403-prerequisites": _status("body", 403, PREREQUISITES),
    "status-404": _status("body", 404, "Conversation not found"),
    "status-409": _status("body", 409, "Another reply of this conversation is in progress"),
    "status-413": _status("headers", 413, "Request Entity Too Large"),
    "status-422": _status("body", 422, "voice_input_stream: the WAV is no good"),
    "status-429": _status("headers", 429, "Rate limit exceeded", {"Retry-After": "1"}),
    "status-500": _status("body", 500, "Internal Server Error"),
    "status-503": _status("headers", 503, "Service Unavailable"),
    "server-error-html": Fault(
        "500 with a page of HTML",
        "body",
        Answer(500, b"<html><body><h1>500 Internal Server Error</h1></body></html>", "text/html"),
    ),
    "reset": Fault("the connection is reset when the body has come", "body", Break.RESET),
    "reset-heard": Fault("a reset when the user's message is in the history", "heard", Break.RESET),
    "reset-answered": Fault("a reset when message and answer are in the history", "answered", Break.RESET),
    "slow-headers": Fault(f"no answer for {_SLOW_S:.0f} s, then the reply", "body", Wait(_SLOW_S)),
    "cut": Fault("the connection closes after half of the reply", "reply", spoil=_cut),
    "stall": Fault("silence after half of the reply, for ever", "reply", spoil=_stall),
    "end-early": Fault("the stream ends well, but without the final event", "reply", spoil=_end_early),
    "no-done": Fault("the final event lacks its [DONE]", "reply", spoil=_no_done),
    "duplicate-final": Fault("the final event comes twice", "reply", spoil=_duplicate_final),
    "malformed": Fault("an event of broken JSON before each good one", "reply", spoil=_malformed),
    "bad-base64": Fault("every other snippet is no base64", "reply", spoil=_bad_base64),
    "random-events": Fault("500 events of random bytes, and nothing else", "reply", spoil=_random_events),
    "pings-only": Fault("comment lines for ever", "reply", spoil=_pings_only),
}
"""Name → fault."""


class FaultSwitch:
    """Which fault is in force, and for how many requests yet.

    Attributes:
        name: in `FAULTS`, or None.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self._left = math.inf

    def choose(self, name: str | None, times: float = math.inf) -> None:
        """Put a fault in force for so many of the requests that it applies to; None: all is well again."""
        if name is not None and name not in FAULTS:
            raise ValueError(f'there is no fault "{name}"; there are {", ".join(FAULTS)}')
        self.name, self._left = name, times

    def take(self, *, live: bool) -> Fault | None:
        """The fault that befalls this request, if any."""
        if self.name is None or (FAULTS[self.name].live_only and not live):
            return None
        fault = FAULTS[self.name]
        self._left -= 1
        if self._left <= 0:
            self.name = None
        return fault
