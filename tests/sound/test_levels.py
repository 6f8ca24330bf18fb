"""Microphones that are too loud, too quiet, or give nothing; amplifiers that sleep: on the real sound path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio.pcm import Samples, to_int16
from tests.sound.card import SoundCard
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
        assert daemon.app.health()["ok"]
        await daemon.hold(question[:66_150])
        await daemon.told("fault", fault=hint, active=False)
        assert (await daemon.turn_over(2))["outcome"] == "answered"
        assert daemon.app.snapshot()["faults"] == []


async def test_a_microphone_that_gives_nothing_but_zeros(card: SoundCard, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path) as daemon:
        await daemon.has_listened()
        mark = card.microphone_position
        await daemon.hold(np.zeros(66_150, np.int16))
        turn = await daemon.turn_over(1)
        assert not card.spoken(mark).any()
        assert (turn["outcome"], turn["fault"]) == ("failed", "no-sound")
        assert not any(received.complete for received in daemon.clone.received)
