"""Files in place of sound devices."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio import wav
from clonespeaker.audio.files import RATE_HZ, FileSound, WavRecorder
from clonespeaker.audio.pcm import Samples
from clonespeaker.errors import CloneError, DeviceError, MediaError

SOUND = np.arange(1, 5_001).astype(np.int16)
PERIOD_S = 0.01


def until(condition: Callable[[], object]) -> None:
    """Returns once it holds; patient, for the machine may be busy."""
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.001)


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
    assert enough.wait(30)
    stream.close()
    heard = np.frombuffer(b"".join(blocks), np.int16)
    assert not heard[:882].any()
    assert np.array_equal(heard[882:5_882], SOUND)
    assert not heard[5_882:].any()


def test_it_keeps_time() -> None:
    at: list[float] = []
    stream = FileSound().open_microphone("auto", period_ms=10, on_block=lambda *_: at.append(time.monotonic()))
    begun_at = time.monotonic()
    stream.start()
    until(lambda: len(at) >= 30)
    until(lambda: len(at) >= (time.monotonic() - begun_at) / PERIOD_S - 4)  # so it is not slow
    stream.stop()
    assert all(each - begun_at >= nth * PERIOD_S - 0.001 for nth, each in enumerate(at))  # nor fast
    calls = len(at)
    stream.stop()
    time.sleep(0.03)
    assert len(at) == calls  # none once `stop` has returned
    stream.start()
    until(lambda: len(at) > calls)
    stream.close()


def test_it_catches_up() -> None:
    at: list[float] = []

    def on_block(*_: object) -> None:
        at.append(time.monotonic())
        if len(at) == 1:
            time.sleep(0.2)

    stream = FileSound().open_microphone("auto", period_ms=10, on_block=on_block)
    begun_at = time.monotonic()
    stream.start()
    until(lambda: len(at) > 1)
    until(lambda: len(at) >= (time.monotonic() - begun_at) / PERIOD_S - 4)  # else it stays 20 behind
    stream.close()


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
    assert enough.wait(30)
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
    assert called.wait(30)
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


@contextlib.contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def write_reply(path: Path, samples: Samples, *, ended_by: BaseException | None = None) -> None:
    async with WavRecorder(path).play() as reply:
        await reply.put(samples, RATE_HZ)
        if ended_by is not None:
            raise ended_by
        reply.complete()
        await reply.drain()


def play_into(path: Path) -> FileSound:
    """A fifth of a second of a speaker that plays into a file, and is closed."""
    enough = threading.Event()
    asked: list[int] = []

    def fill(frames: int, delay_s: float, underflowed: bool) -> bytes:
        asked.append(frames)
        if len(asked) == 20:
            enough.set()
        return bytes(2 * frames)

    sound = FileSound(path)
    stream = sound.open_speaker("auto", period_ms=10, fill=fill)
    stream.start()
    assert enough.wait(20)
    stream.close()
    return sound


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(MediaError, match=f"{name} is no file but a device or the like; name a file"):
            asyncio.run(write_reply(tmp_path / name, SOUND))
        with pytest.raises(MediaError, match="is no file"):
            FileSound(tmp_path / name).open_speaker("auto", period_ms=10, fill=lambda *_: b"")
    with pytest.raises(MediaError, match="is a directory; name a file in it"):
        asyncio.run(write_reply(tmp_path, SOUND))
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]


async def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "reply.wav").symlink_to("elsewhere/real.wav")
    for count in (5_000, 100):  # the first time, it points to nothing yet
        await write_reply(tmp_path / "reply.wav", SOUND[:count])
        assert (tmp_path / "reply.wav").is_symlink()
        samples, _ = wav.read((tmp_path / "elsewhere" / "real.wav").read_bytes())
        assert samples.size == count


async def test_what_lies_where_it_is_written_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    (tmp_path / "reply.wav.part").symlink_to("other")
    await write_reply(tmp_path / "reply.wav", SOUND)
    assert (tmp_path / "other").read_text() == "other"
    assert sorted(os.listdir(tmp_path)) == ["other", "reply.wav"]


@pytest.mark.parametrize("size", [20_000, 44 + 2 * SOUND.size - 10], ids=["in the middle", "at the end"])
async def test_on_a_full_disk_what_was_there_stays(tmp_path: Path, size: int) -> None:
    await write_reply(tmp_path / "reply.wav", SOUND[:100])
    before = (tmp_path / "reply.wav").read_bytes()
    sound = np.repeat(SOUND, 4) if size == 20_000 else SOUND
    with full_after(size), pytest.raises(DeviceError, match=r"reply\.wav can't be written \(File too large\)"):
        await write_reply(tmp_path / "reply.wav", sound)
    assert (tmp_path / "reply.wav").read_bytes() == before
    assert os.listdir(tmp_path) == ["reply.wav"]


@pytest.mark.parametrize(
    ("raised", "count"),
    [(CloneError("broke off", fault="reply-broken"), SOUND.size), (asyncio.CancelledError(), 100)],
    ids=["broken off", "cancelled"],
)
async def test_what_came_is_kept_unless_it_was_cancelled(tmp_path: Path, raised: BaseException, count: int) -> None:
    await write_reply(tmp_path / "reply.wav", SOUND[:100])
    with pytest.raises(type(raised)):
        await write_reply(tmp_path / "reply.wav", SOUND, ended_by=raised)
    samples, _ = wav.read((tmp_path / "reply.wav").read_bytes())
    assert samples.size == count
    assert os.listdir(tmp_path) == ["reply.wav"]


def test_a_speaker_whose_disk_is_full_plays_on_and_tells_in_the_end(tmp_path: Path) -> None:
    play_into(tmp_path / "played.wav").check()
    before = (tmp_path / "played.wav").read_bytes()
    assert len(before) > 44 + 20 * 882 - 1
    with full_after(5_000):
        sound = play_into(tmp_path / "played.wav")
    with pytest.raises(MediaError, match=r"played\.wav can't be written \(File too large\)"):
        sound.check()
    assert (tmp_path / "played.wav").read_bytes() == before
    assert os.listdir(tmp_path) == ["played.wav"]
