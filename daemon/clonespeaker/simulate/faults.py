"""How the simulated clone misbehaves: `FAULTS`, a table of names.

Each fault acts at one point of a generate request, in this order:

- `connect`: before any connection; requests of every kind are befallen, for a while;
- `headers`: the request's headers have come, its body has not been read;
- `upload`: so many bytes of the body have come, or all of a shorter one;
- `body`: the whole body has come, and the clone has taken no notice of it;
- `heard`: the request was right, and the user's message is in the history;
- `answered`: the clone's answer is in the history too;
- `reply`: the reply is being sent, and is spoilt on its way.

Up to `answered`, something else comes instead of the reply: an answer of another kind, a break, or (`Wait`) just
nothing for a while before all goes on. Some faults take a number: how many bytes, events or seconds. It is written
behind the name, `cut-after=3`, wherever faults are named. To add a fault is to add a line.
"""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from clonespeaker.simulate import damage
from clonespeaker.simulate.damage import Spoil
from clonespeaker.simulate.pages import (
    CLOUDFLARE_WORDS,
    LOGIN_PAGE,
    NGINX_WORDS,
    cloudflare_page,
    nginx_page,
)
from clonespeaker.simulate.reply import Break, Reply, Step, Wait

Point = Literal["connect", "headers", "upload", "body", "heard", "answered", "reply"]

_FOREVER_S = 86_400.0  # nobody waits for a day
_UNREAD_S = 600.0  # not for ever: where nothing is read, nobody notices that the client has gone

PREREQUISITES = "the clone needs a purpose, a description and at least one document before it can answer"
"""What a clone says that lacks them, with a 403."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that is no reply."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Instead = Answer | Break | Wait


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave.

    Attributes:
        what: what a client sees, in a few words.
        point: where it acts.
        instead: what comes in the reply's place, or the number → that; None at `connect` and `reply`.
        spoil: the reply and the number → what is sent of it; None elsewhere.
        headers: what the reply's headers say instead.
        live_only: it befalls only requests without Content-Length.
        unit: what its number counts, or "" where it takes none.
        at: the number, where none is told.
    """

    what: str
    point: Point
    instead: Instead | Callable[[float], Instead] | None = None
    spoil: Spoil | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    live_only: bool = False
    unit: Literal["", "bytes", "events", "seconds", "bytes/s"] = ""
    at: float | None = None

    def effect(self) -> Instead | None:
        """What comes in the reply's place, now."""
        return self.instead(self.at or 0) if callable(self.instead) else self.instead

    def steps(self, reply: Reply) -> Iterable[Step]:
        """What is sent of a reply."""
        return reply.steps() if self.spoil is None else self.spoil(reply, self.at)


