"""The microphone on a card that is driven by hand."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import numpy as np
import pytest

from clonespeaker.audio import microphone as microphone_module
from clonespeaker.audio.microphone import Microphone, Recording
from clonespeaker.audio.pcm import Samples
from clonespeaker.errors import DeviceError
from tests.audio.card import Card, turn_over

RATE_HZ = 44_100


def count(start: int, samples: int) -> Samples:
    """Samples that tell where they are."""
    return np.arange(start, start + samples).astype(np.int16)


def opened(card: Card) -> Microphone:
    microphone = Microphone(card.open_microphone)
    microphone.open()
    return microphone


class Follower:
    """Reads a recording as it comes."""

    def __init__(self, recording: Recording) -> None:
        self.pieces: list[Samples] = [np.zeros(0, np.int16)]
        self.task = asyncio.create_task(self._follow(recording))

    async def _follow(self, recording: Recording) -> None:
        async for piece in recording:
            self.pieces.append(piece)

    @property
    def heard(self) -> Samples:
        return np.concatenate(self.pieces)


async def test_it_begins_before_it_was_asked_for() -> None:
    card = Card()
    microphone = opened(card)
    card.hear(count(0, 20_000))
    recording = microphone.record(pre_roll_ms=300)
    card.hear(count(20_000, 1_000))
    follower = Follower(recording)
    await turn_over()
    assert np.array_equal(follower.heard, count(20_000 - 13_230, 14_230))
    follower.task.cancel()


async def test_before_it_was_opened_there_is_nothing() -> None:
    card = Card()
    microphone = opened(card)
    card.hear(count(0, 100))
    follower = Follower(microphone.record(pre_roll_ms=300))
    await turn_over()
    assert np.array_equal(follower.heard, count(0, 100))
    follower.task.cancel()


async def test_it_grows_with_every_block() -> None:
    card = Card()
    microphone = opened(card)
    follower = Follower(microphone.record(pre_roll_ms=0))
    await turn_over()
    for nth in range(10):
        card.hear(count(441 * nth, 441))
        await turn_over()
        assert follower.heard.size == 441 * (nth + 1)
    follower.task.cancel()


async def test_it_ends_with_the_sound_of_the_moment() -> None:
    """What a card hands over was heard a while ago: what was said before the release is still on its way."""
    card = Card()
    microphone = opened(card)
    card.hear(count(0, 4_410), age_s=0.1)
    recording = microphone.record(pre_roll_ms=1_000)
    card.hear(count(4_410, 441), age_s=0.1)  # so its last sample is 90 ms old
    follower = Follower(recording)
    await turn_over()
    before = time.monotonic()
    recording.finish()
    late = time.monotonic() - before
    await turn_over()
    assert not follower.task.done()
    for nth in range(8):
        card.hear(count(4_851 + 441 * nth, 441), age_s=0.1)
        await turn_over()
    assert not follower.task.done()  # 80 of 90 ms have come
    for nth in range(8, 20):
        card.hear(count(4_851 + 441 * nth, 441), age_s=0.1)
    await follower.task
    expected = 4_851 + 0.09 * RATE_HZ
    assert expected - 1 <= follower.heard.size <= expected + (late + 0.05) * RATE_HZ
    assert np.array_equal(follower.heard, count(0, follower.heard.size))  # to the sample, and not one more


async def test_it_ends_there_however_late_the_device_s_thread_came() -> None:
    """A busy machine hands over late what it has heard in time; then less seems to be on its way than is."""
    card = Card()
    microphone = opened(card)
    recording = microphone.record(pre_roll_ms=0)
    follower = Follower(recording)
    begun, late_s = time.monotonic(), []
    for nth in range(20):  # in time, or as late as this machine is
        await asyncio.sleep(max(0.0, begun + 0.01 * nth - time.monotonic()))
        card.hear(count(441 * nth, 441))
        late_s.append(time.monotonic() - (begun + 0.01 * nth))
    begun += min(late_s)
    await asyncio.sleep(0.03)
    card.hear(count(441 * 20, 441))  # 20 ms late, and another one as late is on its way
    ended = time.monotonic() - begun
    recording.finish()
    for nth in range(21, 40):
        card.hear(count(441 * nth, 441))
    await follower.task
    said_s = min(0.01 + ended, 21 * 0.01 + 0.2)  # what comes even later, frames may have been lost before
    assert follower.heard.size >= round(said_s * RATE_HZ) - RATE_HZ // 1_000


async def test_frames_that_were_lost_do_not_make_the_others_old() -> None:
    card = Card()
    microphone = opened(card)
    card.hear(count(0, 441))
    await asyncio.sleep(0.5)
    card.hear(count(441, 441))
    assert microphone.silent_for_s < 0.4


async def test_a_finish_after_everything_has_come_ends_at_once() -> None:
    card = Card()
    microphone = opened(card)
    card.hear(count(0, 4_410))
    recording = microphone.record(pre_roll_ms=100)
    recording.finish()
    card.hear(count(4_410, 4_410))
    follower = Follower(recording)
    await follower.task
    assert 4_410 <= follower.heard.size < 8_820


async def test_when_its_first_frame_was_heard() -> None:
    card = Card()
    microphone = opened(card)
    before = time.monotonic()
    card.hear(count(0, 44_100))
    recording = microphone.record(pre_roll_ms=300)
    assert before - 0.001 <= recording.first_frame_at + 0.3 <= time.monotonic() + 0.001


@pytest.mark.parametrize(("age_s", "taken_s"), [(-5.0, 0.01), (0.0, 0.01), (0.05, 0.05), (99.0, 0.2)])
async def test_ages_that_are_nonsense(age_s: float, taken_s: float) -> None:
    """Some drivers report a clock of their own."""
    card = Card()
    microphone = opened(card)
    before = time.monotonic()
    card.hear(count(0, 441), age_s=age_s)
    recording = microphone.record(pre_roll_ms=10)
    assert before - 0.001 <= recording.first_frame_at + taken_s <= time.monotonic() + 0.001


@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 2), (16_000, 1), (44_100, 2)])
async def test_cards_that_give_something_else(rate_hz: int, channels: int) -> None:
    card = Card(rate_hz=rate_hz, channels=channels)
    microphone = opened(card)
    tone = (8_000 * np.sin(2 * np.pi * 1_000 * np.arange(rate_hz) / rate_hz)).astype(np.int16)
    silent = np.zeros_like(tone)
    frames = np.stack([silent] * (channels - 1) + [tone], axis=1).reshape(-1)  # one microphone, on the last channel
    recording = microphone.record(pre_roll_ms=0)
    follower = Follower(recording)
    await turn_over()
    for block in np.split(frames, 100):
        card.hear(block)
        await turn_over()
    recording.finish()
    card.hear(np.zeros(rate_hz // 10 * channels, np.int16))
    await follower.task
    sound = follower.heard[:RATE_HZ]
    assert follower.heard.size == pytest.approx(RATE_HZ, abs=0.05 * RATE_HZ)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    assert np.argmax(spectrum) == pytest.approx(1_000, abs=2)
    assert np.abs(sound).max() == pytest.approx(8_000, rel=0.02)


async def test_overflows_are_counted() -> None:
    card = Card()
    microphone = Microphone(card.open_microphone)
    assert microphone.overflows == 0
    microphone.open()
    for overflowed in (False, True, True):
        card.hear(count(0, 441), overflowed=overflowed)
    assert microphone.overflows == 2
    microphone.close()
    microphone.open()
    assert microphone.overflows == 2
    card.hear(count(0, 441), overflowed=True)
    assert microphone.overflows == 3


async def test_what_lags_too_far_behind_loses_samples_and_says_so() -> None:
    card = Card()
    microphone = opened(card)
    recording = microphone.record(pre_roll_ms=0)
    for nth in range(60):
        card.hear(count(4_410 * nth, 4_410))
    follower = Follower(recording)
    await turn_over()
    assert recording.lost_samples == microphone.lost_samples == RATE_HZ
    assert follower.heard.size == 5 * RATE_HZ
    assert np.array_equal(follower.heard, count(RATE_HZ, 5 * RATE_HZ))
    follower.task.cancel()


async def test_a_card_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone_module, "SILENT_AFTER_S", 0.05)
    card = Card()
    microphone = opened(card)
    follower = Follower(microphone.record(pre_roll_ms=0))
    await turn_over()
    card.hear(count(0, 441))
    with pytest.raises(DeviceError, match=r"a card of a test.*unplugged") as gone:
        await follower.task
    assert gone.value.fault == "no-microphone"
    assert follower.heard.size == 441


async def test_how_long_it_has_been_silent() -> None:
    card = Card()
    microphone = Microphone(card.open_microphone)
    assert microphone.silent_for_s == 0
    microphone.open()
    await asyncio.sleep(0.1)
    assert microphone.silent_for_s >= 0.1
    before = time.monotonic()
    card.hear(count(0, 441), age_s=0.0)
    assert microphone.silent_for_s <= time.monotonic() - before
    microphone.close()
    assert microphone.silent_for_s == 0


async def test_a_recording_hands_over_to_the_next() -> None:
    """Barge-in: the old one may end after the new one has begun."""
    card = Card()
    microphone = opened(card)
    old = Follower(microphone.record(pre_roll_ms=0))
    await turn_over()
    new = Follower(microphone.record(pre_roll_ms=0))
    await turn_over()
    old.task.cancel()
    await asyncio.gather(old.task, return_exceptions=True)
    card.hear(count(0, 441))
    await turn_over()
    assert new.heard.size == 441
    new.task.cancel()


async def test_blocks_come_on_another_thread() -> None:
    card = Card()
    microphone = opened(card)
    follower = Follower(microphone.record(pre_roll_ms=0))
    await turn_over()
    for nth in range(20):
        await asyncio.to_thread(card.hear, count(441 * nth, 441))
    await turn_over()
    assert np.array_equal(follower.heard, count(0, 8_820))
    follower.task.cancel()


async def test_while_nobody_records_nobody_is_woken() -> None:
    card = Card()
    microphone = opened(card)
    pieces: AsyncIterator[Samples] = microphone.record(pre_roll_ms=10).__aiter__()
    card.hear(count(0, 441))
    async with aclosing(pieces):  # type: ignore[type-var]
        await anext(pieces)
    wakes: list[object] = []
    asyncio.get_running_loop().call_soon_threadsafe = wakes.append  # type: ignore[assignment, method-assign]
    card.hear(count(0, 441))
    assert wakes == []


async def test_open_and_closed() -> None:
    card = Card()
    microphone = Microphone(card.open_microphone)
    with pytest.raises(DeviceError, match="not open"):
        microphone.record(pre_roll_ms=0)
    microphone.close()
    microphone.open()
    microphone.close()
    microphone.close()
    assert card.done == ["open", "start", "close"]
    assert microphone.stream is None


async def test_one_that_has_ended_by_itself() -> None:
    card = Card()
    microphone = Microphone(card.open_microphone)
    was_gone = [microphone.is_gone]
    microphone.open()
    was_gone.append(microphone.is_gone)
    card.active = False
    was_gone.append(microphone.is_gone)
    microphone.close()
    was_gone.append(microphone.is_gone)
    assert was_gone == [False, False, True, False]


async def test_a_recording_ends_at_once_where_its_device_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphone_module, "SILENT_AFTER_S", 3_600.0)
    card = Card()
    microphone = Microphone(card.open_microphone)
    microphone.open()
    pieces = aiter(microphone.record(pre_roll_ms=0))
    card.hear(count(0, 441))
    assert (await anext(pieces)).size == 441
    waiting = asyncio.ensure_future(anext(pieces))
    await turn_over()
    microphone.close()
    async with asyncio.timeout(30):
        with pytest.raises(DeviceError, match="unplugged"):  # and not once it has been silent for long enough
            await waiting


async def test_one_that_does_not_start_is_given_back() -> None:
    card = Card()
    card.does_not_start = True
    microphone = Microphone(card.open_microphone)
    with pytest.raises(DeviceError, match="does not start"):
        microphone.open()
    assert microphone.stream is None
    assert card.done == ["open", "close"]


async def test_closed_while_it_is_being_opened_it_does_not_stay_open() -> None:
    opening, go_on = threading.Event(), threading.Event()

    class SlowCard(Card):
        def start(self) -> None:
            opening.set()
            go_on.wait()
            super().start()

    card = SlowCard()
    microphone = Microphone(card.open_microphone)
    first = asyncio.create_task(asyncio.to_thread(microphone.open))
    await asyncio.to_thread(opening.wait)
    second = asyncio.create_task(asyncio.to_thread(microphone.close))
    await asyncio.sleep(0.02)
    go_on.set()
    await asyncio.gather(first, second)
    assert microphone.stream is None
    assert card.done == ["open", "start", "close"]
