from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.audio import wav
from clonespeaker.clone.upload import UploadBody, exact_body, live_body

FIELDS = {"conversation_id": "0b0e", "response_type": "voice", "stream": True}
text = st.text(st.characters(exclude_categories=["Cs"]))  # half a surrogate pair is no text


def recording(body: bytes, fields: Mapping[str, object]) -> bytes:
    """The WAV in a body, which holds `fields` besides and nothing else."""
    parsed = json.loads(body)
    encoded = parsed.pop("voice_input_stream")
    assert parsed == fields
    return base64.b64decode(encoded, validate=True)


def whole(fields: Mapping[str, object], pcm: bytes) -> bytes:
    """An exact body, and it is as long as it was said to be."""
    pieces, length = exact_body(fields, pcm)
    body = b"".join(pieces)
    assert len(body) == length
    return body


@given(st.lists(st.binary(max_size=20)), st.integers(0, 10_000))
def test_any_cut_is_header_and_samples(pieces: list[bytes], declared_bytes: int) -> None:
    body = UploadBody(FIELDS, declared_bytes)
    written = [body.opening(), *(body.piece(pcm) for pcm in pieces), body.closing()]
    assert all(len(piece) % 4 == 0 for piece in written[1:-1]), "not in whole base64 groups"
    assert not any(b"=" in piece for piece in written[:-1]), "padded before its end"
    assert recording(b"".join(written), FIELDS) == wav.write_header(declared_bytes) + b"".join(pieces)


def test_nothing_waits_that_could_go() -> None:
    body, sent = UploadBody(FIELDS, 1_000), 0
    body.opening()
    for count in range(1, 20):
        sent += len(body.piece(b"x")) // 4 * 3
        assert 42 + sent <= wav.HEADER_BYTES + count < 42 + sent + 3


def test_the_opening_has_everything_but_samples() -> None:
    fields, head = UploadBody(FIELDS, 5_292_000).opening().split(b',"voice_input_stream":"')
    assert json.loads(fields + b"}") == FIELDS
    assert base64.b64decode(head, validate=True) == wav.write_header(5_292_000)[:42]


@given(st.dictionaries(text.filter(lambda name: name != "voice_input_stream"), text | st.none() | st.booleans()))
def test_fields_are_escaped(fields: dict[str, object]) -> None:
    assert recording(whole(fields, b"\1\2"), fields) == wav.write_header(2) + b"\1\2"


@given(st.binary(max_size=100) | st.integers(49_000, 200_000).map(bytes))
def test_an_exact_body_declares_its_length(pcm: bytes) -> None:
    file = recording(whole(FIELDS, pcm), FIELDS)
    assert wav.parse_header(file) == (wav.S16_MONO, wav.HEADER_BYTES, len(pcm))
    assert file[wav.HEADER_BYTES :] == pcm


@pytest.mark.parametrize("count", range(6))
def test_a_body_that_is_broken_off_is_no_json(count: int) -> None:
    body = UploadBody(FIELDS, 1_000)
    with pytest.raises(json.JSONDecodeError):
        json.loads(body.opening() + body.piece(b"x" * count))


async def test_no_piece_is_long_however_much_has_come() -> None:
    """An uplink that is slower than speech would else never be rid of one, and each retry begins with all of it."""

    async def all_at_once() -> AsyncIterator[bytes]:
        yield bytes(2_000_001)

    pieces = [piece async for piece in live_body(FIELDS, all_at_once(), declared_bytes=3_000_000)]
    assert max(map(len, pieces)) <= 64 * 1024
    assert recording(b"".join(pieces), FIELDS) == wav.write_header(3_000_000) + bytes(2_000_001)
