from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.clone.reply import (
    Citation,
    Final,
    Malformed,
    ReplyEvent,
    Snippet,
    Token,
    parse_event,
    parse_whole,
    web_address,
)

SOUND = b"\0\1\xfe\xff"
SOUND64 = base64.b64encode(SOUND).decode()
CITED = {"url": "https://a.example/x", "title": "X", "text": "…", "type": "web"}
CITATION = Citation("https://a.example/x", "X", "…", "web")


def event(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


EVENTS: dict[str, tuple[bytes, list[ReplyEvent]]] = {
    "a token": (event(current_token="Hel", clone_response=None), [Token("Hel")]),
    "an empty token": (event(current_token="", clone_response=None), []),
    "a token of spaces": (event(current_token=" "), [Token(" ")]),
    "a snippet": (event(audio_chunk=SOUND64, clone_response=None), [Snippet(SOUND)]),
    "a snippet, token null": (event(audio_chunk=SOUND64, current_token=None, clone_response=None), [Snippet(SOUND)]),
    "an empty snippet": (event(audio_chunk=""), []),
    "text and sound": (event(audio_chunk=SOUND64, current_token="Hel"), [Token("Hel"), Snippet(SOUND)]),
    "the final event": (
        event(
            current_token="[DONE]",
            clone_response={
                "id": "1",
                "text": "Hello",
                "created_at": "now",
                "citations": [CITED],
                "image_url": "http://i",
            },
        ),
        [Final("Hello", (CITATION,), "http://i")],
    ),
    "the final event, voice": (event(current_token="[DONE]", clone_response={"transcript": "Hello"}), [Final("Hello")]),
    "a transcript before a text": (event(clone_response={"text": "a", "transcript": "b"}), [Final("b")]),
    "an empty transcript": (event(clone_response={"text": "a", "transcript": ""}), [Final("")]),
    "the end without [DONE]": (event(clone_response={"text": "Hello"}), [Final("Hello")]),
    "the end without a response": (event(current_token="[DONE]", clone_response=None), [Final()]),
    "the end with nulls": (event(clone_response={"text": None, "citations": None, "image_url": None}), [Final()]),
    "the last token with the end": (event(current_token="lo", clone_response={"text": "x"}), [Token("lo"), Final("x")]),
    "the last snippet with the end": (
        event(audio_chunk=SOUND64, current_token="[DONE]", clone_response={"transcript": "x"}),
        [Snippet(SOUND), Final("x")],
    ),
    "the whole sound once more in the end": (event(clone_response={"audio": SOUND64, "text": "x"}), [Final("x")]),
    "a voice that is no sound": (event(clone_response={"voice": "warm!", "text": "x"}), [Final("x")]),
    "a sound that is a link": (event(clone_response={"audio": {"url": "http://a"}, "text": "x"}), [Final("x")]),
    "a citation without all": (
        event(clone_response={"citations": [{"url": "http://u"}, {"page": 3}]}),
        [Final(None, (Citation("http://u"), Citation()))],
    ),
    "a bare [DONE]": (b"[DONE]", [Final()]),
    "a bare [DONE] with spaces": (b" [DONE] \n", [Final()]),
    "unknown fields": (event(type="ping", at=3, more={"a": [1]}), []),
    "nothing": (b"{}", []),
}


@pytest.mark.parametrize("name", EVENTS)
def test_events(name: str) -> None:
    data, said = EVENTS[name]
    assert list(parse_event(data)) == said


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Hello",
        b"[]",
        b'"[DONE]"',
        b"null",
        b'{"current_token": "cut of',
        b'{"current_token": 5}',
        b'{"current_token": "\xff\xfe"}',
        b'{"current_token": "\\ud800"}',
        b'{"audio_chunk": "not base64!"}',
        b'{"audio_chunk": "AAA"}',
        b'{"audio_chunk": "\x80\\/"}',
        b'{"audio_chunk": [0, 1]}',
        b'{"clone_response": "x"}',
        pytest.param(b'{"x": ' + b"[" * 100_000, id="nested without end"),
        pytest.param(b'{"clone_response": ' * 100_000, id="nested in what is known"),
    ],
)
@pytest.mark.parametrize("parse", [parse_event, parse_whole])
def test_what_cannot_be_read_is_told_and_passed_over(parse: Any, data: bytes) -> None:
    (said,) = parse(data)
    assert isinstance(said, Malformed)
    assert said.reason
    assert said.head == repr(data[:60])
    assert said.head not in repr(said), "speech must not get into a log by accident"


