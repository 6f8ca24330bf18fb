from __future__ import annotations

import time
import zlib
from random import Random

import pytest

from clonespeaker.simulate.reply import After, Break, Drip, Event, Gzip, Step, Wait
from clonespeaker.simulate.stream import ReplyStream
from tests.simulate.conversing import parse_events


class Wire:
    """Keeps what is written, and when."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.times_s: list[float] = []

    async def write(self, data: bytes) -> None:
        self.pieces.append(data)
        self.times_s.append(time.monotonic())


EVENTS: list[Step] = [Event({"nth": nth, "word": "“ä”"}, 0.02) for nth in range(6)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("cut_bytes", [None, 1, 7])
async def test_framing(line_end: str, cut_bytes: int | None) -> None:
    wire = Wire()
    stream = ReplyStream(write=wire.write, line_end=line_end, cut_bytes=cut_bytes)
    assert await stream.send([*EVENTS, Event("[DONE]")], 0.0) is None
    got = parse_events(b"".join(wire.pieces), line_end.encode())
    assert got == [*({"nth": nth, "word": "“ä”"} for nth in range(6)), "[DONE]"]
    assert cut_bytes is None or {len(piece) for piece in wire.pieces[:3]} == {cut_bytes}


async def test_a_reply_that_is_not_streamed_is_plain_json() -> None:
    wire = Wire()
    await ReplyStream(write=wire.write, sse=False).send([Event({"a": 1})], 0.0)
    assert wire.pieces == [b'{"a": 1}']


async def test_nothing_is_sent_before_it_is_due() -> None:
    wire = Wire()
    start_s = time.monotonic() + 0.03
    await ReplyStream(write=wire.write, pace=0.5).send(EVENTS, start_s)
    for nth, written_s in enumerate(wire.times_s):
        assert written_s >= start_s + nth * 0.01


async def test_jitter_delays_and_keeps_the_order() -> None:
    wire = Wire()
    start_s = time.monotonic()
    await ReplyStream(write=wire.write, pace=1.0, jitter_ms=15, random=Random(1)).send(EVENTS, start_s)
    expected = Random(1)
    for nth, written_s in enumerate(wire.times_s):
        assert written_s >= start_s + nth * 0.02 + expected.expovariate(1000 / 15)
    assert [event["nth"] for event in parse_events(b"".join(wire.pieces))] == list(range(6))


async def test_pings_fill_the_waiting() -> None:
    wire = Wire()
    steps: list[Step] = [Wait(0.6), b"last"]
    await ReplyStream(write=wire.write, ping_every_s=0.01, line_end="\r\n").send(steps, time.monotonic())
    assert wire.pieces[-1] == b"last"
    assert 1 <= len(wire.pieces[:-1]) <= 60
    assert all(piece.startswith(b": ping - ") and piece.endswith(b"\r\n\r\n") for piece in wire.pieces[:-1])


async def test_a_break_ends_it() -> None:
    wire = Wire()
    assert await ReplyStream(write=wire.write).send([b"a", Break.CUT, b"b"], 0.0) is Break.CUT
    assert wire.pieces == [b"a"]


@pytest.mark.parametrize("left_bytes", [0, 1, 3, 4, 6, 7])
async def test_a_break_in_the_middle(left_bytes: int) -> None:
    wire = Wire()
    steps: list[Step] = [After(left_bytes, Break.RESET), b"abc", b"def"]
    assert await ReplyStream(write=wire.write).send(steps, 0.0) is Break.RESET
    assert b"".join(wire.pieces) == b"abcdef"[:left_bytes]


async def test_silence_in_the_middle_even_of_pings() -> None:
    wire = Wire()
    steps: list[Step] = [After(4, Wait(0.05)), b"abc", b"def"]
    await ReplyStream(write=wire.write, ping_every_s=0.01).send(steps, time.monotonic())
    assert wire.pieces == [b"abc", b"d", b"ef"]
    assert wire.times_s[2] - wire.times_s[1] >= 0.05


async def test_drops() -> None:
    wire = Wire()
    begun_s = time.monotonic()
    await ReplyStream(write=wire.write).send([b"ab", Drip(100), b"cdefgh"], 0.0)
    assert wire.pieces == [b"ab", b"cd", b"ef", b"gh"]
    for nth, written_s in enumerate(wire.times_s[1:]):
        assert written_s - begun_s >= 0.019 * nth


async def test_compressed_whole_events() -> None:
    wire = Wire()
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    assert await ReplyStream(write=wire.write).send([Gzip(), *EVENTS], 0.0) is None
    for piece, event in zip(wire.pieces, EVENTS, strict=False):
        assert isinstance(event, Event)
        assert reader.decompress(piece) == b"data: " + event.encode() + b"\n\n"
    assert reader.decompress(wire.pieces[-1]) == b""
    assert reader.eof
