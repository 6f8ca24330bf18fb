"""The clone's side: promises about what it answers, see `targets`."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence

import msgspec

from clonespeaker.audio import wav
from clonespeaker.audio.convert import OneRate
from clonespeaker.audio.pcm import Samples
from clonespeaker.clone import reply
from clonespeaker.clone.failures import from_status, unreadable
from clonespeaker.clone.records import (
    CloneProfile,
    Conversation,
    Message,
    read_history,
    read_new_conversation,
    read_profile,
)
from clonespeaker.clone.reply import Citation, Final, Malformed, ReplyEvent, Snippet, Token, parse_event, parse_whole
from clonespeaker.clone.snippets import SnippetDecoder
from clonespeaker.clone.sse import SseParser
from clonespeaker.errors import FAULTS, CloneError, MediaError
from tests.fuzz.reference import read_events
from tests.fuzz.retained import retained_bytes
from tests.fuzz.words import as_header, check_words

_MOST_PIECES = 64
_SSE_LIMIT_BYTES = 64
_PARSER_BYTES = 1_500  # an empty one, and what Python wants for a buffer
_MOST_SAMPLES_A_BYTE = 50  # MP3 at its thinnest: 576 samples in a frame of 24 bytes, and twice that at the end
_MP3_RUN_UP_SAMPLES = 2 * 1_152  # frames that FFmpeg makes up where one is missing
_TO_HZ, _CONVERTED_FRAMES = 44_100, 8_192  # as the speaker does


def sse(data: bytes) -> None:
    """A reply's stream, cut anywhere.

    The events are those of a simple reader of the whole stream. With a limit, what is short is read all the same, no
    event is far beyond it, and the parser keeps little more than the limit and the last chunk.
    """
    chunks = list(_chunks(data))
    stream = b"".join(chunks)
    parser = SseParser()
    events = [bytes(event) for chunk in chunks for event in parser.feed(chunk)]
    assert events == read_events(stream, cut_off=False)
    assert events + [bytes(event) for event in parser.close()] == read_events(stream, cut_off=True)
    assert parser.oversized == 0

    parser, given = SseParser(_SSE_LIMIT_BYTES), []
    for chunk in chunks:
        given += [bytes(event) for event in parser.feed(chunk)]
        assert retained_bytes(parser) <= _PARSER_BYTES + 3 * _SSE_LIMIT_BYTES + len(chunk)
    given += [bytes(event) for event in parser.close()]
    assert all(len(event) <= _SSE_LIMIT_BYTES + len(b"data: ") for event in given)
    every = iter(read_events(stream, cut_off=True))
    assert all(event in every for event in given), "events out of order, or made up"  # `in` moves on
    if len(stream) <= _SSE_LIMIT_BYTES:
        assert given == read_events(stream, cut_off=True)


def wav_file(data: bytes) -> None:
    """A WAV file: MediaError, or samples that are no more than its bytes. What is written is read back."""
    with contextlib.suppress(MediaError):
        samples, rate_hz = wav.read(data)
        assert (samples.dtype.name, samples.ndim) == ("int16", 1)
        assert 0 < samples.size <= len(data)
        assert 1_000 <= rate_hz <= 768_000
    for end in range(min(len(data), 64)):  # a header that is cut short says no other thing than the whole one
        with contextlib.suppress(MediaError):
            found = wav.parse_header(data[:end])
            assert found is None or found == wav.parse_header(data)
    pcm = data[: len(data) // 2 * 2]
    if pcm:
        samples, rate_hz = wav.read(wav.write_header(len(pcm), rate_hz=24_000) + pcm)
        assert (samples.tobytes(), rate_hz) == (pcm, 24_000)


def reply_event(data: bytes) -> None:
    """One event of a stream: only what is known, in order; text is text, sound is what the base64 says."""
    said = list(parse_event(data))
    _check_said(said)
    ends = [isinstance(event, Final) for event in said]
    assert not any(ends[:-1]), "something after the end"
    for characters in (reply._PIECE_CHARACTERS, 16):
        with _pieces_of(characters):
            _check_sound(list(parse_event(data)), _json(data), ["audio_chunk"])


def reply_whole(data: bytes) -> None:
    """A reply that is not streamed: its sound, then its end; or that it can't be read, and no more."""
    said = list(parse_whole(data))
    _check_said(said)
    *before, last = said
    assert all(isinstance(event, Snippet) for event in before)
    assert isinstance(last, Final) or (isinstance(last, Malformed) and not before)
    fields = _json(data)
    response = fields.get("clone_response") if isinstance(fields, dict) else None
    for characters in (reply._PIECE_CHARACTERS, 16):
        with _pieces_of(characters):
            _check_sound(list(parse_whole(data)), response, ["audio", "audio_chunk", "voice"])


def snippets(data: bytes) -> None:
    """The sound of a reply, cut anywhere: MediaError, or no more samples than a format can hold.

    Played at another rate, they are as many as last as long; so an hour can't come out of a second.
    """
    for in_one_event in (False, True):
        _check_snippets(list(_chunks(data)), in_one_event=in_one_event)


