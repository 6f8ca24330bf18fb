"""Tap mode, whole: one tap, a question into the microphone, silence; the clone has all of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio.pcm import Samples
from tests.sound.card import RATE_HZ, SoundCard
from tests.sound.matching import locate, trace
from tests.sound.running import run_daemon

pytestmark = pytest.mark.sound


@pytest.mark.parametrize("detector", ["vad", "energy"])
async def test_silence_sends_a_question_whole(
    card: SoundCard, question: Samples, tmp_path: Path, detector: str
) -> None:
    async with run_daemon(card, tmp_path, button={"mode": "tap", "detector": detector}) as daemon:
        await daemon.has_listened()
        mark = card.position
        daemon.press()
        daemon.release()
        await card.speak(question)
        turn = await daemon.turn_over(1)
        heard = await card.heard_whole(mark)
    [got] = daemon.utterances()
    at = locate(question, got)
    after = got[at + question.size :]
    assert not got[:at].any()
    assert not after.any()
    # Some of the quiet is in the question's own end.
    assert after.size >= 0.2 * RATE_HZ
    assert trace(got, heard).is_smooth
    assert (turn["outcome"], turn["upload"]) == ("answered", "live")
    assert np.array_equal(got[at : at + question.size], question)
