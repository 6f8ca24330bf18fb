from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clonespeaker.clone.sse import SseParser
from tests.fuzz.reference import BOM, read_events
from tests.fuzz.retained import retained_bytes

parts = st.sampled_from(
    [b"data:", b"data", b"data: ", b":", b" ", b"\r", b"\n", b"\r\n", b"\n\n", b"id: 1", b"event:x", BOM,
     b"\xe2\x82\xac", b"x", b"[DONE]", b"\0", b"dat", b"Data:", b": ping"]
)  # fmt: skip
streams = st.lists(parts | st.binary(max_size=3)).map(b"".join)


@st.composite
def cut_streams(draw: st.DrawFn) -> list[bytes]:
    """A stream in pieces, empty ones among them."""
    stream = draw(streams)
    at = sorted(draw(st.lists(st.integers(0, len(stream)))))
    return [stream[start:end] for start, end in zip([0, *at], [*at, len(stream)], strict=True)]


def feed(parser: SseParser, chunks: Iterator[bytes] | list[bytes]) -> list[bytes]:
    return [bytes(event) for chunk in chunks for event in parser.feed(chunk)]


def each_byte(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


@given(cut_streams())
@example([b"data: a\r", b"\n", b"\r", b"\n"])
@example([b"data: a\r", b"", b"\n\r\n"])
@example([b"data: a\r", b"\ndata: b\r", b"\n\n"])
@example([BOM[:1], BOM[1:], b"data: a\n\n"])
def test_equals_the_reference_however_it_is_cut(chunks: list[bytes]) -> None:
    stream, parser = b"".join(chunks), SseParser()
    events = feed(parser, chunks)
    assert events == read_events(stream, cut_off=False)
    assert events + parser.close() == read_events(stream, cut_off=True)
    assert parser.oversized == 0


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b"data: one\n\ndata: two\n\n", [b"one", b"two"], id="LF"),
        pytest.param(b"data: one\r\n\r\ndata: two\r\n\r\n", [b"one", b"two"], id="CR LF"),
        pytest.param(b"data: one\r\rdata: two\r\r", [b"one", b"two"], id="CR"),
        pytest.param(b"data: one\n\r\ndata: two\r\n\n", [b"one", b"two"], id="mixed"),
        pytest.param(b"data: one\r\ndata: two\r\n\r\n", [b"one\ntwo"], id="two lines"),
        pytest.param(b": ping - now\n\ndata: one\n: ping\n\n: ping\n\n", [b"one"], id="comments"),
        pytest.param(b"event: a\nid: 1\nretry: 5\ndata: one\n\nid: 2\n\n", [b"one"], id="other fields"),
        pytest.param(b"data:one\n\ndata:  two \n\n", [b"one", b" two "], id="one space only"),
        pytest.param(b"data\n\ndata:\n\n", [b"", b""], id="no data is data"),
        pytest.param(b"database: x\n\nDATA: x\n\n data: x\n\n", [], id="not quite data"),
        pytest.param(b"\n\n\r\r", [], id="blank lines"),
        pytest.param(BOM + b"data: one\n\n" + BOM + b"data: two\n\n", [b"one"], id="a BOM counts at the start only"),
        pytest.param("data: ü\u2028\x85\n\n".encode(), ["ü\u2028\x85".encode()], id="no line ends but these"),
    ],
)
def test_streams(stream: bytes, events: list[bytes]) -> None:
    assert read_events(stream, cut_off=False) == events
    assert feed(SseParser(), [stream]) == events
    assert feed(SseParser(), each_byte(stream)) == events


@pytest.mark.parametrize(
    ("end", "events"),
    [
        (b"data: last\n\n", []),
        (b"data: last\n", [b"last"]),
        (b"data: last", [b"last"]),
        (b"data: la\r\ndata: st\r", [b"la\nst"]),
        (b": ping", []),
        (b"da", []),
        (b"", []),
    ],
)
def test_close_gives_the_event_that_was_cut_off(end: bytes, events: list[bytes]) -> None:
    parser = SseParser()
    parser.feed(b"data: first\n\n" + end)
    assert parser.close() == events
    assert parser.close() == []


