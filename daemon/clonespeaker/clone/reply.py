"""What the clone answers, typed: the events of a stream, and a reply that came whole.

The wire format (`POST /api/clone/generate_response`), as far as it is known:

    data: {"current_token": "Hel", "clone_response": null}                          text mode, while it goes on
    data: {"audio_chunk": "<base64>", "clone_response": null}                       voice mode, while it goes on
    data: {"current_token": "[DONE]", "clone_response": {…}}                        the final event
    data: [DONE]                                                                    seen on newer deployments
    {"clone_response": {…}}                                                         not streamed

and in `clone_response`: `id`, `conversation_id`, `text` or (voice) `transcript`, the whole reply as base64 sound
under a name that nobody has documented, `created_at`, `citations` and `image_url`. Everything may be missing or
null. Text and sound in one event are fine; so is an event of which nothing is known.

Addresses that the server names are data: those of pages and pictures on the web are passed on to screens, nothing else
is (no `javascript:`, no `file:`, nothing that shows one host and leads to another). What is beside the text is bounded.

An event may hold megabytes of sound. It is read in pieces of half a second, each when it is asked for: who plays them
goes on in between, and no step holds the interpreter for longer than a device's thread can wait.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import msgspec.structs

from clonespeaker.clone.sse import Data

DONE = "[DONE]"

MOST_CITATIONS = 100
_LONGEST_URL = 2_048
_LONGEST_TITLE = 500
_LONGEST_TEXT = 4_000
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#@\\<>\"]+([/?#][^\s\\<>\"]*)?", re.IGNORECASE)

_PIECE_CHARACTERS = 64 * 1024  # of base64: 48 KiB of sound, whole samples
_BESIDE_MOST_BYTES = 256 * 1024  # of citations, or of an address; as objects they take thirty times as much
_NULL = msgspec.Raw(b"null")

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what msgspec raises

_Kind = TypeVar("_Kind")


class Citation(msgspec.Struct, frozen=True):
    """Where the clone has something from; without its `url` where that is no web address."""

    url: str | None = None
    title: str | None = None
    text: str | None = None
    type: str | None = None

    def __post_init__(self) -> None:
        bounded = {
            "url": web_address(self.url),
            "title": _clip(self.title, _LONGEST_TITLE),
            "text": _clip(self.text, _LONGEST_TEXT),
            "type": _clip(self.type, _LONGEST_TITLE),
        }
        for name, value in bounded.items():
            msgspec.structs.force_setattr(self, name, value)


def read_citations(value: msgspec.Raw) -> tuple[Citation, ...]:
    """Those in a list that can be read, up to `MOST_CITATIONS`."""
    citations = read_as(list[msgspec.Raw], value) or []
    read = (read_as(Citation, citation) for citation in citations[:MOST_CITATIONS])
    return tuple(citation for citation in read if citation)


def web_address(text: str | None) -> str | None:
    """An http or https address as it came, or None where it is none that may be shown and followed."""
    if text is None or len(text) > _LONGEST_URL or not text.isprintable() or not _WEB_ADDRESS.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        return text if parts.hostname and parts.port != 0 else None
    except ValueError:  # a port or an IPv6 address that can't be
        return None


def _clip(text: str | None, longest: int) -> str | None:
    return text if text is None or len(text) <= longest else text[:longest] + "…"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text, to be put after the ones before."""

    text: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of sound, encoded as it came; `goes_on` where its event began in the piece before."""

    data: bytes
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Final:
    """The reply is over; its text, citations and picture, where there are any.

    Its sound came before; `sound` gives all of it once more, piece by piece, where the server repeats it, or else
    nothing.
    """

    text: str | None = None
    citations: tuple[Citation, ...] = ()
    image_url: str | None = None
    sound: Callable[[], Iterator[bytes]] = field(default=lambda: iter(()), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Malformed:
    """An event that can't be read; the reply goes on without it."""

    reason: str
    head: str = field(repr=False, default="")


ReplyEvent = Token | Snippet | Final | Malformed


