"""What can be set about the simulated clone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from clonespeaker.simulate.reply import DoneForm
from clonespeaker.simulate.voice import RATE_HZ, Encoding, Voice


@dataclass(kw_only=True, eq=False)
class Behaviour:
    """Who the clone is, what it answers, how it sounds, how it sends. Any of it may be changed at any time.

    Attributes:
        api_key: the one key it takes.
        slug: its name in paths and queries.
        name: its name for people.
        greeting: the first message of each conversation.
        reply_text: what it answers; None: something about what it was told.
        citations: what each answer cites.
        image_url: a picture it sends along, or None.
        prerequisites_met: False: it answers 403, as a clone without documents does.
        rate_limit_per_minute: generate requests it takes in a minute, or None.
        think_s: from the last byte of a request to the first event of its reply.
        voice: how it sounds, see `voice.sound`.
        tone_s: how long it sounds, where that is a tone.
        encoding: how its snippets are encoded, see `voice.encode`.
        rate_hz: the rate its snippets are in.
        snippet_ms: how long a snippet is.
        snippet_bytes: how many bytes of samples a snippet has, instead; odd numbers cut samples in two.
        pace: None: as fast as possible; 1.0: in real time; 0.5: in half the time.
        jitter_ms: mean lateness of an event.
        ping_every_s: a comment line whenever the stream has been silent for so long, or None.
        line_end: of the stream.
        cut_bytes: write the stream in pieces of so many bytes, or None.
        done_form: "event": the final event says [DONE]; "bare": a bare `data: [DONE]` follows it.
        new_field: what `POST /api/conversation/new` calls its answer.
    """

    api_key: str = "dsk-simulated"
    slug: str = "my-clone"
    name: str = "Simulated Clone"
    greeting: str = "Hello! I am a simulated clone. What would you like to talk about?"
    reply_text: str | None = None
    citations: Sequence[dict[str, str]] = ()
    image_url: str | None = None
    prerequisites_met: bool = True
    rate_limit_per_minute: int | None = 50
    think_s: float = 0.3
    voice: Voice = "auto"
    tone_s: float = 2.0
    encoding: Encoding = "raw"
    rate_hz: int = RATE_HZ
    snippet_ms: float = 200.0
    snippet_bytes: int | None = None
    pace: float | None = None
    jitter_ms: float = 0.0
    ping_every_s: float | None = None
    line_end: str = "\n"
    cut_bytes: int | None = None
    done_form: DoneForm = "event"
    new_field: Literal["new_conversation", "new"] = "new_conversation"
