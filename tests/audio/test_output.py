from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clonespeaker.audio.output import FADE_MS, RING_MS, Output
from clonespeaker.audio.pcm import Samples

RATE_HZ = 44_100
FADE = RATE_HZ * FADE_MS // 1_000  # 220 frames
PERIOD = 441  # 10 ms
LOUD = 20_000


class Device:
    """A device's side of an `Output`: a clock that is set by hand, and the periods asked for."""

    def __init__(self, *, channels: int = 1, period: int = PERIOD, delay_s: float = 0.0) -> None:
        self.now_s = 100.0
        self.output = Output(lambda: self.now_s)
        self.output.fit(RATE_HZ, channels)
        self.channels, self.period, self.delay_s = channels, period, delay_s
        self.wakes = 0
        self.output.wake = self._wake

    def _wake(self) -> None:
        self.wakes += 1

    def play(self, samples: Samples) -> None:
        """What the loop does for a sound that begins."""
        assert self.output.ring.write(samples) == samples.size
        self.output.first_heard_at = None
        self.output.playing = True

    def period_of(self, frames: int | None = None, *, underflowed: bool = False) -> Samples:
        """One period, as it reaches the ear."""
        frames = frames or self.period
        out = np.frombuffer(self.output.fill(frames, self.delay_s, underflowed), np.int16)
        assert out.size == frames * self.channels
        self.now_s += frames / RATE_HZ
        return out

    def periods(self, count: int) -> Samples:
        return np.concatenate([self.period_of() for _ in range(count)])


def level(frames: int, value: int = LOUD) -> Samples:
    return np.full(frames, value, np.int16)


def steps(heard: Samples) -> int:
    """The largest step from one sample to the next, silence before and after included."""
    return int(np.abs(np.diff(heard.astype(int), prepend=0, append=0)).max())


SMALL_STEP = LOUD // (FADE - 1) + 2


def test_silence_while_nothing_plays() -> None:
    device = Device()
    device.output.ring.write(level(100))
    assert not device.periods(3).any()
    assert (device.output.periods, device.wakes, len(device.output.ring)) == (3, 0, 100)
    assert (device.output.first_heard_at, device.output.last_heard_at) == (None, 0.0)


@pytest.mark.parametrize("period", [FADE, 300, PERIOD, 1_000], ids=lambda period: f"period {period}")
def test_samples_come_as_they_are_between_a_soft_start_and_a_soft_end(period: int) -> None:
    device, sound = Device(period=period), np.random.default_rng(1).integers(-LOUD, LOUD, 3_000).astype(np.int16)
    device.play(sound)
    heard = device.periods(3_000 // period + 3)
    assert np.array_equal(heard[FADE:3_000], sound[FADE:])
    ramp = np.linspace(0, 1, FADE)
    assert np.abs(heard[:FADE] - sound[:FADE] * ramp).max() <= 1
    assert np.abs(heard[3_000 : 3_000 + FADE] - np.linspace(sound[-1], 0, FADE + 1)[1:]).max() <= 1
    assert not heard[3_000 + FADE :].any()
    assert not device.output.playing


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3 * PERIOD), st.sampled_from([FADE, PERIOD]))
def test_no_click_wherever_it_runs_dry(size: int, period: int) -> None:
    device = Device(period=period)
    device.play(level(size))
    heard = device.periods(size // period + 3)
    assert steps(heard) <= SMALL_STEP
    assert not heard[size + FADE :].any()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, PERIOD), st.integers(1, 2 * PERIOD))
def test_no_click_where_more_comes_while_it_still_glides(first: int, second: int) -> None:
    device = Device()
    device.play(level(first))
    heard = [device.period_of()]
    if not device.output.playing:
        device.play(level(second))
    heard.append(device.periods(5))
    assert steps(np.concatenate(heard)) <= 2 * SMALL_STEP


@pytest.mark.parametrize(
    "into", [0, 1, 2, FADE - 1, FADE, PERIOD, PERIOD + 100], ids=lambda into: f"{into} left in the ring"
)
def test_a_hush_fades_out_within_one_fade_and_flushes(into: int) -> None:
    device = Device()
    device.play(level(2 * PERIOD + into))
    before = device.periods(2)
    device.output.hushing = True
    after = device.periods(2)
    assert before[-1] == LOUD
    assert not after[FADE:].any()
    assert steps(np.concatenate([before, after])) <= SMALL_STEP
    assert (device.output.playing, device.output.hushing, len(device.output.ring)) == (False, False, 0)