LIMIT = 100


@pytest.mark.parametrize("cut", ["whole", "in bytes"])
@pytest.mark.parametrize(
    "large",
    [
        pytest.param(b"data: " + b"x" * (LIMIT + 1), id="one line"),
        pytest.param(b"data: " + b"x" * 10 * LIMIT, id="one long line"),
        pytest.param(b"data: " + b"x" * 60 + b"\r\ndata: " + b"x" * 40, id="two lines"),
        pytest.param(b"data:\n" * (LIMIT + 8), id="many empty lines"),
        pytest.param(b"data: " + b"x" * 2 * LIMIT + b"\r\ndata: y\n:\ndata: z", id="and more lines of it"),
    ],
)
def test_an_oversized_event_is_passed_over_and_counted(large: bytes, cut: str) -> None:
    stream = b"data: before\n\n" + large + b"\n\ndata: after\n\n" + large
    parser = SseParser(LIMIT)
    assert feed(parser, [stream] if cut == "whole" else each_byte(stream)) == [b"before", b"after"]
    assert parser.oversized == 2
    assert parser.close() == []


@pytest.mark.parametrize(
    "data", [b"x" * LIMIT, b"x" * 60 + b"\n" + b"x" * (LIMIT - 61), b"\n" * LIMIT], ids=["a line", "two", "empty ones"]
)
def test_an_event_of_just_the_limit_is_read(data: bytes) -> None:
    event = b"".join(b"data: " + line + b"\n" for line in data.split(b"\n")) + b"\n"
    parser = SseParser(LIMIT)
    assert feed(parser, [event, event]) == [data, data]
    assert parser.oversized == 0
    assert feed(parser, [b"data: x", event, event]) == [data]
    assert parser.oversized == 1


def test_an_endless_event_takes_no_memory() -> None:
    parser, chunk = SseParser(LIMIT), b"x" * 1_000 + b"\ndata: " + b"y" * 1_000
    parser.feed(b"data: ")
    tracemalloc.start()
    try:
        for _ in range(2_000):
            parser.feed(chunk)
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()
    assert parser.oversized == 1
    assert parser.feed(b"\n\ndata: after\n\n") == [b"after"]


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(b"x", id="byte by byte"),
        pytest.param(b"x\ndata:\ndata: ", id="in tiny lines"),
        pytest.param(b"\n:" + b"y" * 50_000 + b"\ndata:x", id="in tiny lines far apart"),
    ],
)
def test_what_waits_takes_no_more_than_its_bytes(chunk: bytes) -> None:
    parser = SseParser()
    parser.feed(b"data: ")
    for _ in range(1_000):
        parser.feed(bytes(bytearray(chunk)))  # a chunk of its own each time
    waiting_bytes = sum(map(len, parser.close()))
    for _ in range(1_000):
        parser.feed(bytes(bytearray(chunk)))
    assert retained_bytes(parser) <= 2 * waiting_bytes + len(chunk) + 1_500


class CountingChunk(bytes):
    """A chunk that notes how many of its bytes were looked at for a line's end."""

    searched = 0

    def find(self, what: Any, at: Any = 0, end: Any = None) -> int:
        found = super().find(what, at)
        CountingChunk.searched += (len(self) if found < 0 else found + 1) - at
        return found


def test_a_long_line_is_searched_once() -> None:
    value = b"x" * 300_000
    stream = b"data: " + value + b"\n\n"
    chunks = [CountingChunk(stream[at : at + 1_000]) for at in range(0, len(stream), 1_000)]
    CountingChunk.searched = 0
    assert feed(SseParser(), iter(chunks)) == [value]
    assert CountingChunk.searched <= 2 * len(stream) + len(chunks)  # once for each of the two that end lines


def test_many_short_lines_are_searched_once() -> None:
    chunk = CountingChunk(b"data: a\n\n" * 10_000)
    CountingChunk.searched = 0
    assert len(SseParser().feed(chunk)) == 10_000
    assert CountingChunk.searched <= 2 * len(chunk)
