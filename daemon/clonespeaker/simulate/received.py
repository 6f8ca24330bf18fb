"""What the simulated clone was sent, for tests and timelines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_REQUESTS = 1_000
MOST_VOICES = 100
"""Of 60 s each: 0.5 GB."""


@dataclass(slots=True)
class Received:
    """A generate request as it arrived. Times are of `time.monotonic`, in seconds.

    Attributes:
        headers: without the key; names in lower case.
        live: the body came in chunks, its length unknown.
        headers_s: when the headers were there.
        first_byte_s: when the first byte of the body was there, or None.
        last_byte_s: when the newest byte of the body was there, or None.
        complete: the body came to a valid end.
        fields: what the body held, without the voice; {} until it is complete, and where it is no JSON object.
        pcm: the voice, mono pcm_s16le at 44.1 kHz; b"" where there was none, or no valid one, or it was long ago.
        speech_ms: how long the voice is.
    """

    headers: Mapping[str, str]
    live: bool
    headers_s: float
    first_byte_s: float | None = None
    last_byte_s: float | None = None
    complete: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    pcm: bytes = b""
    speech_ms: float = 0.0

    def told(self) -> dict[str, Any]:
        """What a program is told of it."""
        return {
            "live": self.live,
            "complete": self.complete,
            "fields": dict(self.fields),
            "speech_ms": self.speech_ms,
            "headers_s": self.headers_s,
            "first_byte_s": self.first_byte_s,
            "last_byte_s": self.last_byte_s,
        }


class RequestLog(list[Received]):
    """The newest requests, oldest first; only the newest of them keep their voice, so that it never grows too large."""

    def note(self, received: Received) -> None:
        """One more has come."""
        self.append(received)
        del self[:-MOST_REQUESTS]
        if len(self) > MOST_VOICES:
            self[-MOST_VOICES - 1].pcm = b""
