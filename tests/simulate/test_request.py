from __future__ import annotations

import base64
import json
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.audio import wav
from clonespeaker.simulate.request import (
    Refusal,
    check_generate,
    check_new_conversation,
    check_new_conversation_v3,
    check_wav,
    parse_object,
)

ID = "5f0c1a34-6a1e-4d0b-9d2c-0c10e5bea4e4"
PCM = bytes(8)


def header(
    *, tag: int = 1, channels: int = 1, rate_hz: int = 44_100, bits: int = 16, data_bytes: int = 8, riff: int = 44
) -> bytes:
    frame_bytes = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, bits)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16) + form + struct.pack("<4sI", b"data", data_bytes)
    )


def body(**changes: Any) -> dict[str, Any]:
    fields = {"conversation_id": ID, "user_message": "Hello", **changes}
    return {name: value for name, value in fields.items() if value is not ...}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (body(conversation_id=...), "conversation_id: field required"),
        (body(conversation_id=7), "conversation_id: must be a string, not a number"),
        (body(conversation_id=None), "conversation_id: must be a string, not null"),
        (body(conversation_id="my-chat"), 'conversation_id: "my-chat" is not a uuid'),
        (body(conversation_id=ID.replace("-", "")), "is not a uuid"),
        (body(conversation_id="{" + ID + "}"), "is not a uuid"),
        (body(message="Hello"), "message: unknown field; known are conversation_id, user_message"),
        (body(user_message=["Hello"]), "user_message: must be a string, not an array"),
        (body(user_message="\ud800"), "user_message: has half a surrogate pair"),
        (body(user_message=...), "one of user_message and voice_input_stream is required"),
        (body(user_message=""), "one of user_message and voice_input_stream is required"),
        (body(user_message=None), "one of user_message and voice_input_stream is required"),
        (body(image_url="cat.jpg"), 'image_url: must be a public http(s) link, not "cat.jpg"'),
        (body(response_type="audio"), 'response_type: must be "text" or "voice", not "audio"'),
        (body(response_type=None), "response_type: must be a string, not null"),
        (body(stream="true"), "stream: must be a boolean, not a string"),
        (body(stream=1), "stream: must be a boolean, not a number"),
        (body(stream=None), "stream: must be a boolean, not null"),
        (body(voice_input_stream={}), "voice_input_stream: must be a string, not an object"),
        (body(voice_input_stream="UklGRg="), "voice_input_stream: not valid base64"),
        (body(voice_input_stream="UklG\nRg=="), "voice_input_stream: not valid base64"),
        (body(voice_input_stream="data:audio/wav;base64,UklGRg=="), "voice_input_stream: not valid base64"),
        (body(voice_input_stream="é"), "voice_input_stream: not valid base64"),
    ],
)
def test_bad_fields(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_generate(fields)
    assert caught.value.status == 422
    assert words in caught.value.detail


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"OggS" + bytes(60), "not a WAV file"),
        (header()[:30], "ends before its samples begin"),
        (header(channels=2) + PCM, "has 2 channels, not 1"),
        (header(rate_hz=16_000) + PCM, "is at 16000 Hz, not 44100"),
        (header(bits=24) + PCM, "has 24-bit integer samples, not pcm_s16le"),
        (header(tag=3, bits=32) + PCM, "has 32-bit float samples, not pcm_s16le"),
        (header(tag=0x55) + PCM, "compressed"),
        (header(data_bytes=0), "has no samples"),
        (header(data_bytes=0) + PCM, "declares 0 bytes of samples, but 8 follow"),
        (header(data_bytes=6) + PCM, "declares 6 bytes of samples, but 8 follow"),
        (header(riff=43) + PCM, "declares 43 bytes in all, but 44 follow"),
        (header() + PCM[:-1], "ends with half a sample (7 bytes)"),
    ],
)
def test_bad_wav(data: bytes, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_wav(data)
    assert caught.value.status == 422
    assert words in caught.value.detail


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"", 400, "not valid JSON"),
        (b'{"conversation_id": "', 400, "not valid JSON"),
        (b'{"a": "\xff"}', 400, "not valid JSON"),
        ('{"a": 1}'.encode("utf-16"), 400, "not valid JSON"),
        (b"[" * 100_000, 400, "not valid JSON"),
        (b"[]", 422, "must be a JSON object, not an array"),
        (b"null", 422, "must be a JSON object, not null"),
    ],
)
def test_bad_json(data: bytes, status: int, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_object(data)
    assert caught.value.status == status
    assert words in caught.value.detail


def test_the_least_that_is_valid() -> None:
    asked = check_generate({"conversation_id": ID.upper(), "user_message": "Hello"})
    assert (asked.conversation_id, asked.user_message, asked.pcm) == (ID, "Hello", b"")
    assert (asked.image_url, asked.response_type, asked.stream) == ("", "text", False)


@given(pcm=st.binary(min_size=2, max_size=64), spare_bytes=st.integers(0, 6_000_000))
def test_a_wav_may_declare_more_than_follows(pcm: bytes, spare_bytes: int) -> None:
    pcm = pcm[: len(pcm) // 2 * 2]
    data = wav.write_header(len(pcm) + spare_bytes) + pcm
    asked = check_generate(
        {
            "conversation_id": ID,
            "voice_input_stream": base64.b64encode(data).decode(),
            "image_url": "https://example.org/a.jpg",
            "response_type": "voice",
            "stream": True,
        }
    )
    assert asked.pcm == pcm
    assert (asked.image_url, asked.response_type, asked.stream) == ("https://example.org/a.jpg", "voice", True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = ["conversation_id", "user_message", "image_url", "voice_input_stream", "response_type", "stream"]


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON))
def test_whatever_comes_is_taken_or_refused(fields: dict[str, Any]) -> None:
    with suppress(Refusal):
        check_generate(parse_object(json.dumps(fields).encode()))


@given(st.binary())
def test_whatever_bytes_come_are_refused(data: bytes) -> None:
    with pytest.raises(Refusal):
        check_wav(data)


def test_new_conversation() -> None:
    assert check_new_conversation({"slug": "a"}) == ("a", "")
    assert check_new_conversation({"slug": "a", "instance_slug": "b", "user_email": "c@d.e"}) == ("a", "c@d.e")
    assert check_new_conversation_v3({}) == ""
    with pytest.raises(Refusal, match="slug: field required"):
        check_new_conversation({"user_email": "c@d.e"})
    with pytest.raises(Refusal, match="slug: unknown field"):
        check_new_conversation_v3({"slug": "a"})
