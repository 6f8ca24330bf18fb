"""A press while it thinks or speaks, and recordings that are not to be sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from clonespeaker.audio.pcm import Samples
from clonespeaker.simulate.voice import tone
from tests.sound.card import RATE_HZ, SoundCard, until
from tests.sound.matching import faded_out, follow, locate, trace
from tests.sound.running import Daemon, run_daemon

pytestmark = pytest.mark.sound

LONG = {"tone_s": 20.0}


async def until_heard(daemon: Daemon, since: int, seconds: float) -> None:
    """Somebody hears the reply for so long."""
    await daemon.told("state", state="speaking")
    await until(lambda: bool(daemon.card.heard(since)[: -round(seconds * RATE_HZ)].any()))


async def test_a_press_silences_it_and_listens(card: SoundCard, words: Samples, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path, simulate=LONG) as daemon:
        await daemon.has_listened()
        mark = card.position
        daemon.say()
        await until_heard(daemon, mark, 0.5)
        await daemon.hold(words)
        first, second = await daemon.turn_over(1), await daemon.turn_over(2)
        heard = await card.heard_whole(mark)
    assert (first["outcome"], second["outcome"]) == ("cancelled", "answered")
    reply = tone(20.0)
    found = follow(reply, heard)
    assert found.frames > 0.4 * RATE_HZ
    silent_from = faded_out(reply, heard, found)
    got = daemon.utterances()[-1]
    locate(words, got)
    assert trace(got, heard[silent_from:]).is_smooth  # and nothing else after the fade


async def test_a_tap_silences_it(card: SoundCard, tmp_path: Path) -> None:
    # Held for less than 5 s is a tap, be the machine as busy as it may.
    async with run_daemon(card, tmp_path, simulate=LONG, microphone={"min_hold_ms": 5_000}) as daemon:
        await daemon.has_listened()
        mark = card.position
        daemon.say()
        await until_heard(daemon, mark, 0.3)
        daemon.press()
        daemon.release()
        first, second = await daemon.turn_over(1), await daemon.turn_over(2)
        heard = await card.heard_whole(mark)
    assert (first["outcome"], second["outcome"]) == ("cancelled", "tapped")
    reply = tone(20.0)
    assert not heard[faded_out(reply, heard, follow(reply, heard)) :].any()
    assert daemon.app.appliance.turn.state == "idle"


async def test_a_press_while_it_thinks(card: SoundCard, words: Samples, tmp_path: Path) -> None:
    async with run_daemon(card, tmp_path, simulate={"think_s": 10.0}) as daemon:
        await daemon.has_listened()
        mark = card.position
        daemon.say()
        await daemon.until_asked()
        daemon.clone.think_s = 0.0
        await daemon.hold(words)
        assert (await daemon.turn_over(1))["outcome"] == "cancelled"
        assert (await daemon.turn_over(2))["outcome"] == "answered"
        assert trace(daemon.utterances()[-1], await card.heard_whole(mark)).is_smooth


@pytest.mark.parametrize("how", ["cancel", "release"])
async def test_a_recording_that_is_not_to_be_sent(card: SoundCard, words: Samples, tmp_path: Path, how: str) -> None:
    async with run_daemon(card, tmp_path, microphone={"min_hold_ms": 5_000}) as daemon:
        await daemon.has_listened()
        mark = card.position
        daemon.press()
        await card.speak(words)
        await daemon.until_asked()
        getattr(daemon, how)()
        assert (await daemon.turn_over(1))["outcome"] == {"cancel": "cancelled", "release": "tapped"}[how]
        assert not (await card.heard_whole(mark)).any()
        daemon.say()
        assert (await daemon.turn_over(2))["outcome"] == "answered"
    broken_off, answered = daemon.clone.received
    assert (broken_off.live, broken_off.complete, broken_off.pcm) == (True, False, b"")
    assert broken_off.first_byte_s is not None
    assert answered.complete
