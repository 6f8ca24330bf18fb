"""Event bytes → PCM: the reply as it comes from the network, to samples."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.result import Result
from clonespeaker.clone.reply import Snippet, parse_event
from clonespeaker.clone.snippets import SnippetDecoder
from clonespeaker.clone.sse import SseParser

_READ_BYTES = 65_536
_EVENT_KB = (20, 200, 2_000)


def decode(quick: bool) -> Iterator[Result]:
    """MB of the stream per second, for events of some sizes, beside a reader of lines with json and base64."""
    for kilobytes in _EVENT_KB:
        stream = _stream(kilobytes * 1_000, total_bytes=20_000_000 if quick else 60_000_000)
        reads = [stream[at : at + _READ_BYTES] for at in range(0, len(stream), _READ_BYTES)]
        ours, theirs = [], []
        for _ in range(3 if quick else 7):  # in turns, so that a busy moment of the machine meets both
            ours.append(_rate(_ours, reads))
            theirs.append(_rate(_line_by_line, reads))
        yield Result.of(
            f"event bytes → samples, events of {kilobytes:,} kB",
            "MB/s",
            ours,
            at_least=100,
            yardsticks={"lines, json, base64": theirs},
        )


def _stream(event_bytes: int, total_bytes: int) -> bytes:
    pcm = np.random.default_rng(1).integers(-8_000, 8_000, event_bytes * 3 // 8).astype("<i2").tobytes()
    event = json.dumps({"audio_chunk": base64.b64encode(pcm).decode(), "clone_response": None})
    return f"data: {event}\n\n".encode() * (total_bytes // event_bytes)


def _rate(read: Callable[[list[bytes]], int], reads: list[bytes]) -> float:
    begun = time.perf_counter()
    samples = read(reads)
    seconds = time.perf_counter() - begun
    assert samples
    return sum(map(len, reads)) / seconds / 1e6


def _ours(reads: list[bytes]) -> int:
    parser, decoder, samples = SseParser(), SnippetDecoder(44_100), 0
    for read in reads:
        for data in parser.feed(read):
            for event in parse_event(data):
                if isinstance(event, Snippet):
                    samples += sum(sound.size for sound, _ in decoder.decode(event.data, goes_on=event.goes_on))
    return samples


def _line_by_line(reads: list[bytes]) -> int:
    rest, samples = b"", 0
    for read in reads:
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            if line.startswith(b"data: "):
                pcm = base64.b64decode(json.loads(line[6:])["audio_chunk"])
                samples += np.frombuffer(pcm, "<i2").size
    return samples
