"""The sound server goes, and comes back: told, cleared, and the next turn works."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from clonespeaker.audio.pcm import Samples
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
