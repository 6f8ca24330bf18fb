"""The main job, whole: a spoken question goes in at the microphone, the answer comes out at the speaker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio.pcm import Samples, volume_gain
from tests.sound.card import RATE_HZ, SoundCard
from tests.sound.matching import locate, trace
from tests.sound.running import Daemon, run_daemon

pytestmark = pytest.mark.sound


async def press_into_speech(daemon: Daemon, samples: Samples) -> asyncio.Task[None]:
    """Begin to speak, and press 100–250 ms into it; returns the rest of the speech.

    A machine that was too busy to press in time is given another go: that lateness is not the daemon's.
    """
    card = daemon.card
    for _ in range(10):
        mark = card.microphone_position
        speech = asyncio.create_task(card.speak(samples))
        begins = await card.speech_begins(mark)
        await card.microphone_reaches(begins + RATE_HZ // 10)
        daemon.press()
        if card.microphone_position <= begins + 0.25 * RATE_HZ:
            return speech
        daemon.cancel()
        await speech
    raise AssertionError("this machine is too busy to press a button in time")


async def test_a_question_spoken_after_the_press(card: SoundCard, question: Samples, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path) as daemon:
        await daemon.has_listened()
        mark = card.position
        await daemon.hold(question)
        turn = await daemon.turn_over(1)
        heard = await card.heard_whole(mark)
    [got] = daemon.utterances()
    at = locate(question, got)
    assert not got[:at].any()
    assert not got[at + question.size :].any()
    assert trace(got, heard).is_smooth
    assert (turn["outcome"], turn["upload"], turn["retries"]) == ("answered", "live", 0)
    assert turn["utterance_ms"] == turn["reply_ms"] == round(got.size / RATE_HZ * 1_000, 1)


async def test_a_question_begun_before_the_press(card: SoundCard, question: Samples, tmp_path: Path) -> None:
    spoken = question[: 2 * RATE_HZ]
    async with run_daemon(card, tmp_path) as daemon:
        await daemon.has_listened()
        mark = card.position
        speech = await press_into_speech(daemon, spoken)
        await speech
        daemon.release()
        turn = await daemon.told("turn", outcome="answered")
        heard = await card.heard_whole(mark)
    got = daemon.utterances()[-1]
    at = locate(spoken, got)
    assert at <= 0.3 * RATE_HZ  # the pre-roll, and no more
    assert not got[:at].any()
    assert turn["first_frame"] < turn["pressed"]
    assert trace(got, heard).is_smooth


async def test_a_timeline_in_order_at_half_the_volume(card: SoundCard, words: Samples, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path, speaker={"volume": 50}) as daemon:
        await daemon.has_listened()
        mark = card.position
        await daemon.hold(words)
        turn = await daemon.turn_over(1)
        heard = await card.heard_whole(mark)
    [got] = daemon.utterances()
    assert 0.05 < volume_gain(50) < 0.06
    assert trace(np.rint(got * volume_gain(50)).astype(np.int16), heard).is_smooth
    stages = "first_frame pressed connected released body_sent first_event first_audio first_sound drained".split()
    assert [turn[stage] for stage in stages] == sorted(turn[stage] for stage in stages)
    assert turn["released"] == 0
    assert turn["first_audio"] <= turn["last_audio"] <= turn["drained"]
    assert turn["reply_ms"] == round(got.size / RATE_HZ * 1_000, 1)
    states = [event["state"] for event in daemon.events if event["event"] == "state"]
    assert states == ["idle", "listening", "thinking", "speaking", "idle"]
    sources = {event["source"] for event in daemon.events if event["event"] == "level"}
    assert sources == {"microphone", "speaker"}


async def test_turn_after_turn(card: SoundCard, words: Samples, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path) as daemon:
        await daemon.has_listened()
        for number in (1, 2):
            mark = card.position
            await daemon.hold(words)
            assert (await daemon.turn_over(number))["outcome"] == "answered"
            got = daemon.utterances()[-1]
            locate(words, got)
            assert trace(got, await card.heard_whole(mark)).is_smooth


async def test_a_reply_in_text_is_read_not_heard(card: SoundCard, words: Samples, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path, clone={"reply": "text"}, simulate={"reply_text": "Quite so."}) as daemon:
        await daemon.has_listened()
        mark = card.position
        await daemon.hold(words)
        turn = await daemon.turn_over(1)
        await daemon.told("caption", who="clone", text="Quite so.", final=True)
        assert not (await card.heard_whole(mark)).any()
    [got] = daemon.utterances()
    locate(words, got)
    assert (turn["outcome"], turn["first_sound"], turn["reply_ms"]) == ("answered", None, 0)
