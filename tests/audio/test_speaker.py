"""The speaker on a card that is driven by hand."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from clonespeaker.audio import playback as playback_module
from clonespeaker.audio import speaker as speaker_module
from clonespeaker.audio.jitter import AFTER_STARVING_MS
from clonespeaker.audio.output import REFILL_AT_MS
from clonespeaker.audio.pcm import Samples, volume_gain
from clonespeaker.audio.playback import Playback
from clonespeaker.audio.speaker import Speaker
from clonespeaker.errors import DeviceError
from tests.audio.card import Card, turn_over

RATE_HZ = 44_100
FADE = 220  # frames


def noise(ms: float) -> Samples:
    """Sound of which no piece is like another; never silent."""
    samples = np.random.default_rng(0).integers(1_000, 9_000, round(RATE_HZ * ms / 1_000))
    return samples.astype(np.int16)


def level(ms: float, height: int = 8_000) -> Samples:
    return np.full(round(RATE_HZ * ms / 1_000), height, np.int16)


def opened(card: Card, **options: Any) -> Speaker:
    speaker = Speaker(card.open_speaker, **{"start_ms": 0, **options})
    speaker.open()
    speaker.wake()
    return speaker


async def begin(playback: Playback, card: Card) -> None:
    """Let it get past the waking, which is done in a thread, and the hush that each sound begins with."""
    with ThreadPoolExecutor(1) as one_after_the_other:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(one_after_the_other)
        await turn_over()
        await loop.run_in_executor(None, lambda: None)
        await turn_over()
        loop.set_default_executor(ThreadPoolExecutor())
    card.ask()
    await turn_over()
    assert playback.first_heard_at is None


def draining(playback: Playback) -> asyncio.Task[None]:
    playback.complete()
    return asyncio.create_task(playback.drain())


async def play_nothing(speaker: Speaker) -> None:
    async with speaker.play() as playback:
        playback.complete()
        await playback.drain()


def heard(played: Samples) -> Samples:
    """Without the silence around it."""
    at = np.flatnonzero(played)
    return played[at[0] : at[-1] + 1] if at.size else played[:0]


# A sound


@pytest.mark.parametrize("pieces", [1, 7, 100])
async def test_every_sample_is_heard_in_order(pieces: int) -> None:
    card = Card()
    speaker, sound = opened(card), noise(500)
    async with speaker.play() as playback:
        for piece in np.array_split(sound, pieces):
            await playback.put(piece, RATE_HZ)
        played = await card.play_out(draining(playback))
    at = int(np.flatnonzero(played)[0]) - 1  # the ramp begins at 0
    assert np.array_equal(played[at + FADE : at + sound.size], sound[FADE:])
    assert np.array_equal(played[at : at + FADE], (sound[:FADE] * np.linspace(0, 1, FADE)).astype(np.int16))
    assert played[at + sound.size :].size >= FADE
    assert np.abs(np.diff(played[at + sound.size - 1 :].astype(int))).max() < 9_000 / FADE + 2  # it glides out
    assert playback.played_ms == pytest.approx(500, abs=0.1)
    assert playback.underruns == 0


async def test_it_starts_with_enough_at_hand() -> None:
    card = Card()
    speaker = opened(card, start_ms=60)
    async with speaker.play() as playback:
        await begin(playback, card)
        await playback.put(noise(50), RATE_HZ)
        assert not (await card.play(20)).any()
        await playback.put(noise(15), RATE_HZ)
        await turn_over()
        assert card.ask().any()


async def test_or_with_all_there_is() -> None:
    card = Card()
    speaker = opened(card, start_ms=1_000)
    async with speaker.play() as playback:
        await begin(playback, card)
        await playback.put(noise(20), RATE_HZ)
        assert not (await card.play(5)).any()
        playback.complete()
        await turn_over()
        assert card.ask().any()


async def test_nothing_at_all_is_over_at_once() -> None:
    card = Card()
    speaker = opened(card)
    async with speaker.play() as playback:
        played = await card.play_out(draining(playback))
        assert not played.any()
    assert playback.first_heard_at is None
    assert playback.last_heard_at is None
    assert playback.played_ms == 0


async def test_it_tells_when_it_is_heard() -> None:
    card = Card(delay_s=0.1)
    speaker = opened(card)
    starts: list[float | None] = []
    pieces: list[Samples] = []
    async with speaker.play() as playback:
        playback.on_start = lambda: starts.append(playback.first_heard_at)
        playback.on_play = pieces.append
        await begin(playback, card)
        await playback.put(level(30), RATE_HZ)
        playback.complete()
        await turn_over()
        before = time.monotonic()
        card.ask()
        after = time.monotonic()
        await turn_over()
        assert playback.first_heard_at is not None
        assert before + 0.1 <= playback.first_heard_at <= after + 0.1
        assert starts == [playback.first_heard_at]
        await card.play(5)
        assert playback.last_heard_at is not None
        assert playback.last_heard_at > playback.first_heard_at
        assert len(starts) == 1
    assert sum(piece.size for piece in pieces) == 1_323


async def test_it_is_over_when_the_last_sample_has_come_out() -> None:
    card = Card(delay_s=0.15)
    speaker = opened(card)
    async with speaker.play() as playback:
        await playback.put(level(20), RATE_HZ)
        over = draining(playback)
        await card.play(10)
        assert not over.done()  # handed over, but not heard
        await over
        assert playback.last_heard_at is not None
        assert time.monotonic() >= playback.last_heard_at - 0.002


async def play_level(speaker: Speaker, card: Card, *, periods_before: int) -> tuple[Playback, Samples]:
    """A sound that comes so many periods after its playback began; what was played from its coming on."""
    async with speaker.play() as playback:
        await begin(playback, card)
        assert not (await card.play(periods_before)).any() if periods_before else True
        assert playback.first_heard_at is None
        await playback.put(level(50), RATE_HZ)
        over = draining(playback)
        await turn_over()
        played = await card.play_out(over)
        assert (playback.underruns, playback.played_ms) == (0, 50)
        return playback, played


@pytest.mark.parametrize(("periods_before", "silence"), [(0, 4_410 - 441), (4, 4_410 - 5 * 441), (9, 0), (30, 0)])
async def test_what_an_amplifier_has_been_awake_for_before_a_sound(periods_before: int, silence: int) -> None:
    """The silence in which the user speaks counts; only what is missing comes between the answer and its sound."""
    card = Card(delay_s=0.05)
    speaker = opened(card, lead_in_ms=100, start_ms=20)
    before = time.monotonic()
    playback, played = await play_level(speaker, card, periods_before=periods_before)
    first = np.flatnonzero(played)[0]
    assert silence <= first <= silence + 1  # the ramp begins with a zero, where there is no silence for it to be in
    assert playback.first_heard_at is not None
    assert playback.first_heard_at >= before + 0.05 + silence / RATE_HZ  # when the sound is heard, not the silence
    assert speaker.jitter.target_ms == 20


async def test_an_amplifier_that_is_awake_is_not_waited_for() -> None:
    card = Card()
    speaker = opened(card, lead_in_ms=100)
    _, first = await play_level(speaker, card, periods_before=0)
    _, second = await play_level(speaker, card, periods_before=0)
    assert np.flatnonzero(first)[0] == 4_410 - 441
    assert np.flatnonzero(second)[0] <= 1


async def test_one_that_has_slept_meanwhile_is_waited_for_again() -> None:
    card = Card()
    speaker = opened(card, lead_in_ms=100)
    await play_level(speaker, card, periods_before=30)
    speaker.rest()
    _, played = await play_level(speaker, card, periods_before=0)
    assert np.flatnonzero(played)[0] == 4_410 - 441


async def test_a_sound_can_be_stopped_in_its_lead_in() -> None:
    card = Card()
    speaker = opened(card, lead_in_ms=100)
    async with speaker.play() as playback:
        await begin(playback, card)
        await playback.put(level(50), RATE_HZ)
        assert not (await card.play(3)).any()
    assert not (await card.play(20)).any()


# Rates and channels


@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 2), (16_000, 1), (44_100, 2), (96_000, 8)])
async def test_cards_that_take_something_else(rate_hz: int, channels: int) -> None:
    card = Card(rate_hz=rate_hz, channels=channels)
    speaker = opened(card)
    tone = (8_000 * np.sin(2 * np.pi * 1_000 * np.arange(22_050) / RATE_HZ)).astype(np.int16)
    async with speaker.play() as playback:
        for piece in np.array_split(tone, 9):
            await playback.put(piece, RATE_HZ)
        played = (await card.play_out(draining(playback))).reshape(-1, channels)
    assert (played == played[:, :1]).all()
    sound = heard(played[:, 0])
    assert sound.size == pytest.approx(rate_hz / 2, abs=rate_hz * 0.006)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    assert np.argmax(spectrum) * rate_hz / sound.size == pytest.approx(1_000, abs=3)
    assert np.abs(sound).max() == pytest.approx(8_000, rel=0.02)
    assert playback.played_ms == pytest.approx(500, abs=1)


async def test_a_sound_whose_rate_changes() -> None:
    card = Card()
    speaker = opened(card)
    async with speaker.play() as playback:
        await playback.put(level(100), RATE_HZ)
        await playback.put(np.full(2_400, 8_000, np.int16), 24_000)
        await playback.put(level(100), RATE_HZ)
        played = await card.play_out(draining(playback))
    assert heard(played).size == pytest.approx(13_230 + FADE, abs=20)
    assert playback.underruns == 0


# What comes faster or slower than it is heard


async def test_putting_waits_while_too_much_waits_already() -> None:
    card = Card()
    speaker = opened(card, read_ahead_s=0.5)
    async with speaker.play() as playback:
        await begin(playback, card)
        putting = asyncio.create_task(playback.put(level(1_500), RATE_HZ))
        await card.play(50)  # 0.5 s
        assert not putting.done()
        # Then 0.5 s are left besides the ring, which is filled up only where it is down to REFILL_AT_MS.
        await card.play(int((1.5 - 0.5) * 100 - REFILL_AT_MS / 10 - 50 + 4))
        assert putting.done()
        await putting


async def test_an_hour_takes_no_more_memory_than_a_minute() -> None:
    card = Card()
    speaker = opened(card, read_ahead_s=1)
    minute = level(60_000)
    async with speaker.play() as playback:
        await begin(playback, card)

        async def speak() -> None:
            for piece in np.array_split(minute, 600):
                await playback.put(piece, RATE_HZ)

        speaking = asyncio.create_task(speak())
        while not speaking.done():
            await card.play(5)
            waiting = playback._ahead_frames
            assert waiting <= 1.2 * RATE_HZ


async def test_what_runs_dry_before_its_end_has_starved() -> None:
    card = Card()
    speaker = opened(card, start_ms=20)
    async with speaker.play() as playback:
        await begin(playback, card)
        await playback.put(level(50), RATE_HZ)
        await turn_over()
        await card.play(10)
        assert playback.underruns == 0  # it may have been the end
        await playback.put(level(30), RATE_HZ)
        await turn_over()
        assert playback.underruns == 1
        assert not (await card.play(3)).any()  # more is gathered before it goes on
        await playback.put(level(AFTER_STARVING_MS - 30), RATE_HZ)
        await turn_over()
        assert (await card.play()).any()
        await card.play_out(draining(playback))
        assert playback.underruns == 1
    assert speaker.jitter.target_ms == AFTER_STARVING_MS


async def test_what_runs_dry_at_its_end_has_not() -> None:
    card = Card()
    speaker = opened(card)
    for _ in range(2):
        async with speaker.play() as playback:
            await begin(playback, card)
            await playback.put(level(50), RATE_HZ)
            await card.play(20)
            await card.play_out(draining(playback))
            assert playback.underruns == 0


async def test_what_was_learnt_stays_for_the_next_sound_until_it_is_calm() -> None:
    card = Card()
    speaker = opened(card, start_ms=20)
    targets_ms = []
    for periods in (10, 1, 1):
        async with speaker.play() as playback:
            await begin(playback, card)
            for _ in range(100):
                await playback.put(level(30), RATE_HZ)
                await card.play(periods)
            await card.play_out(draining(playback))
        targets_ms.append(speaker.jitter.target_ms)
    assert targets_ms[0] >= AFTER_STARVING_MS
    assert targets_ms[0] > targets_ms[1] > targets_ms[2]


# Silence, at once


async def test_leaving_fades_out_and_throws_the_rest_away() -> None:
    card = Card()
    speaker = opened(card)
    async with speaker.play() as playback:
        await begin(playback, card)
        await playback.put(level(1_000), RATE_HZ)
        await turn_over()
        assert (await card.play(5))[-1] == 8_000
    last = card.ask()
    assert last[0] == 8_000
    assert (np.diff(last[:FADE].astype(int)) <= 0).all()  # down
    assert np.abs(np.diff(last.astype(int))).max() < 8_000 / FADE + 2  # without a click
    assert not last[FADE:].any()
    assert not (await card.play(50)).any()


async def test_a_sound_after_one_that_was_stopped_is_whole() -> None:
    card = Card()
    speaker, sound = opened(card), noise(400)
    async with speaker.play() as playback:
        await begin(playback, card)
        await playback.put(level(1_000, 500), RATE_HZ)
        await card.play(5)
    async with speaker.play() as playback:
        await playback.put(sound, RATE_HZ)
        played = await card.play_out(draining(playback))
    at = int(np.flatnonzero(played > 500)[0])
    where = played.tobytes().find(sound[FADE:].tobytes())
    assert where > 0
    assert at > FADE


async def test_one_that_was_stopped_while_nothing_was_played_harms_nobody() -> None:
    card = Card()
    speaker = opened(card, start_ms=500)
    async with speaker.play() as playback:
        await begin(playback, card)
        await playback.put(level(100), RATE_HZ)
    speaker.rest()
    speaker.wake()
    async with speaker.play() as playback:
        await playback.put(noise(600), RATE_HZ)
        played = await card.play_out(draining(playback))
    assert noise(600)[FADE:].tobytes() in played.tobytes()


async def test_cancelling_who_drains_stops_it() -> None:
    card = Card()
    speaker = opened(card)

    async def speak() -> None:
        async with speaker.play() as playback:
            await playback.put(level(1_000), RATE_HZ)
            playback.complete()
            await playback.drain()

    speaking = asyncio.create_task(speak())
    await turn_over()
    await card.play(10)
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)
    card.ask()
    assert not (await card.play(30)).any()


# Volume


@pytest.mark.parametrize("volume", [100, 50, 1, 0])
async def test_volume(volume: int) -> None:
    card = Card()
    speaker = opened(card, volume=volume)
    async with speaker.play() as playback:
        await playback.put(level(300), RATE_HZ)
        played = await card.play_out(draining(playback))
    assert played.max(initial=0) == round(8_000 * volume_gain(volume))


async def test_a_change_of_volume_does_not_click() -> None:
    card = Card()
    speaker = opened(card)
    async with speaker.play() as playback:
        await begin(playback, card)
        await playback.put(level(2_000), RATE_HZ)
        await card.play(30)
        speaker.volume = 20
        quieter = (await card.play(50)).astype(int)
        speaker.volume = 90
        louder = (await card.play(50)).astype(int)
    assert quieter[-1] == round(8_000 * volume_gain(20))
    assert louder[-1] == round(8_000 * volume_gain(90))
    assert np.abs(np.diff(np.concatenate((quieter, louder)))).max() <= 8_000 / 441 + 2  # spread over a period


# Cards that go, sleep and wake


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback_module, "SILENT_AFTER_S", 0.1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("periods", [0, 1, 10])
async def test_a_card_that_asks_for_nothing_more(periods: int) -> None:
    card = Card()
    speaker = opened(card)
    async with speaker.play() as playback:
        await playback.put(level(1_000), RATE_HZ)
        await turn_over()
        await card.play(periods) if periods else None
        with pytest.raises(DeviceError, match=r"a card of a test.*unplugged") as gone:
            await draining(playback)
        assert gone.value.fault == "no-speaker"


@pytest.mark.usefixtures("impatient")
async def test_a_card_that_goes_while_putting_waits() -> None:
    card = Card()
    speaker = opened(card, read_ahead_s=0.1)
    async with speaker.play() as playback:
        with pytest.raises(DeviceError, match="unplugged"):
            await playback.put(level(1_000), RATE_HZ)


async def test_a_sound_that_is_slow_to_come_is_no_card_that_went(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback_module, "SILENT_AFTER_S", 0.8)
    card = Card()
    speaker = opened(card, start_ms=100)
    async with speaker.play() as playback:
        await begin(playback, card)
        for _ in range(12):
            card.ask()
            await asyncio.sleep(0.1)
        await playback.put(level(200), RATE_HZ)
        await turn_over()
        assert card.ask().any()


async def test_asleep_and_awake() -> None:
    card = Card()
    speaker = Speaker(card.open_speaker)
    with pytest.raises(DeviceError, match="not open"):
        speaker.play()
    speaker.wake()  # nothing to wake
    speaker.rest()
    speaker.open()
    speaker.wake()
    speaker.wake()
    speaker.rest()
    speaker.wake()
    speaker.close()
    speaker.close()
    assert card.done == ["open", "start", "stop", "start", "stop", "close"]
    assert speaker.stream is None


async def test_how_long_it_has_been_silent() -> None:
    card = Card()
    speaker = Speaker(card.open_speaker)
    assert speaker.silent_for_s == 0
    speaker.open()
    assert speaker.silent_for_s == 0  # asleep
    before = time.monotonic()
    speaker.wake()
    assert 0 <= speaker.silent_for_s <= time.monotonic() - before
    await asyncio.sleep(0.1)
    assert speaker.silent_for_s >= 0.1
    before = time.monotonic()
    card.ask()
    assert speaker.silent_for_s <= time.monotonic() - before
    speaker.rest()
    assert speaker.silent_for_s == 0


async def test_one_that_does_not_wake_is_closed_so_that_it_is_opened_again() -> None:
    card = Card()
    speaker = Speaker(card.open_speaker)
    speaker.open()
    card.does_not_start = True
    with pytest.raises(DeviceError, match="does not start"):
        speaker.wake()
    assert card.done == ["open", "close"]
    assert speaker.stream is None
    card.does_not_start = False
    speaker.open()
    speaker.wake()
    assert card.done[2:] == ["open", "start"]


async def test_a_sound_for_one_that_does_not_wake() -> None:
    card = Card()
    speaker = Speaker(card.open_speaker)
    speaker.open()
    card.does_not_start = True
    with pytest.raises(DeviceError, match="does not start"):
        await play_nothing(speaker)


async def test_one_that_hangs_as_it_wakes() -> None:
    async def hang(_call: Callable[[], None]) -> None:
        raise DeviceError("speaker", "the speaker does not answer")

    speaker = Speaker(Card().open_speaker, in_thread=hang)
    speaker.open()
    with pytest.raises(DeviceError, match="does not answer"):
        await play_nothing(speaker)


async def test_one_that_has_ended_by_itself() -> None:
    card = Card()
    speaker = Speaker(card.open_speaker)
    was_gone = [speaker.is_gone]
    speaker.open()
    was_gone.append(speaker.is_gone)  # asleep
    speaker.wake()
    was_gone.append(speaker.is_gone)
    card.active = False
    was_gone.append(speaker.is_gone)
    speaker.close()
    was_gone.append(speaker.is_gone)
    assert was_gone == [False, False, False, True, False]


async def test_closed_while_a_sound_is_stopped_it_fades_out_first() -> None:
    card = Card()
    speaker = opened(card)
    async with speaker.play() as playback:
        await playback.put(level(1_000), RATE_HZ)
        await begin(playback, card)
        assert (await card.play(3))[-1] > 900
    closing = asyncio.create_task(asyncio.to_thread(speaker.close))
    played = await card.play_out(closing)
    assert played[0] > 900
    assert played[-1] == 0
    assert np.abs(np.diff(played.astype(int))).max() < 8_000 / FADE + 2  # no click


async def test_a_sound_ends_at_once_where_its_device_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback_module, "SILENT_AFTER_S", 3_600.0)
    card = Card()
    speaker = opened(card)
    async with speaker.play() as playback:
        await playback.put(level(1_000), RATE_HZ)
        await begin(playback, card)
        await card.play(3)
        speaker.close()
        async with asyncio.timeout(30):
            with pytest.raises(DeviceError, match="unplugged"):  # and not once it has asked for nothing for long enough
                await playback.drain()
    assert card.done[-2:] == ["stop", "close"]


async def test_closed_when_it_asks_for_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not stopped, for that waits for what it was given to be played."""
    monkeypatch.setattr(speaker_module, "SILENT_AFTER_S", 0.01)
    card = Card()
    speaker = opened(card)
    await asyncio.sleep(0.02)
    speaker.close()
    assert card.done == ["open", "start", "close"]


async def test_what_the_device_itself_ran_dry_is_counted_for_good() -> None:
    card = Card()
    speaker = opened(card)
    card.ask(underflowed=True)
    card.ask()
    card.ask(underflowed=True)
    assert speaker.underflows == 2
    speaker.close()
    assert speaker.underflows == 2
    speaker.open()
    speaker.wake()
    card.ask(underflowed=True)
    assert speaker.underflows == 3


async def test_a_press_as_it_falls_asleep() -> None:
    """It is awake in the end, whichever of two threads was first."""
    stopping, go_on = threading.Event(), threading.Event()

    class SlowCard(Card):
        def stop(self) -> None:
            stopping.set()
            go_on.wait()
            super().stop()

    card = SlowCard()
    speaker = opened(card)
    resting = asyncio.create_task(asyncio.to_thread(speaker.rest))
    await asyncio.to_thread(stopping.wait)
    waking = asyncio.create_task(asyncio.to_thread(speaker.wake))
    await asyncio.sleep(0.02)
    go_on.set()
    await asyncio.gather(resting, waking)
    assert card.done == ["open", "start", "stop", "start"]