WEB_ADDRESSES = [
    "http://a",
    "https://a.example/x?y=1#z",
    "HTTPS://A.example",
    "https://a.example:8443/%20?q=a@b&r=http://c",
    "http://[2001:db8::1]:80/x",
    "http://192.168.1.5/snapshot.jpg",
    "https://de.wikipedia.org/wiki/Käse",
    "https://a.example/" + "x" * 2_030,
]
NO_WEB_ADDRESSES = [
    "",
    "u",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//http://a",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "ftp://a.example/x",
    "blob:https://a.example/1",
    "//a.example/x",
    "/x",
    "http:a.example",
    "http:/a.example",
    "http:///x",
    "https://",
    "https://:443/x",
    "https://a.example:0/x",
    "https://a.example:99999/x",
    "https://a.example:x/x",
    "http://[::1",
    "http://[x]/",
    " https://a.example/x",
    "https://a.example/x ",
    "https://a.example/a b",
    "https://a.example/\n",
    "https://a.example/\x00",
    "https://a.example/\x1b[2J",
    "https://a.example/\x7f",
    "https://a.example/\u2028",
    "https://a.example/\u202egpj.exe",
    "https://a.example\\@evil.example/",
    "https://bank.example@evil.example/",
    "https://user:secret@a.example/",
    'https://a.example/"onerror="alert(1)',
    "https://a.example/<script>",
    "https://a.example/" + "x" * 2_031,
]


@pytest.mark.parametrize("address", WEB_ADDRESSES + NO_WEB_ADDRESSES)
@pytest.mark.parametrize("parse", [parse_event, parse_whole])
def test_only_web_addresses_are_passed_on(parse: Any, address: str) -> None:
    cited = {"url": address, "title": "T", "text": "x", "type": "web"}
    response = {"text": "Hello", "citations": [cited], "image_url": address}
    passed = address if address in WEB_ADDRESSES else None
    assert list(parse(event(clone_response=response))) == [
        Final("Hello", (Citation(passed, "T", "x", "web"),), passed),
    ]
    assert Citation(address).url == passed


@pytest.mark.parametrize("address", [5, ["https://a.example"], {"url": "https://a.example"}, True])
def test_a_picture_that_is_no_text(address: object) -> None:
    assert list(parse_event(event(clone_response={"text": "Hello", "image_url": address}))) == [Final("Hello")]


def test_what_is_beside_the_text_is_bounded() -> None:
    endless = {"url": "https://a.example", "title": "x" * 10_000, "text": "x" * 100_000, "type": "x" * 10_000}
    (final,) = parse_event(event(clone_response={"text": "Hello", "citations": [endless] + [CITED] * 500}))
    assert isinstance(final, Final)
    assert len(final.citations) == 100
    citation = final.citations[0]
    assert [len(field or "") for field in (citation.title, citation.text, citation.type)] == [501, 4_001, 501]
    assert citation.url == "https://a.example"


@given(st.text(max_size=60).map("https://a".__add__) | st.text(max_size=60))
def test_no_address_has_what_does_not_belong_into_one(text: str) -> None:
    passed = web_address(text)
    assert passed in (None, text)
    if passed is not None:
        assert passed.lower().startswith(("http://", "https://"))
        assert passed.isprintable()
        assert not set(passed) & set(' "<>\\')


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps({"current_token": text}).encode()))
def test_any_bytes_say_something_or_nothing(data: bytes) -> None:
    assert all(isinstance(said, ReplyEvent) for said in parse_event(data))
    assert isinstance(list(parse_whole(data))[-1], Malformed)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text != "[DONE]"))
def test_any_token_comes_as_it_is(text: str) -> None:
    for escaped in (True, False):
        assert list(parse_event(json.dumps({"current_token": text}, ensure_ascii=escaped).encode())) == [Token(text)]


@given(st.binary(min_size=1))
def test_any_sound_comes_as_it_is(data: bytes) -> None:
    sound = base64.b64encode(data).decode()
    assert list(parse_event(json.dumps({"audio_chunk": sound}).encode())) == [Snippet(data)]
    assert list(parse_whole(json.dumps({"clone_response": {"audio": sound}}).encode())) == [Snippet(data), Final()]


