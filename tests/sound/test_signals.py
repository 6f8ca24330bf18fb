"""Earcons and spoken faults on the real path; what the speaker got, sample by sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio import earcons
from clonespeaker.audio.convert import at_rate
from clonespeaker.audio.pcm import Samples
from clonespeaker.cues import Earcon
from clonespeaker.simulate.voice import tone
from clonespeaker.sounds.espeak import RATE_HZ as PROMPT_HZ
from clonespeaker.sounds.repertoire import Repertoire
from clonespeaker.words import load_words
from tests.sound.card import SoundCard, until
from tests.sound.matching import FADE_FRAMES, locate, share, trace
from tests.sound.running import run_daemon
from tests.sounds.wavs import noise, write_wav

pytestmark = pytest.mark.sound

RATE_HZ = 44_100
ON = {"earcons": True, "speech": True}


def earcon(name: Earcon) -> Samples:
    return np.trim_zeros(earcons.make(name))


def prompt(name: str, language: str = "en") -> Samples:
    """As espeak-ng speaks it, at the card's rate."""
    sound = Repertoire(load_words(language).prompts, language, packs=Path("/nowhere")).prompt(name)
    assert sound is not None
    assert sound.rate_hz == PROMPT_HZ
    return at_rate(sound.samples, PROMPT_HZ, RATE_HZ)


async def test_a_turn_ends_its_recording_with_a_sound_and_keeps_its_reply_whole(
    card: SoundCard, words: Samples, tmp_path: Path
) -> None:
    async with run_daemon(card, tmp_path, sounds=ON, simulate={"think_s": 1.2}) as daemon:
        await daemon.has_listened()
        mark = card.position
        await daemon.hold(words)
        turn = await daemon.turn_over(1)
        heard = await card.heard_whole(mark)
    assert (turn["outcome"], turn["underruns"]) == ("answered", 0)
    stop = earcon(Earcon.STOP)
    at = locate(stop, heard)
    assert not heard[:at].any()  # nothing while the user spoke
    (got,) = daemon.utterances()
    locate(words, got)
    assert trace(got, heard[at + stop.size :]).is_smooth


async def test_a_reply_cuts_the_thinking_at_its_first_sample(card: SoundCard, tmp_path: Path) -> None:
    """One of three seconds, so that the reply comes in its middle: no silence between, and a fade of it, no more."""
    thinking = noise("thinking", seconds=2.9)
    write_wav(tmp_path / "sounds" / "thinking.wav", thinking)
    sounds = {**ON, "directory": str(tmp_path / "sounds")}
    async with run_daemon(card, tmp_path, sounds=sounds, simulate={"think_s": 2.5, "tone_s": 1.0}) as daemon:
        mark = card.position
        daemon.say()
        turn = await daemon.turn_over(1)
        heard = await card.heard_whole(mark)
    reply = tone(1.0)
    begins = locate(reply[FADE_FRAMES : 20 * FADE_FRAMES], heard) - FADE_FRAMES
    locate(reply[FADE_FRAMES:-FADE_FRAMES], heard)  # all of it
    before = heard[begins - 2_000 : begins]
    at = locate(before, thinking)
    left = heard[begins : begins + FADE_FRAMES] - reply[:FADE_FRAMES] * np.linspace(0, 1, FADE_FRAMES)
    faded = thinking[at + before.size :][:FADE_FRAMES] * np.linspace(1, 0, FADE_FRAMES)
    assert np.abs(left - faded).max() <= 2
    assert (turn["outcome"], turn["underruns"]) == ("answered", 0)
    assert turn["reply_ms"] == pytest.approx(1_000, abs=1)


async def test_a_device_without_a_network_says_so(card: SoundCard, words: Samples, tmp_path: Path) -> None:
    said = prompt("offline")
    async with run_daemon(card, tmp_path, sounds=ON, clone={"retry_for_s": 0}) as daemon:
        await daemon.has_listened()
        await daemon.clone.stop()
        mark = card.position
        await daemon.hold(words)
        assert (await daemon.turn_over(1))["fault"] == "offline"
        knocks = earcon(Earcon.OFFLINE)
        await until(lambda: _ends(card, mark, said))
        heard = await card.heard_whole(mark)
    at = locate(knocks, heard) + knocks.size
    assert share(said, heard[at:]) > 0.7  # resampled each time anew
    assert np.count_nonzero(heard[at:]) <= said.size  # and it is said once


async def test_any_sentence_is_heard_as_it_lies_in_a_file(card: SoundCard, tmp_path: Path) -> None:
    said = prompt("muted", "de")[:RATE_HZ]
    write_wav(tmp_path / "sounds" / "en" / "muted.wav", said)
    async with run_daemon(card, tmp_path, sounds={**ON, "directory": str(tmp_path / "sounds")}) as daemon:
        mark = card.position
        daemon.app.appliance.dials.mute(True)
        await until(lambda: not daemon.app.appliance._signals.sounding)
        daemon.press()
        await until(lambda: _ends(card, mark, said))
        heard = await card.heard_whole(mark)
    muted = earcon(Earcon.MUTED)
    first = locate(muted, heard)
    second = locate(muted, heard, first + muted.size)
    whole = said[RATE_HZ // 100 : -RATE_HZ // 100]  # but for its ends, which are faded
    assert locate(whole, heard) > second


def _ends(card: SoundCard, mark: int, said: Samples) -> bool:
    """Whether so much of what was heard is sound that a sentence may be over."""
    return bool(np.count_nonzero(card.heard(mark)) > 0.9 * np.count_nonzero(said))