def _check_snippets(snippets: list[bytes], *, in_one_event: bool) -> None:
    decoder, to_one_rate = SnippetDecoder(24_000), OneRate(_TO_HZ)
    taken_bytes = made = 0
    for number, snippet in enumerate(snippets):
        taken_bytes += len(snippet)
        due, converted = 0.0, 0
        with contextlib.suppress(MediaError):
            for samples, rate_hz in decoder.decode(snippet, goes_on=in_one_event and number > 0):
                assert (samples.dtype.name, samples.ndim) == ("int16", 1)
                assert 1_000 <= rate_hz <= 768_000
                made += samples.size
                due += samples.size * _TO_HZ / rate_hz
                converted += sum(piece.size for piece in _converted(to_one_rate, samples, rate_hz))
        assert made <= taken_bytes * _MOST_SAMPLES_A_BYTE + _MP3_RUN_UP_SAMPLES
        # What waited in the resampler may come now: a thousand samples of the slowest rate.
        assert converted <= due + 1_000 * _TO_HZ / 1_000
    assert to_one_rate.finish().dtype.name == "int16"


def refusal(data: bytes) -> None:
    """An HTTP answer other than 200: a CloneError in few words, printable, on one line."""
    status = 300 + int.from_bytes(data[:2], "little") % 300
    location, retry_after, body = [*data[2:].split(b"\0", 2), b"", b""][:3]
    headers = {"Location": as_header(location), "Retry-After": as_header(retry_after)}
    for what in ("clone", "conversation"):
        error = from_status(status, headers=headers, body=body, what=what, base_url="https://clone.example")
        assert isinstance(error, CloneError)
        assert error.fault in FAULTS
        check_words(str(error))
        check_words(error.detail or "nothing")
        assert error.retry_after_s is None or error.retry_after_s >= 0.0


def record(data: bytes) -> None:
    """What the clone's other endpoints answer: a record, or a CloneError in few words, printable, on one line."""
    readers: list[tuple[Callable[[bytes], object], object]] = [
        (read_profile, CloneProfile),
        (read_history, list[Message]),
        (read_new_conversation, Conversation | None),
    ]
    for read, kind in readers:
        try:
            with unreadable("https://clone.example", "/api/clone"):
                answer = read(data)
        except CloneError as error:
            check_words(str(error))
        else:
            assert msgspec.json.decode(msgspec.json.encode(answer), type=kind) == answer


def _chunks(data: bytes) -> Iterator[bytes]:
    """A stream in pieces: a byte says how many lengths follow, each a byte; the rest is cut by them, over and over.

    After many pieces what remains comes in one: else long streams in single bytes would take all the time there is.
    """
    count = data[0] % 8 if data else 0
    lengths, stream = data[1 : 1 + count], data[1 + count :]
    lengths = lengths if any(lengths) else b"\xff"
    at = 0
    for length in itertools.islice(itertools.cycle(lengths), _MOST_PIECES):
        yield stream[at : at + length]
        at += length
        if at >= len(stream):
            return
    yield stream[at:]


@contextlib.contextmanager
def _pieces_of(characters: int) -> Iterator[None]:
    """Sound is read in much smaller pieces meanwhile, so that short events have several."""
    usual, reply._PIECE_CHARACTERS = reply._PIECE_CHARACTERS, characters
    try:
        yield
    finally:
        reply._PIECE_CHARACTERS = usual


def _check_said(said: list[ReplyEvent]) -> None:
    for event in said:
        match event:
            case Token(text):
                assert isinstance(text, str)
                assert text
                text.encode()
            case Snippet(sound):
                assert isinstance(sound, bytes)
                assert sound
            case Final(text, citations, image_url):
                assert text is None or isinstance(text, str)
                assert image_url is None or isinstance(image_url, str)
                assert all(isinstance(citation, Citation) for citation in citations)
                assert all(isinstance(piece, bytes) for piece in event.sound())
            case Malformed(reason):
                check_words(reason)
            case _:
                raise AssertionError(f"{event!r} is none of the known events")


def _check_sound(said: list[ReplyEvent], fields: object, names: Sequence[str]) -> None:
    """The sound is that of the first field that is no null, where that is base64."""
    given = fields if isinstance(fields, dict) else {}
    first = next((given[name] for name in names if given.get(name) is not None), None)
    if isinstance(first, str) and first and not any(isinstance(event, Malformed) for event in said):
        with contextlib.suppress(ValueError):  # no base64: some of it may be read before that shows
            sound = base64.b64decode(first, validate=True)
            if base64.b64encode(sound).decode() == first:  # Python's reader takes padding where none belongs
                assert sound == _sound(said)


def _json(data: bytes) -> object:
    """Read by another reader; None where it can't."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(data)
    return None


def _sound(said: list[ReplyEvent]) -> bytes:
    return b"".join(event.data for event in said if isinstance(event, Snippet))


def _converted(to_one_rate: OneRate, samples: Samples, rate_hz: int) -> Iterator[Samples]:
    for at in range(0, samples.size, _CONVERTED_FRAMES):
        yield to_one_rate.convert(samples[at : at + _CONVERTED_FRAMES], rate_hz)