@pytest.mark.parametrize(
    ("response", "said"),
    [
        pytest.param({"text": "Hello", "citations": [CITED]}, [Final("Hello", (CITATION,))], id="text"),
        pytest.param({"transcript": "Hello", "audio": SOUND64}, [Snippet(SOUND), Final("Hello")], id="voice"),
        pytest.param({"audio_chunk": SOUND64}, [Snippet(SOUND), Final()], id="voice under another name"),
        pytest.param({"voice": SOUND64}, [Snippet(SOUND), Final()], id="voice under a third name"),
        pytest.param({"audio": "", "voice": SOUND64}, [Snippet(SOUND), Final()], id="an empty one first"),
        pytest.param({"audio": SOUND64, "voice": "AAAA"}, [Snippet(SOUND), Final()], id="the first counts"),
        pytest.param({"audio": SOUND64, "voice": "warm!"}, [Snippet(SOUND), Final()], id="a voice that is no sound"),
        pytest.param({"audio": 5, "voice": SOUND64}, [Snippet(SOUND), Final()], id="a number that is no sound"),
        pytest.param({}, [Final()], id="nothing"),
    ],
)
def test_whole_replies(response: dict[str, Any], said: list[ReplyEvent]) -> None:
    assert list(parse_whole(event(clone_response=response))) == said


LARGE = bytes(range(256)) * 1_200  # more than six pieces


def test_a_large_event_is_read_in_pieces_of_whole_samples() -> None:
    said = list(parse_event(event(audio_chunk=base64.b64encode(LARGE).decode(), clone_response={"text": "x"})))
    snippets = [each.data for each in said if isinstance(each, Snippet)]
    assert b"".join(snippets) == LARGE
    assert len(snippets) == len(said) - 1 > 6
    assert all(len(snippet) % 2 == 0 for snippet in snippets)
    assert said[-1] == Final("x")


def test_and_read_only_as_it_is_asked_for() -> None:
    said = parse_event(event(audio_chunk=base64.b64encode(LARGE).decode()[:-100] + "!"))
    first = next(said)
    assert isinstance(first, Snippet)
    assert LARGE.startswith(first.data)
    assert isinstance(list(said)[-1], Malformed)


@pytest.mark.parametrize("escape", ["\\/", "\\u002f"])
def test_base64_with_escaped_slashes(escape: str) -> None:
    """As PHP writes it. An escape must not be cut in two."""
    sound = b"\xff" * 200_000  # nothing but slashes
    escaped = base64.b64encode(sound).replace(b"/", escape.encode())
    said = list(parse_event(b'{"audio_chunk": "' + escaped + b'"}'))
    snippets = [each.data for each in said if isinstance(each, Snippet)]
    assert b"".join(snippets) == sound
    assert max(map(len, snippets)) <= 48 * 1_024
    late = base64.b64encode(b"\0" * 60_000 + sound).replace(b"/", escape.encode())
    said = list(parse_event(b'{"audio_chunk": "' + late + b'"}'))
    assert b"".join(each.data for each in said if isinstance(each, Snippet)) == b"\0" * 60_000 + sound


def test_nothing_beside_the_text_takes_much_memory() -> None:
    """As Python's objects, a list of empty lists takes twenty times its bytes."""
    many = b"[" + b"[]," * 1_000_000 + b"[]]"
    data = b'{"clone_response": {"text": "x", "citations": %b, "image_url": %b, "more": %b}}' % (many, many, many)
    tracemalloc.start()
    try:
        assert list(parse_event(data)) == [Final("x")]
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_text_of_an_event_whose_sound_cannot_be_read() -> None:
    said = list(parse_event(event(audio_chunk="not base64!", current_token="Hel", clone_response={"text": "Hello"})))
    assert said[0] == Token("Hel")
    assert isinstance(said[1], Malformed)
    assert said[2] == Final("Hello")


def test_the_whole_sound_comes_when_it_is_asked_for() -> None:
    (final,) = parse_event(event(clone_response={"voice": "warm!", "audio": base64.b64encode(LARGE).decode()}))
    assert isinstance(final, Final)
    assert b"".join(final.sound()) == LARGE
