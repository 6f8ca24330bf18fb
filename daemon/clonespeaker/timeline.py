"""When what happened in a turn: noted where it happens, told in milliseconds from the release."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clonespeaker.turn import Outcome

STAGES = (
    "pressed",
    "first_frame",
    "connected",
    "released",
    "body_sent",
    "first_event",
    "first_audio",
    "first_sound",
    "last_audio",
    "drained",
)
"""In the order in which they usually happen; the names of `Timeline`'s times."""


@dataclass(slots=True)
class Timeline:
    """One turn's. Times in monotonic seconds, None for what has not happened.

    Attributes:
        pressed: the button went down (or text was said).
        first_frame: the first frame of the utterance was heard; before the press, by the pre-roll.
        connected: there was a connection to the clone.
        released: the button went up, the longest recording was reached, or text was said: the time 0 of `told`.
        body_sent: the request's last byte was handed to the socket.
        first_event: the reply's first event was there.
        first_audio: the reply's first samples were there.
        first_sound: the reply's first sample was heard.
        last_audio: the reply's last samples were there.
        drained: the reply's last sample was heard.
        utterance_ms: length of what the user said, pre-roll included.
        reply_ms: length of what was played.
        upload: "live" or "exact"; None for text.
        retries: requests beyond the first.
        underruns: times the reply ran dry before its end.
        overflows: times that the microphone lost frames while the user spoke.
        http_status: of the last request.
        outcome: how it ended; None while it goes on.
    """

    pressed: float | None = None
    first_frame: float | None = None
    connected: float | None = None
    released: float | None = None
    body_sent: float | None = None
    first_event: float | None = None
    first_audio: float | None = None
    first_sound: float | None = None
    last_audio: float | None = None
    drained: float | None = None
    utterance_ms: float = 0.0
    reply_ms: float = 0.0
    upload: str | None = None
    retries: int = 0
    underruns: int = 0
    overflows: int = 0
    http_status: int | None = None
    outcome: Outcome | None = None

    def begin_without_button(self) -> None:
        """What is asked is there at once."""
        self.pressed = self.released = time.monotonic()

    def told(self) -> dict[str, float | int | str | None]:
        """As the status protocol and `--json` have it; times are None where there was no release."""
        zero = self.released

        def ms(at: float | None) -> float | None:
            return None if at is None or zero is None else round((at - zero) * 1_000, 1)

        return {
            **{stage: ms(getattr(self, stage)) for stage in STAGES},
            "utterance_ms": round(self.utterance_ms, 1),
            "reply_ms": round(self.reply_ms, 1),
            "upload": self.upload,
            "retries": self.retries,
            "underruns": self.underruns,
            "overflows": self.overflows,
            "http_status": self.http_status,
            "outcome": self.outcome,
        }


def in_words(told: Mapping[str, Any]) -> str:
    """A timeline in one line.

    `3.2 s said (live), all sent 2 ms after the release, the clone answered after 305 ms, heard after 410 ms, …`
    """
    words = [f"{told['utterance_ms'] / 1_000:.1f} s said ({told['upload']})" if told["upload"] else "text"]
    if told["body_sent"] is not None:
        words.append(f"all sent {told['body_sent']:.0f} ms after the release")
    if told["first_event"] is not None:
        words.append(f"the clone answered {_after(told['first_event'])}")
    if told["first_sound"] is not None:
        words.append(f"heard {_after(told['first_sound'])}, {told['reply_ms'] / 1_000:.1f} s played")
    for name, one in (("retries", "retry"), ("underruns", "underrun"), ("overflows", "overflow")):
        if count := told.get(name):  # an older daemon tells fewer
            words.append(f"{count} {one if count == 1 else name}")
    return ", ".join(words)


def _after(ms: float) -> str:
    return f"after {ms:.0f} ms" if ms >= 0 else f"{-ms:.0f} ms before the release"
