"""Every shape that a reply may have, heard at the speaker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clonespeaker.audio import wav
from clonespeaker.audio.files import WavRecorder
from clonespeaker.audio.pcm import Samples
from tests.sound.card import RATE_HZ, SoundCard
from tests.sound.matching import likeness, trace
from tests.sound.running import Line, open_line

pytestmark = pytest.mark.sound


def recorded(path: Path) -> Samples:
    samples, rate_hz = wav.read(path.read_bytes())
    assert rate_hz == RATE_HZ
    return samples


def shape(line: Line, attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        setattr(line.clone, name, value)


@pytest.mark.parametrize(
    ("attributes", "arguments"),
    [
        pytest.param({}, {}, id="raw"),
        pytest.param({"encoding": "wav-first"}, {}, id="a WAV header on the first snippet"),
        pytest.param({"encoding": "wav-each"}, {}, id="a WAV header on each snippet"),
        pytest.param({"snippet_bytes": 1_001}, {}, id="raw, samples cut in two"),
        pytest.param({"snippet_bytes": 1_001, "encoding": "wav-first"}, {}, id="WAV, samples cut in two"),
        pytest.param({"snippet_ms": 5}, {}, id="tiny snippets"),
        pytest.param({}, {"stream": False}, id="not streamed"),
        pytest.param({"encoding": "wav-first"}, {"stream": False}, id="not streamed, WAV"),
        pytest.param({"done_form": "bare"}, {}, id="a bare [DONE]"),
        pytest.param({"line_end": "\r\n"}, {}, id="lines end with CR LF"),
        pytest.param({"line_end": "\r"}, {}, id="lines end with CR"),
        pytest.param({"pace": 0.5, "ping_every_s": 0.02}, {}, id="pings between"),
    ],
)
async def test_bit_exact(
    card: SoundCard, words: Samples, tmp_path: Path, attributes: dict[str, Any], arguments: dict[str, Any]
) -> None:
    async with open_line(tmp_path) as line:
        shape(line, attributes)
        mark = card.position
        timeline = await line.tell(words, line.speaker, **arguments)
        assert trace(words, await card.heard_whole(mark)).is_smooth
    assert timeline.reply_ms == pytest.approx(words.size / RATE_HZ * 1_000)


@pytest.mark.parametrize(
    ("attributes", "arguments", "least", "longer_ms"),
    [
        pytest.param({"rate_hz": 24_000}, {"raw_rate_hz": 24_000}, 0.97, 1, id="raw at 24 kHz"),
        pytest.param({"rate_hz": 48_000}, {"raw_rate_hz": 48_000}, 0.99, 1, id="raw at 48 kHz"),
        pytest.param({"rate_hz": 24_000, "encoding": "wav-each"}, {}, 0.97, 1, id="WAV at 24 kHz"),
        pytest.param({"rate_hz": 48_000, "encoding": "wav-first"}, {}, 0.99, 1, id="WAV at 48 kHz"),
        pytest.param({"encoding": "mp3"}, {}, 0.95, 80, id="MP3"),
        pytest.param({"encoding": "mp3", "rate_hz": 24_000}, {}, 0.95, 150, id="MP3 at 24 kHz"),
        pytest.param({"encoding": "mp3"}, {"stream": False}, 0.95, 80, id="MP3, not streamed"),
    ],
)
async def test_converted(
    card: SoundCard,
    words: Samples,
    tmp_path: Path,
    attributes: dict[str, Any],
    arguments: dict[str, Any],
    least: float,
    longer_ms: float,
) -> None:
    """As a file has it, so the speaker has it, frame for frame; and the file is like what was said."""
    async with open_line(tmp_path) as line:
        shape(line, attributes)
        await line.tell(words, WavRecorder(tmp_path / "reply.wav"), **arguments)
        mark = card.position
        timeline = await line.tell(words, line.speaker, **arguments)
        heard = await card.heard_whole(mark)
    reply = recorded(tmp_path / "reply.wav")
    assert likeness(words, reply) > least
    assert 0 <= reply.size - words.size <= longer_ms * RATE_HZ / 1_000
    assert trace(reply, heard, off=2).is_smooth  # soxr's dither is another each time
    assert timeline.reply_ms == pytest.approx(reply.size / RATE_HZ * 1_000)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CR LF"])
async def test_cut_at_every_byte(card: SoundCard, words: Samples, tmp_path: Path, line_end: str) -> None:
    few = words[:4_410]
    # The loop has its hands full with 13,000 chunks: let it begin once all of them are there.
    async with open_line(tmp_path, start_ms=2_000) as line:
        shape(line, {"cut_bytes": 1, "snippet_ms": 20, "line_end": line_end})
        mark = card.position
        await line.tell(few, line.speaker)
        assert trace(few, await card.heard_whole(mark)).is_smooth


async def test_cut_in_every_size(card: SoundCard, words: Samples, tmp_path: Path) -> None:
    few = words[:1_500]
    async with open_line(tmp_path) as line:
        shape(line, {"snippet_bytes": 701})
        for size in range(1, 65):
            line.clone.cut_bytes = size
            await line.tell(few, WavRecorder(tmp_path / "reply.wav"))
            assert np.array_equal(recorded(tmp_path / "reply.wav"), few), f"cut into {size} bytes"


async def test_a_slow_and_uneven_server(card: SoundCard, question: Samples, tmp_path: Path) -> None:
    """Late events make silence, in which nothing is lost; how much silence is the jitter buffer's matter."""
    said = question[: 3 * RATE_HZ]
    async with open_line(tmp_path) as line:
        shape(line, {"pace": 1.0, "jitter_ms": 60.0, "snippet_ms": 100})
        mark = card.position
        timeline = await line.tell(said, line.speaker)
        found = trace(said, await card.heard_whole(mark))
    assert timeline.underruns <= len(found.gaps)
    assert timeline.reply_ms == pytest.approx(said.size / RATE_HZ * 1_000)
