"""A short sound beside what is played: at the output, and at the speaker."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
import pytest

from clonespeaker.audio import earcons
from clonespeaker.audio.aside import Aside
from clonespeaker.audio.output import Output
from clonespeaker.audio.pcm import Samples, apply_gain, volume_gain
from clonespeaker.audio.speaker import Speaker
from clonespeaker.cues import Earcon
from clonespeaker.errors import DeviceError
from tests.audio.card import Card, turn_over
from tests.audio.test_output import FADE, PERIOD, RATE_HZ, SMALL_STEP, Device, level, steps
from tests.peers import until

EARCON = earcons.make(Earcon.ERROR)


def aside(device: Device, samples: Samples, gain: float = 1.0) -> tuple[Aside, list[int]]:
    """One at an output, and the periods at which it was over."""
    over: list[int] = []
    made = Aside(samples, gain, lambda: over.append(device.output.periods))
    device.output.aside = made
    return made, over


def test_it_is_heard_as_it_is_where_nothing_is_played() -> None:
    device = Device(delay_s=0.03)
    made, over = aside(device, EARCON)
    periods = -(-EARCON.size // PERIOD)
    heard = device.periods(periods + 2)
    assert np.array_equal(heard[: EARCON.size], EARCON)
    assert not heard[EARCON.size :].any()
    assert over == [periods]
    assert device.output.aside is None
    assert made.heard_until == pytest.approx(100 + EARCON.size / RATE_HZ + 0.03)


def test_it_counts_for_nothing() -> None:
    device = Device()
    aside(device, EARCON)
    device.periods(60)
    assert (device.wakes, device.output.first_heard_at, device.output.last_heard_at) == (0, None, 0.0)


def test_a_sound_that_is_played_cuts_it_and_is_as_it_would_be_without() -> None:
    alone, device = Device(), Device()
    sound = np.random.default_rng(1).integers(-9_000, 9_000, 3_000).astype(np.int16)
    _, over = aside(device, level(10 * PERIOD))
    before = device.periods(2)
    assert np.array_equal(before, level(2 * PERIOD))
    device.play(sound)
    alone.play(sound)
    with_it, without = device.periods(8), alone.periods(8)
    assert np.array_equal(with_it[FADE:], without[FADE:])
    left = with_it[:FADE].astype(int) - without[:FADE]  # of it: a fade
    assert np.abs(left - np.linspace(20_000, 0, FADE)).max() <= 2
    assert device.output.first_heard_at == pytest.approx(100 + 2 * PERIOD / RATE_HZ)
    assert over == [3]


def test_it_does_not_begin_over_a_sound() -> None:
    device = Device()
    device.play(level(2_000))
    alone = Device()
    alone.play(level(2_000))
    _, over = aside(device, EARCON)
    assert np.array_equal(device.periods(6), alone.periods(6))
    assert over == [1]


def test_it_waits_for_a_sound_that_fades_out() -> None:
    device = Device()
    device.play(level(5_000))
    device.period_of()
    device.output.hushing = True
    aside(device, EARCON)
    assert steps(device.period_of()[FADE:]) == 0
    assert np.array_equal(device.periods(41)[: EARCON.size], EARCON)


def test_a_hush_that_is_not_meant_for_it_makes_no_hole() -> None:
    """Each reply begins with one, as soon as the button is pressed."""
    device = Device()
    aside(device, EARCON)
    first = device.period_of()
    device.output.hushing = True
    assert np.array_equal(np.concatenate((first, device.periods(41)))[: EARCON.size], EARCON)


def test_stopped_it_fades_out() -> None:
    device = Device()
    made, over = aside(device, level(5_000))
    first = device.period_of()
    made.stopping = True
    heard = np.concatenate((first, device.periods(2)))
    assert steps(heard[PERIOD - 1 :][:-1]) <= 20_000  # the first of them is a level's edge
    assert np.abs(np.diff(heard[PERIOD - 1 :].astype(int))).max() <= SMALL_STEP
    assert not heard[PERIOD + FADE :].any()
    assert over == [2]


def test_stopped_before_it_began_it_is_not_heard() -> None:
    device = Device()
    made, over = aside(device, EARCON)
    made.stopping = True
    assert not device.periods(3).any()
    assert over == [1]


def test_its_volume_glides() -> None:
    device = Device()
    made, _ = aside(device, level(10 * PERIOD))
    device.period_of()
    made.gain = 0.5
    glide, then = device.period_of(), device.period_of()
    assert np.array_equal(glide, apply_gain(level(PERIOD), 1.0, 0.5))
    assert np.array_equal(then, level(PERIOD, 10_000))


def opened(card: Card, **options: float) -> Speaker:
    speaker = Speaker(card.open_speaker, start_ms=0, **options)  # type: ignore[arg-type]
    speaker.open()
    return speaker


async def heard_of(card: Card, sounding: asyncio.Task[None]) -> Samples:
    await until(lambda: card.active)  # it is woken in a thread
    return np.trim_zeros(await card.play_out(sounding))


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
async def test_a_speaker_wakes_and_sounds_it(rate_hz: int) -> None:
    card = Card(rate_hz=rate_hz)
    speaker = opened(card, volume=80)
    heard = await heard_of(card, asyncio.create_task(speaker.sound_aside(EARCON, RATE_HZ)))
    assert heard.size == pytest.approx(EARCON.size * rate_hz / RATE_HZ, rel=0.02)
    if rate_hz == RATE_HZ:
        assert np.array_equal(heard, np.trim_zeros(apply_gain(EARCON, *2 * [volume_gain(80)])))
    assert speaker.aside_heard_until > 0


async def test_one_comes_after_the_other_has_faded_out() -> None:
    card = Card()
    speaker = opened(card)
    first = asyncio.create_task(speaker.sound_aside(level(20_000), RATE_HZ))
    await until(lambda: card.active)
    await turn_over()
    begun = await card.play(3)
    assert begun.any()
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    second = asyncio.create_task(speaker.sound_aside(EARCON, RATE_HZ))
    rest = await card.play_out(second)
    assert np.array_equal(np.trim_zeros(rest[FADE:]), np.trim_zeros(EARCON))


async def test_a_speaker_that_is_gone() -> None:
    speaker = Speaker(Card().open_speaker)
    with pytest.raises(DeviceError, match="not open"):
        await speaker.sound_aside(EARCON, RATE_HZ)


async def test_a_speaker_that_goes_away() -> None:
    card = Card()
    speaker = opened(card)
    sounding = asyncio.create_task(speaker.sound_aside(EARCON, RATE_HZ))
    await until(lambda: card.active)
    await asyncio.to_thread(speaker.close)
    with pytest.raises(DeviceError, match="stopped taking sound"):
        await sounding


async def test_a_speaker_that_is_closed_just_as_one_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device's thread takes it away whenever it likes: between two looks, too."""
    card = Card()
    speaker = opened(card)
    speaker.wake()
    looks = [Aside(EARCON, 1.0, lambda: None)]
    monkeypatch.setattr(Output, "aside", property(lambda _: looks.pop() if looks else None), raising=False)
    speaker.close()
    assert card.done[-2:] == ["stop", "close"]
