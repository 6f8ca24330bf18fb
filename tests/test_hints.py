"""What is told about an utterance that was too loud, too quiet, or no sound at all, by a whole daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from clonespeaker import quiet
from clonespeaker.audio import earcons
from clonespeaker.audio.pcm import Samples, to_int16
from clonespeaker.cues import Earcon
from tests.daemon import Daemon, running
from tests.peers import until

EARCON = earcons.make(Earcon.ERROR).tobytes()[4_000:8_000]
HOLD_S = 1.3


def tone(height: int, seconds: float = 1.2) -> Samples:
    wave = np.sin(np.arange(round(44_100 * seconds)) / 9)
    return to_int16(wave * height)


LOUD, QUIET, GOOD, NOTHING = tone(60_000), tone(60), tone(6_000), tone(0)


async def ask(daemon: Daemon, samples: Samples) -> None:
    await daemon.hold(samples, seconds=HOLD_S)


@pytest.mark.parametrize(("samples", "hint"), [(LOUD, "too-loud"), (QUIET, "too-quiet")])
async def test_a_hint_goes_with_an_answer_and_ends_with_the_next_press(
    tmp_path: Path, samples: Samples, hint: str
) -> None:
    async with running(tmp_path, sounds={"earcons": True}) as daemon:
        await ask(daemon, samples)
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("answered", None)
        assert [(told["fault"], told["active"]) for told in daemon.told("fault")] == [(hint, True)]
        assert "alsamixer" in daemon.told("fault")[0]["detail"]
        assert EARCON not in daemon.sound.heard
        assert daemon.app.account.health() == {"ok": True, "state": "idle", "faults": []}
        assert daemon.app.account.snapshot()["faults"] == [hint]
        assert not daemon.app.news.troubled.is_set()
        await ask(daemon, GOOD)
        assert (await daemon.event("turn"))["outcome"] == "answered"
        assert [told["active"] for told in daemon.told("fault")] == [True, False]
        ended = daemon.events.index(daemon.told("fault")[-1])
        assert ended < daemon.events.index(daemon.told("state")[-4])  # before it listens: at the press


async def test_silence_is_not_asked(tmp_path: Path) -> None:
    async with running(tmp_path, sounds={"earcons": True}) as daemon:
        await ask(daemon, NOTHING)
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"], turn["body_sent"]) == ("failed", "no-sound", None)
        await until(lambda: EARCON in daemon.sound.heard)
        assert daemon.app.account.health()["ok"]
        await until(lambda: daemon.clone.received)
        assert not any(received.complete for received in daemon.clone.received)
        await ask(daemon, GOOD)
        assert (await daemon.event("turn"))["outcome"] == "answered"
        assert daemon.app.account.snapshot()["faults"] == []


async def test_silence_is_not_asked_where_it_goes_out_whole(tmp_path: Path) -> None:
    async with running(tmp_path, clone_settings={"upload": "exact"}) as daemon:
        await ask(daemon, NOTHING)
        assert (await daemon.event("turn"))["fault"] == "no-sound"
        await asyncio.sleep(0.1)
        assert daemon.clone.received == []


async def test_a_hint_is_over_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_HINTS_END_AFTER_S", 0.2)
    async with running(tmp_path, sounds={"earcons": True}) as daemon:
        await ask(daemon, NOTHING)
        await daemon.event("fault", fault="no-sound", active=True)
        await daemon.event("fault", fault="no-sound", active=False)


async def test_what_automatic_gain_has_made_up_for_is_not_told(tmp_path: Path) -> None:
    async with running(tmp_path, microphone={"auto_gain": True}) as daemon:
        await ask(daemon, QUIET)
        assert (await daemon.event("turn"))["outcome"] == "answered"
        assert daemon.told("fault") == []
        await ask(daemon, NOTHING)
        assert (await daemon.event("turn"))["fault"] == "no-sound"


async def test_a_short_word_is_not_judged(tmp_path: Path) -> None:
    async with running(tmp_path, sounds={"earcons": True}) as daemon:
        await daemon.hold(QUIET[:4_410], seconds=0.2)
        assert (await daemon.event("turn"))["outcome"] == "answered"
        assert daemon.told("fault") == []


async def test_a_question_that_was_cancelled_is_not_judged(tmp_path: Path) -> None:
    async with running(tmp_path, sounds={"earcons": True}) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        await asyncio.sleep(1.2)
        daemon.cancel()
        assert (await daemon.event("turn"))["outcome"] == "cancelled"
        assert daemon.told("fault") == []
