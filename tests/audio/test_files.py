"""Files in place of sound devices."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio import wav
from clonespeaker.audio.files import RATE_HZ, FileSound, WavRecorder
from clonespeaker.errors import MediaError

SOUND = np.arange(1, 5_001).astype(np.int16)


def test_the_microphone_hears_what_it_is_given_and_silence_around_it() -> None:
    blocks: list[bytes] = []
    enough = threading.Event()

    def on_block(block: bytes, age_s: float, overflowed: bool) -> None:
        blocks.append(block)
        assert (age_s, overflowed) == (0.01, False)
        if len(blocks) == 2:
            sound.hear(SOUND)
        if len(blocks) >= 20:
            enough.set()

    sound = FileSound()
    stream = sound.open_microphone("auto", period_ms=10, on_block=on_block)
    assert (stream.rate_hz, stream.channels) == (RATE_HZ, 1)
    stream.start()
    stream.start()
    assert enough.wait(2)
    stream.close()
    heard = np.frombuffer(b"".join(blocks), np.int16)
    assert not heard[:882].any()
    assert np.array_equal(heard[882:5_882], SOUND)
    assert not heard[5_882:].any()


def test_it_keeps_time() -> None:
    at: list[float] = []
    stream = FileSound().open_microphone("auto", period_ms=10, on_block=lambda *_: at.append(time.monotonic()))
    stream.start()
    time.sleep(0.3)
    stream.stop()
    assert len(at) == pytest.approx(30, abs=4)
    calls = len(at)
    stream.stop()
    time.sleep(0.03)
    assert len(at) == calls  # none once `stop` has returned
    stream.start()
    time.sleep(0.05)
    stream.close()
    assert len(at) > calls


def test_it_catches_up() -> None:
    at: list[float] = []

    def on_block(*_: object) -> None:
        at.append(time.monotonic())
        if len(at) == 1:
            time.sleep(0.1)

    stream = FileSound().open_microphone("auto", period_ms=10, on_block=on_block)
    stream.start()
    time.sleep(0.2)
    stream.close()
    assert len(at) == pytest.approx(20, abs=4)


def test_the_speaker_writes_down_what_it_plays(tmp_path: Path) -> None:
    asked: list[int] = []
    enough = threading.Event()

    def fill(frames: int, delay_s: float, underflowed: bool) -> bytes:
        asked.append(frames)
        if len(asked) == 5:
            enough.set()
        return np.full(frames, len(asked), np.int16).tobytes()

    stream = FileSound(tmp_path / "played.wav").open_speaker("auto", period_ms=10, fill=fill)
    assert stream.device == str(tmp_path / "played.wav")
    stream.start()
    assert enough.wait(2)
    stream.close()
    samples, rate_hz = wav.read((tmp_path / "played.wav").read_bytes())
    assert rate_hz == RATE_HZ
    assert set(asked) == {441}
    assert np.array_equal(samples, np.repeat(np.arange(1, len(asked) + 1), 441))


def test_a_speaker_that_nobody_hears() -> None:
    called = threading.Event()

    def fill(frames: int, delay_s: float, underflowed: bool) -> bytes:
        called.set()
        return bytes(2 * frames)

    sound = FileSound()
    stream = sound.open_speaker("auto", period_ms=10, fill=fill)
    stream.start()
    assert called.wait(2)
    stream.close()
    sound.refresh()
    sound.close()


def test_a_file_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"nowhere/x\.wav can't be written \(No such file"):
        FileSound(tmp_path / "nowhere" / "x.wav").open_speaker("auto", period_ms=10, fill=lambda *_: b"")


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 24_000])
async def test_a_reply_into_a_file(tmp_path: Path, rate_hz: int) -> None:
    recorder = WavRecorder(tmp_path / "reply.wav")
    tone = (8_000 * np.sin(2 * np.pi * 1_000 * np.arange(rate_hz) / rate_hz)).astype(np.int16)
    async with recorder.play() as reply:
        for piece in np.array_split(tone, 10):
            await reply.put(piece, rate_hz)
        reply.complete()
        reply.complete()
        await reply.drain()
        assert reply.played_ms == pytest.approx(1_000, abs=1)
    samples, _ = wav.read((tmp_path / "reply.wav").read_bytes())
    assert samples.size == pytest.approx(RATE_HZ, abs=5)
    if rate_hz == RATE_HZ:
        assert np.array_equal(samples, tone)


async def test_a_reply_of_many_rates(tmp_path: Path) -> None:
    async with WavRecorder(tmp_path / "reply.wav").play() as reply:
        for rate_hz in (44_100, 24_000, 44_100, 24_000):
            await reply.put(np.full(rate_hz // 10, 8_000, np.int16), rate_hz)
        reply.complete()
    samples, _ = wav.read((tmp_path / "reply.wav").read_bytes())
    assert samples.size == pytest.approx(4 * 4_410, abs=10)
    assert (reply.underruns, reply.first_heard_at, reply.last_heard_at) == (0, None, None)


async def test_another_reply_writes_over_it(tmp_path: Path) -> None:
    recorder = WavRecorder(tmp_path / "reply.wav")
    for count in (5_000, 100):
        async with recorder.play() as reply:
            await reply.put(SOUND[:count], RATE_HZ)
            reply.complete()
    samples, _ = wav.read((tmp_path / "reply.wav").read_bytes())
    assert np.array_equal(samples, SOUND[:100])