def detail(status: int, words: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error as the API words it."""
    return Answer(status, json.dumps({"detail": words}).encode(), headers=headers or {})


def _status(point: Point, status: int, words: str, headers: Mapping[str, str] | None = None) -> Fault:
    return Fault(f"{status}: {words}", point, detail(status, words, headers))


def _nginx(point: Point, status: int) -> Fault:
    page = Answer(status, nginx_page(status), "text/html")
    return Fault(f"{status} with a proxy's page of HTML ({NGINX_WORDS[status]})", point, page)


def _cloudflare(status: int, headers: Mapping[str, str] | None = None) -> Fault:
    page = Answer(status, cloudflare_page(status), "text/html", headers or {})
    return Fault(f"{status} with a CDN's page of HTML ({CLOUDFLARE_WORDS[status][1]})", "headers", page)


def _rate_limited(retry_after_s: float) -> Answer:
    return detail(429, "Rate limit exceeded", {"Retry-After": f"{retry_after_s:.0f}"})


def _rate_limited_until(retry_after_s: float) -> Answer:
    # Rounded up, for dates have no fractions of seconds.
    date = email.utils.formatdate(math.ceil(time.time() + retry_after_s), usegmt=True)
    return detail(429, "Rate limit exceeded", {"Retry-After": date})


def _redirect(where: str) -> Answer:
    return Answer(307, b"", headers={"Location": where})


FAULTS: Mapping[str, Fault] = {
    "refuse": Fault(
        "connections are refused for SECONDS (5), then all is well again; what is under way goes on",
        "connect",
        unit="seconds",
        at=5,
    ),
    "refuse-live": Fault(
        "411 to a request without Content-Length, before its body is read",
        "headers",
        detail(411, "Length Required"),
        live_only=True,
    ),
    "reset-live": Fault(
        "a request without Content-Length is reset, unanswered", "headers", Break.RESET, live_only=True
    ),
    "reset-at-byte": Fault(
        "a reset when BYTES (20,000) of the body have come, or a shorter one whole",
        "upload",
        Break.RESET,
        unit="bytes",
        at=20_000,
    ),
    "stall-at-byte": Fault(
        "nothing is read beyond BYTES (20,000) of the body, or answered to a shorter one, for 10 minutes",
        "upload",
        Wait(_UNREAD_S),
        unit="bytes",
        at=20_000,
    ),
    "status-400": _status("body", 400, "the body is not valid JSON"),
    "status-401": _status("headers", 401, "Invalid API key"),
    "status-403": _status("headers", 403, "This API key is not active"),
    "status-403-html": _cloudflare(403),
    "status-403-prerequisites": _status("body", 403, PREREQUISITES),
    "status-404": _status("body", 404, "Conversation not found"),
    "status-409": _status("body", 409, "Another reply of this conversation is in progress"),
    "status-413": _status("headers", 413, "Request Entity Too Large"),
    "status-413-html": _nginx("headers", 413),
    "status-415": _status("headers", 415, "Content-Type must be application/json"),
    "status-422": _status("body", 422, "voice_input_stream: the WAV is no good"),
    "status-429": Fault(
        "429: Rate limit exceeded; come back in SECONDS (1)", "headers", _rate_limited, unit="seconds", at=1
    ),
    "status-429-long": Fault("429: the same; SECONDS (60)", "headers", _rate_limited, unit="seconds", at=60),
    "status-429-date": Fault(
        "429: the same; Retry-After is a date, SECONDS (60) from now",
        "headers",
        _rate_limited_until,
        unit="seconds",
        at=60,
    ),
    "status-429-html": _cloudflare(429, {"Retry-After": "60"}),
    "status-500": _status("body", 500, "Internal Server Error"),
    "status-500-html": _nginx("body", 500),
    "status-502": _status("headers", 502, "Bad Gateway"),
    "status-502-html": _nginx("headers", 502),
    "status-503": _status("headers", 503, "Service Unavailable"),
    "status-503-html": _nginx("headers", 503),
    "status-504": _status("body", 504, "Gateway Timeout"),
    "status-504-html": _nginx("body", 504),
    "server-error-html": Fault(
        "500 with a bare page of HTML",
        "body",
        Answer(500, b"<html><body><h1>500 Internal Server Error</h1></body></html>", "text/html"),
    ),
    "redirect": Fault(
        "307 to another host, https://elsewhere.invalid/", "headers", _redirect("https://elsewhere.invalid/")
    ),
    "redirect-here": Fault("307 to another path of this host, /moved", "headers", _redirect("/moved")),
    "wrong-content-type": Fault(
        "200 with a page of HTML to log in with, as a captive portal has", "body", Answer(200, LOGIN_PAGE, "text/html")
    ),
    "reset": Fault("the connection is reset when the body has come", "body", Break.RESET),
    "reset-heard": Fault("a reset when the user's message is in the history", "heard", Break.RESET),
    "reset-answered": Fault("a reset when message and answer are in the history", "answered", Break.RESET),
    "slow-headers": Fault("no answer for SECONDS (120), then the reply", "body", Wait, unit="seconds", at=120),
    "cut": Fault(
        "the connection closes after half of the reply, or BYTES of it",
        "reply",
        spoil=damage.then(Break.CUT),
        unit="bytes",
    ),
    "cut-after": Fault(
        "the connection closes after EVENTS (3) of the reply", "reply", spoil=damage.cut_after, unit="events", at=3
    ),
    "reset-reply": Fault(
        "a reset after half of the reply, or BYTES of it", "reply", spoil=damage.then(Break.RESET), unit="bytes"
    ),
    "stall": Fault(
        "silence after half of the reply, or BYTES of it, for ever",
        "reply",
        spoil=damage.then(Wait(_FOREVER_S)),
        unit="bytes",
    ),
    "slow-drip": Fault(
        "the reply comes a few bytes at a time, BYTES/S (20,000: slower than it sounds)",
        "reply",
        spoil=damage.drip,
        unit="bytes/s",
        at=20_000,
    ),
    "end-early": Fault("the stream ends well, but without the final event", "reply", spoil=damage.end_early),
    "no-done": Fault("the final event lacks its [DONE]", "reply", spoil=damage.leave_no_done),
    "duplicate-final": Fault("the final event comes twice", "reply", spoil=damage.end_twice),
    "endless-stream": Fault("the reply's snippets over and over, for ever", "reply", spoil=damage.never_end),
    "endless-line": Fault("one event that never ends, as quick as it is read", "reply", spoil=damage.never_end_a_line),
    "malformed": Fault("an event of broken JSON before each good one", "reply", spoil=damage.break_json),
    "bad-base64": Fault("every other snippet is no base64", "reply", spoil=damage.break_base64),
    "wrong-wav": Fault(
        "every other snippet is a WAV that can't be: 3 bits, 4 GHz, a format cut short, no channel",
        "reply",
        spoil=damage.break_wav,
    ),
    "random-events": Fault("500 events of random bytes, and nothing else", "reply", spoil=damage.send_noise),
    "pings-only": Fault("comment lines for ever", "reply", spoil=damage.ping_only),
    "gzip": Fault(
        "the reply is compressed, event by event, whatever the client accepts",
        "reply",
        spoil=damage.compress,
        headers={"Content-Encoding": "gzip"},
    ),
    "bad-gzip": Fault(
        "the reply says that it is compressed, and is not", "reply", headers={"Content-Encoding": "gzip"}
    ),
    "sse-as-json": Fault(
        "the stream is called application/json", "reply", headers={"Content-Type": "application/json"}
    ),
    "json-as-sse": Fault(
        "the reply is one JSON object, and is called text/event-stream",
        "reply",
        spoil=damage.put_together,
        headers={"Content-Type": "text/event-stream"},
    ),
}
"""Name → fault."""

TLS_FAULTS: Mapping[str, str] = {
    "tls-expired": "https with a certificate that expired yesterday",
    "tls-wrong-host": "https with a certificate for elsewhere.invalid",
    "tls-self-signed": "https with a certificate that only it vouches for",
}
"""What is wrong with a server and not with a request: it has it from its start on. Name → what a client sees."""