class _CloneResponse(msgspec.Struct):
    text: str | None = None
    transcript: str | None = None
    # What is beside the text must not cost the text, whatever it turns out to be: each is read for itself.
    # The name of the whole reply's sound is not documented; the first of these that is sound counts.
    audio: msgspec.Raw = _NULL
    audio_chunk: msgspec.Raw = _NULL
    voice: msgspec.Raw = _NULL
    citations: msgspec.Raw = _NULL
    image_url: msgspec.Raw = _NULL

    def final(self) -> Final:
        text = self.transcript if self.transcript is not None else self.text
        return Final(text, read_citations(self.citations), web_address(read_as(str, self.image_url)), self.sound)

    def sound(self) -> Iterator[bytes]:
        for value in (self.audio, self.audio_chunk, self.voice):
            came = False
            with contextlib.suppress(*_UNREADABLE):
                for piece in _sound_in(value):
                    came = True
                    yield piece
            if came:
                return


def read_as(kind: type[_Kind], value: msgspec.Raw, *, most_bytes: int | None = _BESIDE_MOST_BYTES) -> _Kind | None:
    """`value` as a `kind`; None where it is none, or longer than any is."""
    if most_bytes is not None and memoryview(value).nbytes > most_bytes:
        return None
    try:
        return msgspec.json.decode(value, type=kind)
    except _UNREADABLE:
        return None


class _StreamEvent(msgspec.Struct):
    current_token: str | None = None
    audio_chunk: msgspec.Raw = _NULL
    clone_response: _CloneResponse | None = None


class _WholeReply(msgspec.Struct):
    clone_response: _CloneResponse


_read_event = msgspec.json.Decoder(_StreamEvent).decode
_read_whole = msgspec.json.Decoder(_WholeReply).decode
_read_text = msgspec.json.Decoder(str).decode
_read_base64 = msgspec.json.Decoder(bytes).decode


def parse_event(data: Data) -> Iterator[ReplyEvent]:
    """What one event of the stream says; text before sound before the end."""
    if len(data) <= 2 * len(DONE) and bytes(data).strip() == DONE.encode():
        yield Final()
        return
    try:
        event = _read_event(data)
    except _UNREADABLE as error:
        yield _malformed(error, data)
        return
    if event.current_token and event.current_token != DONE:
        yield Token(event.current_token)
    try:
        yield from _snippets(_sound_in(event.audio_chunk))
    except _UNREADABLE as error:
        yield _malformed(error, data)
    if event.clone_response is not None:
        yield event.clone_response.final()
    elif event.current_token == DONE:
        yield Final()


def parse_whole(data: bytes) -> Iterator[ReplyEvent]:
    """What a reply that was not streamed says: its sound, then its end."""
    try:
        reply = _read_whole(data).clone_response
    except _UNREADABLE as error:
        yield _malformed(error, data)
        return
    yield from _snippets(reply.sound())
    yield reply.final()


def _snippets(pieces: Iterator[bytes]) -> Iterator[Snippet]:
    for number, piece in enumerate(pieces):
        yield Snippet(piece, goes_on=number > 0)


def _sound_in(value: msgspec.Raw) -> Iterator[bytes]:
    """The bytes of a JSON string of base64, piece by piece; nothing for null. Raises what is `_UNREADABLE`."""
    text = memoryview(value)
    head = bytes(text[:4])
    if head == b"null":
        return
    if not head.startswith(b'"'):
        raise msgspec.ValidationError("Expected `str` of base64 - at `$.audio_chunk`")
    at, end = 1, len(text) - 1
    while at < end:
        piece = bytes(text[at : min(at + _PIECE_CHARACTERS, end)])
        if b"\\" in piece:  # an escaped slash, say, which must not be cut in two
            text = memoryview(_read_text(b'"%b"' % bytes(text[at:end])).encode())
            at, end = 0, len(text)
            continue
        yield _read_base64(b'"%b"' % piece)
        at += len(piece)


def _malformed(error: Exception, data: Data) -> Malformed:
    return Malformed(str(error), repr(bytes(data[:60])))
