"""What a daemon sounds by itself, and when; on a sound card of a test, and on one that is driven by hand."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clonespeaker import signals as signals_module
from clonespeaker.audio import earcons
from clonespeaker.audio.speaker import Speaker
from clonespeaker.cues import Earcon
from clonespeaker.errors import CloneError, DeviceError
from clonespeaker.hand import Habits
from clonespeaker.signals import Signals
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.sounds.repertoire import EARCON_MOST_S, Repertoire
from tests.audio.card import Card
from tests.daemon import SPEECH, Daemon, SoundOfTest, running, starting
from tests.peers import until
from tests.sounds.wavs import noise, write_wav

SOUNDS = {"earcons": True, "speech": True}


def sound(earcon: Earcon) -> bytes:
    return earcons.make(earcon).tobytes()


@pytest.fixture
def prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """Prompts as WAV files, in `tmp_path/sounds`: a noise of its own for each name."""

    def prompt(name: str, seconds: float = 0.4) -> bytes:
        samples = noise(name, seconds)
        write_wav(tmp_path / "sounds" / "en" / f"{name}.wav", samples)
        return samples[1_000:-1_000].tobytes()

    return prompt


def with_files(tmp_path: Path, **others: Any) -> dict[str, Any]:
    return {**SOUNDS, "directory": str(tmp_path / "sounds"), **others}


async def settled(daemon: Daemon) -> None:
    """Nothing has sounded for half a second."""
    await until(lambda: daemon.sound.last_heard_at < time.monotonic() - 0.5)


# A turn


async def test_the_end_of_the_recording_is_heard_and_is_in_no_recording(tmp_path: Path) -> None:
    async with running(tmp_path, sounds=SOUNDS, clone=SimulatedClone(tone_s=0.5)) as daemon:
        daemon.clone.think_s = 1.2
        turn = await daemon.talk()
        assert turn["outcome"] == "answered"
        assert daemon.sound.heard.count(sound(Earcon.STOP)) == 1
        assert sound(Earcon.START) not in daemon.sound.heard
        assert daemon.sound.heard.index(sound(Earcon.STOP)) < daemon.sound.heard.index(SPEECH.tobytes())


async def test_a_reply_cuts_it_and_counts_nothing_of_it(tmp_path: Path) -> None:
    long = noise("stop", seconds=EARCON_MOST_S)
    write_wav(tmp_path / "sounds" / "stop.wav", long)
    async with running(tmp_path, sounds=with_files(tmp_path)) as daemon:
        daemon.clone.think_s = 1.0  # it has begun by then, and is far from its end
        turn = await daemon.talk()
        assert (turn["outcome"], turn["underruns"]) == ("answered", 0)
        assert turn["reply_ms"] == pytest.approx(turn["utterance_ms"], abs=5)
        begin, end = long[2_000:2_400].tobytes(), long[-2_400:-2_000].tobytes()  # its ends are faded
        heard = daemon.sound.heard
        assert heard.index(begin) < heard.index(SPEECH.tobytes())
        await settled(daemon)
        assert end not in daemon.sound.heard  # it was cut, and does not go on afterwards


async def test_thinking_is_heard_now_and_then_until_the_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals_module, "_THINKING_AFTER_S", 1.0)
    monkeypatch.setattr(signals_module, "_THINKING_EVERY_S", 0.1)
    async with running(tmp_path, sounds=SOUNDS) as daemon:
        daemon.clone.think_s = 60
        await daemon.hold()
        await until(lambda: daemon.sound.heard.count(sound(Earcon.THINKING)) == 2)
        heard = daemon.sound.heard
        assert heard.index(sound(Earcon.STOP)) < heard.index(sound(Earcon.THINKING))
        daemon.cancel()
        await daemon.event("turn", outcome="cancelled")
        await settled(daemon)
        before = len(daemon.sound.heard)
        await asyncio.sleep(0.5)
        assert not any(daemon.sound.heard[before:])


async def test_nothing_is_heard_of_a_tap(tmp_path: Path) -> None:
    async with running(tmp_path, sounds=SOUNDS, microphone={"min_hold_ms": 5_000}) as daemon:
        await daemon.hold(seconds=0.01)
        assert (await daemon.event("turn"))["outcome"] == "tapped"
        await asyncio.sleep(0.3)
        assert daemon.sound.peak == 0


class Room(SoundOfTest):
    """Its microphone hears what its speaker plays, at once, and nothing else."""

    def open_microphone(self, wanted: str, *, period_ms: float, on_block: Callable[[bytes, float, bool], None]) -> Any:
        def echo(block: bytes, age_s: float, overflowed: bool) -> None:
            since = time.monotonic() - age_s - 0.005  # what was played longer ago is over, even where a thread was late
            heard = b"".join(played for at, played in self.played[-8:] if at >= since)
            on_block(heard[: len(block)].ljust(len(block), b"\0"), age_s, overflowed)

        return super().open_microphone(wanted, period_ms=period_ms, on_block=echo)


async def test_a_start_that_is_heard_is_in_no_recording(tmp_path: Path) -> None:
    async with running(
        tmp_path, sounds={**SOUNDS, "start": True}, sound=Room(), microphone={"pre_roll_ms": 300}
    ) as daemon:
        daemon.app.appliance.hand.press()
        await until(lambda: sound(Earcon.START) in daemon.sound.heard)
        await asyncio.sleep(0.6)
        daemon.app.appliance.hand.release()
        turn = await daemon.event("turn")
        assert turn["utterance_ms"] > 100
        (received,) = daemon.clone.received
        assert not any(received.pcm)


async def test_without_it_the_recording_has_what_the_room_gave(tmp_path: Path) -> None:
    """So the test before could fail."""
    async with running(tmp_path, sounds=SOUNDS, sound=Room(), microphone={"pre_roll_ms": 0}) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.app.appliance._signals.sound(Earcon.READY)
        await until(lambda: sound(Earcon.READY) in daemon.sound.heard)
        await asyncio.sleep(0.3)
        daemon.app.appliance.hand.release()
        await daemon.event("turn", outcome="answered")
        assert any(daemon.clone.received[-1].pcm)


async def test_who_lets_go_before_the_start_was_heard_has_said_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, sounds={**SOUNDS, "start": True}) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.app.appliance.hand.release()
        assert (await daemon.event("turn"))["outcome"] == "cancelled"
        assert [each.pcm for each in daemon.clone.received if each.pcm] == []


# Faults


async def test_a_press_that_cant_be_obeyed_is_told_in_words_each_time(
    tmp_path: Path, prompts: Callable[[str], bytes]
) -> None:
    muted = prompts("muted")
    async with running(tmp_path, sounds=with_files(tmp_path)) as daemon:
        daemon.app.appliance.dials.mute(True)
        daemon.app.appliance.hand.press()
        await until(lambda: daemon.sound.heard.count(muted) == 1)
        daemon.app.appliance.hand.press()
        await until(lambda: daemon.sound.heard.count(muted) == 2)
        heard = daemon.sound.heard
        assert heard.index(sound(Earcon.MUTED)) < heard.index(muted)


async def test_a_program_is_not_told_the_same_in_words_within_a_minute(
    tmp_path: Path, prompts: Callable[[str], bytes]
) -> None:
    refused = prompts("refused")
    async with running(tmp_path, sounds=with_files(tmp_path)) as daemon:
        daemon.clone.fault = "status-401"
        for _ in range(2):
            daemon.say("Hello")
            await daemon.event("turn", outcome="failed")
            await until(lambda: not daemon.app.appliance._signals.sounding)
        assert daemon.sound.heard.count(sound(Earcon.ERROR)) == 2
        assert daemon.sound.heard.count(refused) == 1
        await daemon.hold()  # but who stands there is
        await daemon.event("turn", outcome="failed")
        await until(lambda: daemon.sound.heard.count(refused) == 2)


async def test_a_press_hushes_a_prompt_and_is_heard(tmp_path: Path, prompts: Callable[..., bytes]) -> None:
    refused = prompts("refused", seconds=5)
    async with running(tmp_path, sounds=with_files(tmp_path)) as daemon:
        daemon.clone.fault_once("status-401")
        daemon.say("Hello")
        await until(lambda: refused[:4_000] in daemon.sound.heard)
        turn = await daemon.talk()
        assert turn["outcome"] == "answered"
        assert refused not in daemon.sound.heard
        assert SPEECH.tobytes() in daemon.clone.received[-1].pcm


async def test_words_alone(tmp_path: Path, prompts: Callable[[str], bytes]) -> None:
    muted = prompts("muted")
    async with running(tmp_path, sounds=with_files(tmp_path, earcons=False)) as daemon:
        daemon.app.appliance.dials.mute(True)
        daemon.app.appliance.hand.press()
        await until(lambda: muted in daemon.sound.heard)
        assert sound(Earcon.MUTED) not in daemon.sound.heard


async def test_a_device_without_a_speaker_says_nothing_and_goes_on(tmp_path: Path) -> None:
    card = SoundOfTest()
    card.refused["speaker"] = DeviceError("speaker", "no speaker found")
    async with starting(tmp_path, sounds=SOUNDS, sound=card) as daemon:
        daemon.app.appliance.dials.mute(True)
        daemon.app.appliance.hand.press()
        await daemon.event("fault", fault="muted", active=True)
        daemon.app.appliance.dials.mute(False)
        assert daemon.app.appliance.turn.state.value == "idle"


# At the start


async def test_what_is_wrong_at_the_start_is_told_once_it_has_settled(
    tmp_path: Path, prompts: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals_module, "_SETTLED_S", 0.5)
    no_microphone = prompts("no-microphone")
    card = SoundOfTest()
    card.refused["microphone"] = DeviceError("microphone", "no microphone found")
    async with starting(tmp_path, sounds=with_files(tmp_path), sound=card) as daemon:
        assert sound(Earcon.ERROR) not in daemon.sound.heard
        await until(lambda: no_microphone in daemon.sound.heard)
        await settled(daemon)
        assert daemon.sound.heard.count(no_microphone) == 1


async def test_what_is_well_by_then_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals_module, "_SETTLED_S", 2.9)
    card = SoundOfTest()
    card.refused["microphone"] = DeviceError("microphone", "no microphone found")
    async with starting(tmp_path, sounds=SOUNDS, sound=card) as daemon:
        card.refused.clear()
        await daemon.event("fault", fault="no-microphone", active=False)
        await asyncio.sleep(3.5)
        assert daemon.sound.peak == 0


async def test_who_has_pressed_by_then_was_told_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals_module, "_SETTLED_S", 0.9)
    card = SoundOfTest()
    card.refused["microphone"] = DeviceError("microphone", "no microphone found")
    async with starting(tmp_path, sounds={**SOUNDS, "speech": False}, sound=card) as daemon:
        daemon.app.appliance.hand.press()
        await until(lambda: sound(Earcon.ERROR) in daemon.sound.heard)
        await asyncio.sleep(1.5)
        assert daemon.sound.heard.count(sound(Earcon.ERROR)) == 1


async def test_what_the_server_has_said_is_told_at_once(tmp_path: Path, prompts: Callable[[str], bytes]) -> None:
    refused = prompts("refused")
    async with running(tmp_path, sounds=with_files(tmp_path)) as daemon:
        await until(lambda: daemon.app.account.lookout.profile.name)  # and no fault has passed
        daemon.app.news.begin_fault(CloneError("the key was refused", fault="refused"))  # as the lookout does
        await until(lambda: refused in daemon.sound.heard)


# Hands


async def test_what_a_hand_sets_is_confirmed(tmp_path: Path) -> None:
    async with running(tmp_path, sounds=SOUNDS) as daemon:
        appliance = daemon.app.appliance
        appliance.dials.mute(True)
        await until(lambda: sound(Earcon.MUTED) in daemon.sound.heard)
        appliance.dials.mute(False)
        await until(lambda: sound(Earcon.UNMUTED) in daemon.sound.heard)
        appliance.dials.set_volume(100)
        await until(lambda: sound(Earcon.VOLUME) in daemon.sound.heard)
        appliance.renew_conversation()
        await until(lambda: sound(Earcon.READY) in daemon.sound.heard)


async def test_a_speaker_that_is_put_to_rest_meanwhile_is_woken_again(tmp_path: Path) -> None:
    async with running(tmp_path, sounds=SOUNDS) as daemon:
        await daemon.app.speaker.in_thread(daemon.app.speaker.wake)
        aside = asyncio.create_task(daemon.app.speaker.sound_aside(np.ones(44_100, np.int16), 44_100))
        await until(lambda: daemon.app.speaker._newest_aside is not None)
        await daemon.app.speaker.in_thread(daemon.app.speaker.rest)
        async with asyncio.timeout(60):
            await aside


async def test_muting_in_the_middle_of_a_question_is_confirmed_once_it_is_closed(tmp_path: Path) -> None:
    async with running(tmp_path, sounds=SOUNDS) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.app.appliance.dials.mute(True)
        await daemon.event("turn", outcome="cancelled")
        await until(lambda: sound(Earcon.MUTED) in daemon.sound.heard)


async def test_nothing_is_confirmed_into_a_question_or_a_reply(tmp_path: Path) -> None:
    async with running(tmp_path, sounds={**SOUNDS, "speech": False}, clone=SimulatedClone(tone_s=5)) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.app.appliance.dials.set_volume(100)
        await asyncio.sleep(0.3)
        assert daemon.sound.peak == 0
        daemon.cancel()
        daemon.say("Tell me a story")
        await daemon.event("state", state="speaking")
        daemon.app.appliance.dials.set_volume(100)
        await asyncio.sleep(0.3)
        assert sound(Earcon.VOLUME)[2_000:] not in daemon.sound.heard


async def test_a_slider_that_is_drawn_rattles_not(tmp_path: Path) -> None:
    async with running(tmp_path, sounds=SOUNDS) as daemon:
        begun_at = time.monotonic()
        for volume in [*range(80, 100), 100]:
            daemon.app.appliance.dials.set_volume(volume)
            await asyncio.sleep(0.01)
        drawn_s = time.monotonic() - begun_at
        await settled(daemon)
        heard = np.frombuffer(daemon.sound.heard, np.int16)
        begun = np.flatnonzero(heard)
        breaks = int((np.diff(begun) > 441).sum())  # 10 ms of silence
        # One after the other, each to its end, and not twenty.
        assert breaks <= 2 + drawn_s / (earcons.make(Earcon.VOLUME).size / 44_100)


# Alone


async def test_earcons_in_quick_succession_leave_nothing_behind() -> None:
    card = Card()
    speaker = Speaker(card.open_speaker)
    speaker.open()
    signals = Signals(speaker, Repertoire(dict, "en"), Habits)
    sounded: list[weakref.ref[asyncio.Task[None]]] = []
    async with asyncio.TaskGroup() as tasks:
        signals.tasks = tasks
        for earcon in (Earcon.ERROR, Earcon.STOP, Earcon.MUTED, Earcon.UNMUTED, Earcon.READY):
            after = tasks.create_task(asyncio.sleep(0.005))
            signals.sound(earcon, after=after)
            assert signals._sounding is not None
            sounded.append(weakref.ref(signals._sounding))
            await asyncio.sleep(0.01)
        signals.hush()
    gc.collect()
    assert [ref() is not None for ref in sounded] == [False, False, False, False, True]
