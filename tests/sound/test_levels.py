"""Microphones that are too loud, too quiet, or give nothing; amplifiers that sleep: on the real sound path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio.pcm import Samples, to_int16
from tests.sound.card import RATE_HZ, SoundCard
from tests.sound.matching import trace
from tests.sound.running import run_daemon

pytestmark = pytest.mark.sound


@pytest.mark.parametrize(("gain_db", "hint"), [(26, "too-loud"), (-42, "too-quiet")])
async def test_a_hint_goes_with_an_answer(
    card: SoundCard, question: Samples, tmp_path: Path, gain_db: float, hint: str
) -> None:
    async with run_daemon(card, tmp_path) as daemon:
        await daemon.has_listened()
        await daemon.hold(to_int16(question[:66_150] * 10.0 ** (gain_db / 20)))
        told = await daemon.told("fault", fault=hint, active=True)
        assert (await daemon.turn_over(1))["outcome"] == "answered"
        assert "alsamixer" in told["detail"]
        assert daemon.app.account.health()["ok"]
        await daemon.hold(question[:66_150])
        await daemon.told("fault", fault=hint, active=False)
        assert (await daemon.turn_over(2))["outcome"] == "answered"
        assert daemon.app.account.snapshot()["faults"] == []


async def test_a_microphone_that_gives_nothing_but_zeros(card: SoundCard, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path) as daemon:
        await daemon.has_listened()
        mark = card.microphone_position
        await daemon.hold(np.zeros(66_150, np.int16))
        turn = await daemon.turn_over(1)
        assert not card.spoken(mark).any()
        assert (turn["outcome"], turn["fault"]) == ("failed", "no-sound")
        assert not any(received.complete for received in daemon.clone.received)


async def test_an_amplifier_that_wakes_slowly_gets_its_silence(card: SoundCard, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path, speaker={"lead_in_ms": 800}) as daemon:
        mark = card.position
        daemon.say()
        turn = await daemon.turn_over(1)
        assert np.flatnonzero(card.heard(mark))[0] >= 0.8 * RATE_HZ  # it is woken after the mark
        assert turn["first_sound"] - turn["pressed"] >= 800
        assert turn["reply_ms"] == 200
        daemon.say()  # awake now: at once
        turn = await daemon.turn_over(2)
        assert turn["first_sound"] - turn["first_audio"] < 800


async def test_a_question_takes_longer_than_an_amplifier(card: SoundCard, words: Samples, tmp_path: Path) -> None:
    """It is woken at the press; so nobody waits for it."""
    async with run_daemon(card, tmp_path, speaker={"lead_in_ms": 400}) as daemon:
        await daemon.has_listened()
        mark = card.position
        await daemon.hold(words)
        turn = await daemon.turn_over(1)
        assert trace(daemon.utterances()[0], await card.heard_whole(mark)).is_smooth
        assert turn["reply_ms"] == turn["utterance_ms"]


async def test_a_press_in_a_lead_in_is_heard_at_once(card: SoundCard, words: Samples, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path, speaker={"lead_in_ms": 5_000}) as daemon:
        await daemon.has_listened()
        mark = card.position
        daemon.say()
        await daemon.told("state", state="speaking")  # its silence is on its way to the ear
        daemon.cancel()
        assert (await daemon.turn_over(1))["outcome"] == "cancelled"
        await daemon.has_listened()
        assert not card.heard(mark).any()


async def test_what_is_cleaned_is_the_same_question(card: SoundCard, question: Samples, tmp_path: Path) -> None:
    room = np.random.default_rng(7).normal(0, 300, question.size)
    settings = {"noise_suppression": True, "auto_gain": True}
    async with run_daemon(card, tmp_path, microphone=settings) as daemon:
        await daemon.has_listened()
        for number in (1, 2):
            mark = card.microphone_position
            await daemon.hold(to_int16(question + room))
            turn = await daemon.turn_over(number)
            assert (turn["outcome"], turn["upload"], turn["fault"]) == ("answered", "live", None)
            got = daemon.utterances()[-1]
            assert turn["utterance_ms"] == round(got.size / RATE_HZ * 1_000, 1)
            heard = card.spoken(mark - RATE_HZ).astype(float)
            length = 1 << (heard.size + got.size).bit_length()
            product = np.fft.rfft(got.astype(float), length) * np.conj(np.fft.rfft(heard, length))
            at = int(np.argmax(np.fft.irfft(product, length)))
            at = at - length if at > length // 2 else at  # where in `got` what was heard begins
            clean = heard[-at : -at + got.size] if at < 0 else heard[: got.size - at]
            same = got[max(at, 0) :][: clean.size].astype(float)
            assert same @ clean[: same.size] / np.linalg.norm(same) / np.linalg.norm(clean[: same.size]) > 0.7
