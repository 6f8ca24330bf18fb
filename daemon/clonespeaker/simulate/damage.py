"""What is done to replies: each function takes a good one, and a fault's number, and gives what is sent of it."""

from __future__ import annotations

import base64
import itertools
import json
import random
import struct
from collections.abc import Callable, Iterable, Iterator

from clonespeaker.simulate.reply import After, Break, Drip, Event, Gzip, Reply, Step, Wait

Spoil = Callable[[Reply, float | None], Iterable[Step]]

_PING_EVERY_S = 0.05
_LINE_PIECE = b"A" * 65_536


def then(step: Wait | Break) -> Spoil:
    """Half of the reply, or so many bytes of it, then `step`."""

    def spoil(reply: Reply, at: float | None) -> Iterable[Step]:
        if at is None:
            return (*reply.pieces[: len(reply.pieces) // 2], step)
        return (After(int(at), step), *reply.steps())

    return spoil


def cut_after(reply: Reply, at: float | None) -> Iterable[Step]:
    """So many events."""
    return (*itertools.islice(reply.steps(), int(at or 0)), Break.CUT)


def drip(reply: Reply, at: float | None) -> Iterable[Step]:
    """So many bytes a second."""
    return (Drip(max(at or 0, 1)), *reply.steps())


def compress(reply: Reply, _at: float | None) -> Iterable[Step]:
    """All of it, compressed."""
    return (Gzip(), *reply.steps())


def leave(reply: Reply, _at: float | None) -> Iterable[Step]:
    """All of it as it is: only what is said about it is wrong."""
    return reply.steps()


def put_together(reply: Reply, _at: float | None) -> Iterator[Step]:
    """What a client would have got that had not asked for a stream."""
    objects = [event.data for event in reply.steps() if isinstance(event, Event) and isinstance(event.data, dict)]
    response = next(each["clone_response"] for each in objects if each["clone_response"])
    sound = b"".join(base64.b64decode(each["audio_chunk"]) for each in objects if "audio_chunk" in each)
    audio = {"audio": base64.b64encode(sound).decode()} if sound else {}
    yield json.dumps({"clone_response": {**response, **audio}}).encode()


def end_early(reply: Reply, _at: float | None) -> Iterable[Step]:
    """All but its ending."""
    return reply.pieces


def leave_no_done(reply: Reply, _at: float | None) -> Iterable[Step]:
    """The final event says nothing of being the last."""
    return (*reply.pieces, reply.ending[0].with_fields(current_token=None))


def end_twice(reply: Reply, _at: float | None) -> Iterable[Step]:
    """All of it, and its ending again."""
    return (*reply.pieces, *reply.ending, *reply.ending)


def never_end(reply: Reply, _at: float | None) -> Iterable[Step]:
    """Its pieces over and over."""
    return itertools.cycle(reply.pieces)


def never_end_a_line(_reply: Reply, _at: float | None) -> Iterator[Step]:
    """One snippet that gets longer and longer."""
    yield b'data: {"audio_chunk": "'
    while True:
        yield _LINE_PIECE


def break_json(reply: Reply, _at: float | None) -> Iterator[Step]:
    """An event that is half an object before each good one."""
    for piece in reply.pieces:
        yield Event('{"audio_chunk": "AAAA", "clone_resp')
        yield piece
    yield from reply.ending


def break_base64(reply: Reply, _at: float | None) -> Iterator[Step]:
    """Every other snippet is none."""
    for nth, piece in enumerate(reply.pieces):
        yield piece.with_fields(audio_chunk="*** not base64 ***") if nth % 2 else piece
    yield from reply.ending


def break_wav(reply: Reply, _at: float | None) -> Iterator[Step]:
    """Every other snippet is a WAV that can't be, one kind after the other."""
    kinds = itertools.cycle(WRONG_WAVS)
    for nth, piece in enumerate(reply.pieces):
        yield piece.with_fields(audio_chunk=base64.b64encode(next(kinds)).decode()) if nth % 2 else piece
    yield from reply.ending


def send_noise(_reply: Reply, _at: float | None) -> Iterator[Step]:
    """Events of random bytes instead."""
    bytes_of = random.Random(0).randbytes
    for _ in range(500):
        yield b"data: " + bytes_of(64) + b"\n\n"


def ping_only(_reply: Reply, _at: float | None) -> Iterator[Step]:
    """Comment lines instead."""
    while True:
        yield b": ping\n\n"
        yield Wait(_PING_EVERY_S)


def _wav(*, rate_hz: int = 44_100, channels: int = 1, bits: int = 16, form_bytes: int = 16) -> bytes:
    sound = bytes(400)
    form = struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * 2 % 2**32, 2, bits)[:form_bytes]
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(sound)) + sound
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


WRONG_WAVS = (_wav(bits=3), _wav(rate_hz=4_000_000_000), _wav(form_bytes=2), _wav(channels=0))
"""3 bits a sample, 4 GHz, a format cut short, and no channel."""