def test_a_hush_before_the_first_period_is_no_click() -> None:
    device = Device()
    device.play(level(1_000))
    device.output.hushing = True
    assert steps(device.periods(2)) <= SMALL_STEP
    assert len(device.output.ring) == 0


def test_a_hush_of_nothing_flushes() -> None:
    device = Device()
    device.output.ring.write(level(1_000))
    device.output.hushing = True
    assert not device.periods(2).any()
    assert (device.output.hushing, len(device.output.ring), device.wakes) == (False, 0, 1)


def test_a_hush_in_the_middle_of_a_period_is_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device()
    device.play(level(4 * PERIOD))
    device.period_of()
    read = device.output.ring.read

    def read_late(frames: int) -> Samples:
        device.output.hushing = True
        return read(frames)

    with monkeypatch.context() as patched:
        patched.setattr(device.output.ring, "read", read_late)
        assert np.all(device.period_of() == LOUD)
    assert device.output.hushing
    assert np.all(np.diff(device.period_of().astype(int)) <= 0)
    assert not device.period_of().any()


@pytest.mark.parametrize("period", [1, 64, FADE - 1])
def test_a_period_shorter_than_the_fade_shortens_the_fade(period: int) -> None:
    device = Device(period=period)
    device.play(level(2 * FADE))
    heard = device.periods(FADE // period + 1)
    assert np.all(np.diff(heard[:period].astype(int)) >= 0)
    assert np.all(heard[period:] == LOUD)
    device.output.hushing = True
    assert np.all(np.diff(device.period_of().astype(int)) <= 0)
    assert not device.period_of().any()


@pytest.mark.parametrize(
    ("delay_s", "heard_after_s"), [(0.0, 0.0), (0.05, 0.05), (-3.0, 0.0), (60.0, 2.0)], ids=lambda value: f"{value} s"
)
def test_heard_times(delay_s: float, heard_after_s: float) -> None:
    device = Device(delay_s=delay_s)
    device.periods(7)
    device.play(level(1_000))
    began_s = device.now_s
    device.periods(1)
    assert device.output.first_heard_at == pytest.approx(began_s + heard_after_s)
    assert device.output.last_heard_at == pytest.approx(began_s + heard_after_s + PERIOD / RATE_HZ)
    device.periods(5)
    assert device.output.first_heard_at == pytest.approx(began_s + heard_after_s)
    assert device.output.last_heard_at == pytest.approx(began_s + heard_after_s + 1_000 / RATE_HZ)


def test_nothing_is_heard_of_an_empty_ring() -> None:
    device = Device()
    device.play(level(0))
    assert not device.periods(1).any()
    assert (device.output.first_heard_at, device.output.playing, device.wakes) == (None, False, 1)


def test_two_channels_carry_the_same() -> None:
    one, two = Device(), Device(channels=2)
    for device in (one, two):
        device.play(np.arange(1_000, dtype=np.int16))
    mono, both = one.periods(4), two.periods(4).reshape(-1, 2)
    assert np.array_equal(both[:, 0], mono)
    assert np.array_equal(both[:, 1], mono)


def test_wakes_once_a_period_while_it_plays() -> None:
    device = Device()
    device.play(level(2 * PERIOD))
    woken = []
    for _ in range(5):
        device.period_of()
        woken.append(device.wakes)
    assert woken == [1, 2, 3, 3, 3]


def test_nobody_needs_to_be_woken() -> None:
    device = Device()
    device.output.wake = None
    device.play(level(PERIOD))
    assert device.periods(1)[-1] == LOUD


def test_counts() -> None:
    device = Device()
    for underflowed in (False, True, False, True):
        device.period_of(underflowed=underflowed)
    assert (device.output.periods, device.output.underflows) == (4, 2)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
def test_fit_makes_the_ring_as_long_as_promised(rate_hz: int) -> None:
    output = Output(lambda: 0.0)
    output.fit(rate_hz, 1)
    assert output.ring.room == rate_hz * RING_MS // 1_000


def test_before_it_fits_it_is_silent() -> None:
    fill: Callable[[int, float, bool], bytes] = Output(lambda: 0.0).fill
    assert fill(4, 0.0, False) == bytes(8)
