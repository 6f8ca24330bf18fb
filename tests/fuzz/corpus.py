"""What each target begins with: real samples, and the words of its language. Both are made here, none are kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from clonespeaker.audio import wav
from clonespeaker.config.kinds import KINDS
from clonespeaker.simulate.reply import Reply, stream_text, stream_voice, whole
from clonespeaker.simulate.voice import Encoding, encode, tone
from clonespeaker.state import SavedConversation, State

CASES = Path(__file__).parent / "cases"
"""What was found before: a folder for each target."""

_CONFIG = Path(__file__).parents[2] / "config" / "config.yaml"
_PCM = tone(0.01).astype("<i2").tobytes()
_CITED = {"url": "https://a.example/x", "title": "X", "text": "…", "type": "web"}
_RESPONSE: dict[str, Any] = {
    "id": "8f0c",
    "conversation_id": "5f0c",
    "transcript": "Hello, you.",
    "created_at": "2025-01-01T00:00:00Z",
    "citations": [_CITED],
    "image_url": "https://a.example/y.png",
}
_WHOLE_CUT = b"\0"  # read by `answers._chunks`: no lengths, so cut every 255 bytes
_ODD_CUTS = b"\3\1\7\45"


def seeds(target: str) -> Iterator[bytes]:
    """Samples, and all that was found before."""
    yield from samples(target)
    yield from (case.read_bytes() for case in sorted((CASES / target).glob("*")))


def samples(target: str) -> Iterator[bytes]:
    """What a healthy world sends."""
    yield from globals()[f"_{target}"]()


WORDS: dict[str, list[str | bytes]] = {
    "sse": ["data:", "data: ", "event: ", "\r\n", "\n\n", "\r\r", ": ping", b"\xef\xbb\xbf", "[DONE]"],
    "wav_file": ["RIFF", "WAVE", "fmt ", "data", "LIST", b"\xff\xff\xff\xff", b"\xfe\xff", b"\x10\0\0\0"],
    "reply_event": ['"current_token":', '"audio_chunk":', '"clone_response":', "null", "[DONE]", '"text":', '"audio":',
                    '"transcript":', '"citations":', '"image_url":', '"voice":', "\\/", "\\u002f", "\\ud800", "AAAA"],
    "snippets": ["RIFF", "WAVE", "fmt ", "data", "ID3", b"\xff\xfb\x90\x00", b"\xff\xf3\x14\xc4", b"\xff\xff\xff\xff"],
    "settings": [*{part for key in KINDS for part in key.split(".")}, "<<: ", "&a ", "*a", "!!", "!!int ", "!!binary ",
                 "---\n", "\n  ", "\n- ", "[", "]", "{", "}", "0x", ".nan", ".inf", "2026-13-13", "1:1:1", "dsk-0123"],
    "command": ['"id":', '"command":', '"press"', '"talk"', '"seconds":', '"say"', '"text":', '"image_url":',
                '"volume"', '"level":', '"snapshot"', "1e999", "\\ud800", "9007199254740993"],
    "refusal": ['"detail":', '"message":', '"error":', '"loc":', '"msg":', "GMT", "Mon, 01 Jan 2024 00:00:00 ", "+9999",
                "\\u001b", "\\u202e"],
    "record": ['"clone":', '"history":', '"new_conversation":', '"messages":', '"sender":', '"citations":', '"text":',
               '"conversation_id":', '"new":', '"name":'],
    "state": ['"version":', '"conversation":', '"conversation_id":', '"base_url":', '"answers_in_mp3":',
              '"upload":', "null"],
    "card": ["clone:", "slug: ", "“", "”", "dsk-0123", "\r\n", "# ", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"a\0"],
    "access": ["127.0.0.1:8777", "localhost:8777", "http://", "https://panel.example", "token=", "s3cret", "Bearer ",
               "/healthz", "%73", b"\0"],
}  # fmt: skip
"""The words of each target's language, for libFuzzer's dictionary."""
WORDS["reply_whole"] = WORDS["reply_event"]
WORDS["environment"] = WORDS["settings"]


def dictionary(target: str) -> str:
    """The words as libFuzzer reads them, one on a line."""
    words = [word if isinstance(word, bytes) else word.encode() for word in WORDS[target]]
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in words)


def _streamed(reply: Reply, line_end: bytes) -> bytes:
    events = [step.encode() for step in (*reply.pieces, *reply.ending)]
    return b": ping" + 2 * line_end + b"".join(b"data: " + event + 2 * line_end for event in events)


def _replies() -> Iterator[Reply]:
    yield stream_text("Hello, you.", _RESPONSE, "bare")
    encodings: list[Encoding] = ["raw", "wav-first", "wav-each"]
    for encoding in encodings:
        yield stream_voice(encode(tone(0.01), encoding=encoding, rate_hz=24_000, snippet_ms=3), _RESPONSE, "event")


def _sse() -> Iterator[bytes]:
    for reply, line_end in zip(_replies(), (b"\n", b"\r\n", b"\r", b"\n"), strict=True):
        yield _WHOLE_CUT + _streamed(reply, line_end)
        yield _ODD_CUTS + _streamed(reply, line_end)


def _reply_event() -> Iterator[bytes]:
    for reply in _replies():
        yield from (step.encode() for step in (*reply.pieces[:2], *reply.ending))
    yield json.dumps({"current_token": "Hi", "audio_chunk": base64.b64encode(_PCM[:60]).decode()}).encode()
    yield b'{"audio_chunk": "' + base64.b64encode(b"\xff" * 60).replace(b"/", b"\\/") + b'"}'


def _reply_whole() -> Iterator[bytes]:
    sound = base64.b64encode(_PCM[:60]).decode()
    for response in (_RESPONSE, {**_RESPONSE, "audio": sound}, {**_RESPONSE, "voice": sound, "audio": None}):
        yield whole(response).ending[0].encode()


def _wavs() -> Iterator[bytes]:
    yield wav.write_header(len(_PCM), rate_hz=24_000) + _PCM
    for tag, bits, channels, rate_hz in ((1, 8, 1, 1_000), (1, 24, 2, 48_000), (3, 32, 2, 768_000), (3, 64, 1, 8_000)):
        head = bytearray(wav.write_header(240, rate_hz=rate_hz))
        block = channels * bits // 8
        head[20:36] = np.array(
            [tag + (channels << 16), rate_hz, rate_hz * block, block + (bits << 16)], "<u4"
        ).tobytes()
        yield bytes(head[:36]) + b"LIST\4\0\0\0INFO" + bytes(head[36:]) + _PCM[:240]


_wav_file = _wavs


def _snippets() -> Iterator[bytes]:
    for sound in (*_wavs(), _PCM, *_mp3s()):
        yield _WHOLE_CUT + sound
        yield _ODD_CUTS + sound


def _mp3s() -> Iterator[bytes]:
    for rate_hz in (44_100, 24_000):
        yield b"".join(snippet.data for snippet in encode(tone(0.1), encoding="mp3", rate_hz=rate_hz))


def _settings() -> Iterator[bytes]:
    shipped = _CONFIG.read_bytes()
    lines = [line.partition(b" #")[0].rstrip() for line in shipped.splitlines()]
    yield b"\n".join(line for line in lines if line and not line.lstrip().startswith(b"#"))
    yield b"clone: {slug: ada, base_url: 'https://a.example'}\nstatus: {allowed_origins: [http://a, http://b]}\n"
    yield b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\nspeaker: {<<: *a, volume: 1:1:1}\n"


def _card() -> Iterator[bytes]:
    for encoding in ("utf-8-sig", "utf-16", "utf-16-be"):
        yield "clone:\r\n  slug: “my-clone”\r\n".encode(encoding)
        yield "dsk-0123456789\r\n".encode(encoding)


def _environment() -> Iterator[bytes]:
    yield b"CLONE__SLUG=ada\0SPEAKER__VOLUME=7\0STATUS__ALLOWED_ORIGINS=[http://a, http://b]"
    yield b"\0".join(b"%d=%d" % (number, number) for number in range(0, len(KINDS), 3))


def _command() -> Iterator[bytes]:
    yield b'{"id": 1, "command": "press"}'
    yield b'{"id": "q", "command": "talk", "seconds": 3.5}'
    yield b'{"id": 2, "command": "say", "text": "Hello", "image_url": "http://pi/snap.jpg"}'
    yield b'{"id": 3, "command": "volume", "level": 80}'


def _refusal() -> Iterator[bytes]:
    for status, words in ((401, "Bad key"), (403, "no purpose"), (429, "slow down"), (502, None)):
        body = json.dumps({"detail": words}).encode()
        yield (status - 300).to_bytes(2, "little") + b"https://b.example/\0Mon, 01 Jan 2035 00:00:00 GMT\0" + body
    listed = {"detail": [{"loc": ["body", 3], "msg": "field required"}], "message": "m", "error": {"a": 1}}
    yield (422 - 300).to_bytes(2, "little") + b"\0" + b"120\0" + json.dumps(listed).encode()


def _record() -> Iterator[bytes]:
    message = {"text": "Hi", "sender": "CLONE", "created_at": "now", "citations": [_CITED]}
    yield json.dumps({"history": [message, {"text": None}]}).encode()
    yield json.dumps({"new_conversation": {"conversation_id": "5f0c", "messages": [message]}}).encode()
    yield json.dumps({"clone": {"name": "Ada", "slug": "ada", "purpose": None, "tags": []}}).encode()


def _state() -> Iterator[bytes]:
    saved = SavedConversation(conversation_id="5f0c", base_url="https://a.example", slug="ada")
    yield msgspec.json.encode(State(conversation=saved, answers_in_mp3=True))


def _access() -> Iterator[bytes]:
    yield b"/\0\x00127.0.0.1:8777\0http://127.0.0.1:8777\0Bearer s3cret"
    yield b"/metrics\0a=b&token=s3cret\0localhost:8777\0https://panel.example\0"
    yield b"/healthz\0\0evil.example\0null\0Basic x"
