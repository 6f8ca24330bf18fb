"""The sound server goes, or hangs, and comes back: told, cleared, and the next turn works."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from clonespeaker import upkeep
from clonespeaker.audio import calls
from clonespeaker.audio.pcm import Samples
from clonespeaker.errors import StuckError
from tests.sound.card import SoundCard, until
from tests.sound.matching import locate, trace
from tests.sound.running import Daemon, run_daemon

pytestmark = pytest.mark.sound


async def talk(daemon: Daemon, words: Samples) -> None:
    """One turn, heard."""
    number = daemon.app.appliance.turn.number + 1
    await daemon.has_listened()
    mark = daemon.card.position
    await daemon.hold(words)
    turn = await daemon.turn_over(number)
    assert (turn["outcome"], turn["fault"]) == ("answered", None)
    got = daemon.utterances()[-1]
    locate(words, got)
    assert trace(got, await daemon.card.heard_whole(mark)).is_smooth


async def lose_it_and_get_it_back(daemon: Daemon, *faults: str) -> None:
    since = len(daemon.events)
    daemon.card.kill()
    for fault in faults:
        await daemon.told("fault", since=since, fault=fault, active=True)
    await until(lambda: daemon.app.appliance.is_at_rest())
    daemon.press()  # and nothing comes of it, not even an earcon
    await asyncio.to_thread(daemon.card.unplug)
    await asyncio.to_thread(daemon.card.plug_in)
    for fault in faults:
        await daemon.told("fault", since=since, fault=fault, active=False)
    await until(lambda: None not in (daemon.app.microphone.stream, daemon.app.speaker.stream))
    assert daemon.app.news.faults == {}


async def test_lost_before_the_first_turn(own_card: SoundCard, words: Samples, tmp_path: Path) -> None:
    async with run_daemon(own_card, tmp_path) as daemon:
        await daemon.has_listened()
        await lose_it_and_get_it_back(daemon, "no-microphone")
        await talk(daemon, words)


async def test_lost_between_turns(own_card: SoundCard, words: Samples, tmp_path: Path) -> None:
    async with run_daemon(own_card, tmp_path) as daemon:
        await talk(daemon, words)
        await lose_it_and_get_it_back(daemon, "no-microphone", "no-speaker")
        await talk(daemon, words)


async def test_lost_while_it_speaks(own_card: SoundCard, words: Samples, tmp_path: Path) -> None:
    async with run_daemon(own_card, tmp_path, simulate={"tone_s": 20.0}) as daemon:
        await daemon.has_listened()
        daemon.say()
        await daemon.told("state", state="speaking")
        await lose_it_and_get_it_back(daemon, "no-microphone", "no-speaker")
        turn = await daemon.turn_over(1)
        assert (turn["outcome"], turn["fault"]) == ("failed", "no-speaker")
        await talk(daemon, words)


STATES = ["idle", "listening", "thinking", "speaking"]


async def reach(daemon: Daemon, state: str, words: Samples) -> None:
    """A state, and for a moment nothing changes."""
    await daemon.has_listened()
    if state == "listening":
        daemon.press()
        await daemon.card.speak(words)
    elif state == "thinking":
        daemon.clone.think_s = 60.0
        await daemon.hold(words)
    elif state == "speaking":
        daemon.say()
    if state != "idle":
        await daemon.told("state", state=state)


async def let_go(daemon: Daemon) -> None:
    """Whatever of the turn is left ends."""
    daemon.clone.think_s, daemon.clone.tone_s = 0.01, 0.2
    daemon.cancel()
    await until(lambda: daemon.app.appliance.is_at_rest())


@pytest.mark.parametrize("state", STATES)
async def test_killed_and_started_again(own_card: SoundCard, words: Samples, tmp_path: Path, state: str) -> None:
    async with run_daemon(own_card, tmp_path, simulate={"voice": "tone", "tone_s": 20.0}) as daemon:
        await reach(daemon, state, words)
        own_card.kill()
        await daemon.told("fault", fault="no-microphone", active=True)
        if state != "idle":
            await daemon.told("fault", fault="no-speaker", active=True)
        await asyncio.to_thread(own_card.unplug)
        await asyncio.to_thread(own_card.plug_in)
        await until(lambda: None not in (daemon.app.microphone.stream, daemon.app.speaker.stream))
        await let_go(daemon)
        daemon.clone.voice = "echo"
        await talk(daemon, words)
        assert daemon.app.news.faults == {}


@pytest.mark.parametrize("state", STATES)
async def test_frozen_for_a_while(own_card: SoundCard, words: Samples, tmp_path: Path, state: str) -> None:
    async with run_daemon(own_card, tmp_path, simulate={"voice": "tone", "tone_s": 20.0}) as daemon:
        await reach(daemon, state, words)
        own_card.freeze()
        await daemon.told("fault", fault="no-microphone", active=True)
        await asyncio.sleep(0.5)
        own_card.thaw()
        await daemon.told("fault", fault="no-microphone", active=False)
        await until(lambda: None not in (daemon.app.microphone.stream, daemon.app.speaker.stream))
        await let_go(daemon)
        daemon.clone.voice = "echo"
        await talk(daemon, words)
        assert daemon.app.news.faults == {}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WITHIN_S", 0.5)
    monkeypatch.setattr(upkeep, "STUCK_AFTER_S", 1.0)


@pytest.mark.usefixtures("impatient")
async def test_frozen_for_good(own_card: SoundCard, words: Samples, tmp_path: Path) -> None:
    """Only a fresh process can help, and that starts with whoever supervises it."""
    async with run_daemon(own_card, tmp_path) as daemon:
        await talk(daemon, words)
        own_card.freeze()
        try:
            with pytest.raises(StuckError, match="fresh start"):
                await daemon.running
        finally:
            own_card.thaw()
        daemon.running = asyncio.create_task(asyncio.sleep(0))


@pytest.mark.usefixtures("impatient")
async def test_frozen_before_the_start(own_card: SoundCard, tmp_path: Path) -> None:
    own_card.freeze()
    try:
        with pytest.raises(StuckError, match="fresh start"):
            async with run_daemon(own_card, tmp_path):
                pass
    finally:
        own_card.thaw()
