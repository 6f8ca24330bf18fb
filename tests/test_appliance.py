"""Turns of a whole daemon, from the press to the last sample heard."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clonespeaker import appliance, attempts
from clonespeaker.audio import ear, earcons
from clonespeaker.clone.records import Message
from clonespeaker.conversation import Conversation
from clonespeaker.cues import Earcon
from clonespeaker.errors import FAULTS, DeviceError, StatusError
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.sounds.repertoire import EARCON_MOST_S
from clonespeaker.state import StateDir
from clonespeaker.timeline import STAGES
from tests.daemon import SPEECH, SPEECH_S, Daemon, SoundOfTest, running, starting
from tests.peers import until
from tests.sounds.wavs import noise, write_wav

TURN_FIELDS = {
    "event", "turn", "outcome", "fault", *STAGES,
    "utterance_ms", "reply_ms", "upload", "retries", "underruns", "overflows", "http_status",
}  # fmt: skip

ERROR = earcons.make(Earcon.ERROR).tobytes()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_BACKOFF_S", 0.01)


def assert_whole(turn: dict[str, Any]) -> None:
    """The utterance has all from its first frame to its end; that is the release, or when a busy machine took it in."""
    said_ms = -turn["first_frame"]
    assert said_ms - 20 <= turn["utterance_ms"] <= said_ms + turn["body_sent"] + 20


def no_audio(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] != "level"]


# A turn


async def test_hold_speak_let_go(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        turn = await daemon.talk()
        assert (turn["turn"], turn["outcome"], turn["fault"]) == (1, "answered", None)
        assert daemon.states == ["idle", "listening", "thinking", "speaking", "idle"]
        assert [event["turn"] for event in daemon.told("state")] == [None, 1, 1, 1, None]
        (received,) = daemon.clone.received
        assert SPEECH.tobytes() in received.pcm  # bit-exact, its first word whole
        assert received.live
        assert SPEECH.tobytes() in daemon.sound.heard  # and so is the answer
        assert received.pcm.strip(b"\0") in daemon.sound.heard


async def test_its_event_tells_everything(tmp_path: Path) -> None:
    async with running(tmp_path, microphone={"pre_roll_ms": 500}) as daemon:
        await until(lambda: daemon.app.microphone._capture.ring.end > 44_100)  # type: ignore[union-attr]
        await daemon.hold(seconds=1.0)
        turn = await daemon.event("turn")
        assert set(turn) == TURN_FIELDS
        assert all(turn[stage] is not None for stage in STAGES)
        assert turn["released"] == 0
        assert turn["first_frame"] <= turn["pressed"] - 200 < turn["pressed"] < -900
        assert turn["pressed"] <= turn["connected"] < 0
        assert 0 < turn["body_sent"] <= turn["first_event"] <= turn["first_audio"] <= turn["last_audio"]
        assert turn["first_audio"] <= turn["first_sound"] < turn["drained"]
        assert_whole(turn)
        assert turn["reply_ms"] == pytest.approx(turn["utterance_ms"], abs=1)
        loud_at = [at for at, block in daemon.sound.played if any(block)]
        assert turn["drained"] - turn["first_sound"] >= (loud_at[-1] - loud_at[0]) * 1_000 - 50
        assert (turn["upload"], turn["retries"], turn["underruns"], turn["http_status"]) == ("live", 0, 0, 200)


async def test_frames_lost_while_the_user_spoke_are_that_turns(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.app.microphone.overflows += 1  # as the device's thread does
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.app.microphone.overflows += 2
        daemon.app.appliance.hand.release()
        assert (await daemon.event("turn"))["overflows"] == 2
        assert (await daemon.talk())["overflows"] == 0
        assert daemon.app.account.snapshot()["totals"]["overflows"] == 3


async def test_both_sides_have_captions(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await daemon.talk()
        user = await daemon.event("caption", who="user")
        clone = daemon.told("caption")[0]
        said_s = len(daemon.clone.received[0].pcm) / 88_200
        assert user == {
            "event": "caption", "turn": 1, "who": "user", "text": f"({said_s:.1f} seconds of speech)", "final": True
        }  # fmt: skip
        assert clone == {
            "event": "caption", "turn": 1, "who": "clone", "text": f"I heard you for {said_s:.1f} seconds.",
            "final": True,
        }  # fmt: skip
        assert [message["text"] for message in daemon.app.account.snapshot()["conversation"]["messages"]] == [
            daemon.clone.greeting,
            user["text"],
            clone["text"],
        ]


async def test_what_was_said_is_told_though_the_answer_broke_off(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.clone.fault_once("cut")
        turn = await daemon.talk()
        assert (turn["outcome"], turn["fault"]) == ("failed", "reply-broken")
        await daemon.event("caption", who="user")
        assert [caption["final"] for caption in daemon.told("caption") if caption["who"] == "clone"] == [True]


async def test_text_has_captions_as_it_comes(tmp_path: Path) -> None:
    async with running(tmp_path, clone=SimulatedClone(reply_text="one two")) as daemon:
        daemon.say("Hello")
        turn = await daemon.event("turn")
        assert turn["outcome"] == "answered"
        assert [(caption["who"], caption["text"], caption["final"]) for caption in daemon.told("caption")] == [
            ("user", "Hello", True),
            ("clone", "one two", True),
        ]
        assert daemon.states == ["idle", "thinking", "speaking", "idle"]
        assert turn["upload"] is None
        assert turn["pressed"] == turn["released"] == 0


async def test_an_answer_to_be_read(tmp_path: Path) -> None:
    async with running(tmp_path, clone_settings={"reply": "text"}) as daemon:
        daemon.say("one two")
        turn = await daemon.event("turn", outcome="answered")
        assert daemon.states == ["idle", "thinking", "idle"]
        assert [caption["text"] for caption in daemon.told("caption")][1:] == [
            "You ", "You wrote: ", "You wrote: one ", "You wrote: one two", "You wrote: one two"
        ]  # fmt: skip
        assert turn["first_sound"] is None
        assert turn["drained"] is None


async def test_citations_and_pictures(tmp_path: Path) -> None:
    citation = {"url": "https://example.org", "title": "A", "text": "B", "type": "web"}
    clone = SimulatedClone(citations=[citation], image_url="https://example.org/a.png")
    async with running(tmp_path, clone=clone) as daemon:
        daemon.say("Hello", "https://example.org/b.png")
        await daemon.event("turn")
        assert daemon.told("citations") == [{"event": "citations", "turn": 1, "citations": (citation,)}]
        assert daemon.told("picture") == [{"event": "picture", "turn": 1, "url": "https://example.org/a.png"}]
        assert clone.received[0].fields["image_url"] == "https://example.org/b.png"


async def test_levels_come_15_times_a_second_at_most(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await daemon.hold(seconds=1.5)
        await daemon.event("turn")
        for source in ("microphone", "speaker"):
            at = [
                when
                for event, when in zip(daemon.events, daemon.at, strict=True)
                if event["event"] == "level" and event["source"] == source
            ]
            assert len(at) >= 5
            # Each is noted a moment after it was due, and where the machine stood still just then, later.
            assert sum(apart_s < 0.9 / 15 for apart_s in np.diff(at)) <= 2
        state = None
        for event in daemon.events:  # each while its sound is what the state is about
            state = event["state"] if event["event"] == "state" else state
            if event["event"] == "level":
                assert state == {"microphone": "listening", "speaker": "speaking"}[event["source"]]
        levels = [event["dbfs"] for event in daemon.told("level")]
        assert -96 <= min(levels) <= max(levels) <= -10
        assert max(levels) > -20


# Presses that are short, long, or in between


async def test_a_tap_sends_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, microphone={"min_hold_ms": 5_000}) as daemon:
        daemon.app.appliance.hand.press()
        await until(lambda: daemon.clone.received)
        daemon.app.appliance.hand.release()
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"], turn["released"]) == ("tapped", None, None)
        assert daemon.states == ["idle", "listening", "idle"]
        assert daemon.app.news.faults == {}
        await daemon.app.conversation.refresh()
        assert len(daemon.app.conversation.messages) == 1
        assert [received.complete for received in daemon.clone.received] == [False]


async def test_the_longest_recording_is_sent(tmp_path: Path) -> None:
    async with running(tmp_path, microphone={"max_seconds": 0.4}) as daemon:
        daemon.app.appliance.hand.on_button(True)
        await daemon.event("state", state="thinking")
        assert daemon.app.news.faults.keys() == {"button-stuck"}
        daemon.app.appliance.hand.on_button(False)  # means nothing any more
        await daemon.event("fault", fault="button-stuck", active=False)
        turn = await daemon.event("turn")
        assert turn["outcome"] == "answered"
        assert 399 <= -turn["pressed"] < 5_000  # nothing else would have ended it
        assert_whole(turn)
        assert len(daemon.clone.received) == 1


async def test_a_program_that_presses_for_too_long_has_no_stuck_button(tmp_path: Path) -> None:
    async with running(tmp_path, microphone={"max_seconds": 0.4}) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("turn", outcome="answered")
        assert daemon.told("fault") == []


async def test_the_clone_is_interrupted(tmp_path: Path) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=10)) as daemon:
        daemon.say("Tell me a story")
        await daemon.event("state", state="speaking")
        await asyncio.sleep(0.1)
        pressed_at = time.monotonic()
        await daemon.hold()
        first = daemon.told("turn")[0]
        assert (first["turn"], first["outcome"]) == (1, "cancelled")
        assert daemon.sound.last_heard_at - pressed_at < 5  # of ten; how quickly it goes is measured in benchmarks/
        over_at = daemon.at[daemon.events.index(first)]
        assert (
            sum(any(block) for at, block in daemon.sound.played if at > over_at) <= 2
        )  # one that was asked for, a fade
        second = await daemon.event("turn", turn=2)
        assert second["outcome"] == "answered"
        assert SPEECH.tobytes() in daemon.sound.heard  # nothing is cut from what comes after the silence
        assert daemon.states == [
            "idle", "thinking", "speaking", "listening", "thinking", "speaking", "idle"
        ]  # fmt: skip


async def test_a_tap_silences_it(tmp_path: Path) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=10), microphone={"min_hold_ms": 5_000}) as daemon:
        daemon.say("Tell me a story")
        await daemon.event("state", state="speaking")
        await daemon.hold(seconds=0.05)
        await daemon.event("state", state="idle")
        await until(lambda: len(daemon.told("turn")) == 2)
        assert [turn["outcome"] for turn in daemon.told("turn")] == ["cancelled", "tapped"]


@pytest.mark.parametrize("state", ["listening", "thinking", "speaking"])
async def test_cancel(tmp_path: Path, state: str) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=10)) as daemon:
        if state == "listening":
            daemon.app.appliance.hand.press()
        else:
            daemon.clone.fault = "pings-only" if state == "thinking" else None
            daemon.say("Hello")
        await daemon.event("state", state=state)
        daemon.cancel()
        assert (await daemon.event("turn"))["outcome"] == "cancelled"
        assert daemon.state == "idle"
        daemon.clone.fault = None
        assert (await daemon.talk())["outcome"] == "answered"


async def test_a_talk_ends_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        await program.command("talk", seconds=0.3)
        turn = await daemon.event("turn")
        assert turn["outcome"] == "answered"
        assert 299 <= -turn["pressed"] < 5_000
        assert_whole(turn)


async def test_a_talk_does_not_end_another_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        await program.command("talk", seconds=0.3)
        await daemon.event("state", state="listening")
        daemon.cancel()
        await daemon.event("state", state="idle")
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening", turn=2)
        await asyncio.sleep(0.5)
        assert daemon.state == "listening"


async def test_a_refused_talk_ends_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        await program.command("mute")
        with pytest.raises(StatusError, match="unmute"):
            await program.command("talk", seconds=0.4)
        await program.command("unmute")
        await program.command("press")
        await daemon.event("state", state="listening", turn=1)
        await asyncio.sleep(0.6)
        assert daemon.state == "listening"


async def test_a_program_does_not_shorten_a_press(tmp_path: Path) -> None:
    """A second press, from a program, is ignored: the hand's own is what counts."""
    async with running(tmp_path, microphone={"min_hold_ms": 200}) as daemon:
        daemon.app.appliance.hand.on_button(True)
        await daemon.event("state", state="listening")
        await asyncio.sleep(0.3)
        daemon.app.appliance.hand.press()
        await asyncio.sleep(0.05)
        daemon.app.appliance.hand.on_button(False)
        assert (await daemon.event("turn"))["outcome"] == "answered"


async def test_tap_mode(tmp_path: Path) -> None:
    async with running(tmp_path, button={"mode": "tap"}) as daemon:
        await daemon.hold(seconds=0.1)  # its release means nothing
        await asyncio.sleep(0.1)
        assert daemon.state == "listening"
        daemon.app.appliance.hand.on_button(True)
        daemon.app.appliance.hand.on_button(False)
        turn = await daemon.event("turn")
        assert turn["outcome"] == "answered"
        assert turn["utterance_ms"] > 150


async def test_a_tap_after_which_nobody_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ear, "NOTHING_AFTER_MS", 300.0)
    async with running(tmp_path, button={"mode": "tap", "detector": "energy"}) as daemon:
        daemon.app.appliance.hand.press()
        hint = await daemon.event("fault", fault="nothing-heard")
        assert hint["active"]
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"], turn["released"]) == ("tapped", None, None)
        assert daemon.states == ["idle", "listening", "idle"]
        assert daemon.app.account.health()["ok"]
        assert not any(each.complete for each in daemon.clone.received)


async def test_a_microphone_that_is_dead_is_not_the_visitors_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ear, "NOTHING_AFTER_MS", 1_500.0)
    async with running(tmp_path, button={"mode": "tap", "detector": "energy"}) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.sound.hear(np.zeros(3 * 44_100, np.int16))
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("failed", "no-sound")
        assert [told["fault"] for told in daemon.told("fault")] == ["no-sound"]


async def test_silence_ends_a_tap_but_not_what_has_an_end_of_its_own(tmp_path: Path) -> None:
    button = {"mode": "tap", "detector": "energy", "end_after_ms": 300}
    loud = np.tile(np.concatenate((SPEECH, np.zeros(2_205, np.int16))), 4)
    async with running(tmp_path, button=button) as daemon:
        daemon.app.appliance.hand.press()
        daemon.app.appliance.hand.release()  # means nothing
        await daemon.event("state", state="listening")
        daemon.sound.hear(loud)
        assert (await daemon.event("turn"))["outcome"] == "answered"
        async with daemon.program() as program:
            await program.command("talk", seconds=1.5)
            await daemon.event("state", state="listening")
            daemon.sound.hear(loud)
            turn = await daemon.event("turn")
        assert turn["outcome"] == "answered"
        assert turn["pressed"] <= -1_490
        first, second = (each.pcm for each in daemon.clone.received)
        assert loud.tobytes() in first
        assert loud.tobytes() in second


async def test_where_silence_ends_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, button={"mode": "tap", "detector": "energy", "end_after_ms": 0}) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.sound.hear(np.tile(SPEECH, 6))
        await asyncio.sleep(1.5)
        assert daemon.app.appliance.is_listening()
        daemon.app.appliance.hand.press()
        assert (await daemon.event("turn"))["outcome"] == "answered"


async def test_tap_mode_while_it_speaks(tmp_path: Path) -> None:
    async with running(tmp_path, button={"mode": "tap"}, clone=SimulatedClone(tone_s=10)) as daemon:
        daemon.say("Tell me a story")
        await daemon.event("state", state="speaking")
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        assert (await daemon.event("turn", turn=1))["outcome"] == "cancelled"
        daemon.app.appliance.hand.press()
        assert (await daemon.event("turn", turn=2))["outcome"] == "answered"


# Commands


async def test_say(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        await program.command("say", text="Hello", image_url="https://example.org/a.png")
        await daemon.event("turn", outcome="answered")
        assert daemon.clone.received[0].fields["user_message"] == "Hello"


async def test_say_while_the_user_speaks_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        await program.command("press")
        await daemon.event("state", state="listening")
        with pytest.raises(StatusError, match="is speaking") as refused:
            await program.command("say", text="Hello")
        assert refused.value.code == "listening"
        await asyncio.sleep(0.1)
        await program.command("release")
        assert (await daemon.event("turn"))["outcome"] == "answered"


async def test_a_talk_while_the_user_speaks_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        await program.command("press")
        await daemon.event("state", state="listening")
        with pytest.raises(StatusError, match="is speaking"):
            await program.command("talk", seconds=0.1)
        await asyncio.sleep(0.15)
        assert daemon.state == "listening"
        await program.command("cancel")
        assert (await daemon.event("turn"))["outcome"] == "cancelled"


async def test_muted(tmp_path: Path) -> None:
    async with running(tmp_path, sounds={"earcons": True}) as daemon, daemon.program() as program:
        await program.command("mute")
        await daemon.event("settings", muted=True)
        assert daemon.app.account.snapshot()["muted"] is True
        for name, fields in (("press", {}), ("talk", {"seconds": 1})):
            with pytest.raises(StatusError, match="unmute") as refused:
                await program.command(name, **fields)
            assert refused.value.code == "muted"
        fault = await daemon.event("fault", fault="muted", active=True)
        assert fault["message"] == FAULTS["muted"]
        assert daemon.states == ["idle"]
        await until(lambda: earcons.make(Earcon.MUTED).tobytes() in daemon.sound.heard)
        await program.command("say", text="Hello")  # needs no microphone
        await daemon.event("turn", outcome="answered")
        await program.command("unmute")
        await daemon.event("settings", muted=False)
        assert not daemon.app.news.faults
        assert (await daemon.talk())["outcome"] == "answered"


async def test_a_press_while_muted_silences_the_clone(tmp_path: Path) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=10)) as daemon:
        daemon.app.appliance.dials.mute(True)
        daemon.say("Tell me a story")
        await daemon.event("state", state="speaking")
        daemon.app.appliance.hand.press()
        assert (await daemon.event("turn"))["outcome"] == "cancelled"
        assert daemon.state == "idle"


async def test_a_press_and_a_mute_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.app.appliance.hand.press()
        daemon.app.appliance.dials.mute(True)
        await asyncio.sleep(0.1)
        assert daemon.states == ["idle"]
        assert daemon.clone.received == []


async def test_muting_while_the_user_speaks_sends_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.app.appliance.dials.mute(True)
        assert (await daemon.event("turn"))["outcome"] == "cancelled"


async def test_volume(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        await program.command("volume", level=60)
        assert await daemon.event("settings", volume=60)
        assert daemon.app.account.snapshot()["volume"] == 60
        daemon.say("Hello")
        await daemon.event("turn")
        assert daemon.sound.peak == pytest.approx(800, rel=0.02)  # 20 dB below the tone's 8,000


async def test_the_volume_step_by_step(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        for fields, expected in (
            ({"level": 12}, 12),
            ({"step": -2}, 2),
            ({"step": -1}, 0),
            ({"step": 1}, 5),
            ({"step": 10}, 55),
            ({"step": 10}, 100),
        ):
            await program.command("volume", **fields)
            await daemon.event("settings", volume=expected)
            assert daemon.app.speaker.volume == expected


async def test_a_new_conversation(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        before = daemon.app.conversation.id
        await program.command("new_conversation")
        await until(lambda: conversations(daemon))
        told = conversations(daemon)[-1]
        assert told["id"] == daemon.app.conversation.id != before
        assert [message["text"] for message in told["messages"]] == [daemon.clone.greeting]
        await daemon.clone.stop()
        with pytest.raises(StatusError, match="can't connect") as refused:
            await program.command("new_conversation")
        assert refused.value.code == "offline"


async def test_after_a_time_of_quiet_the_next_visitor_begins_afresh(tmp_path: Path) -> None:
    async with running(tmp_path, clone_settings={"new_conversation_after_s": 1.0}) as daemon:
        first = daemon.app.conversation.id
        assert (await daemon.talk())["outcome"] == "answered"
        assert daemon.app.conversation.id == first
        await until(lambda: len(conversations(daemon)) == 2)
        told = conversations(daemon)[-1]
        assert told["id"] != first
        assert len(told["messages"]) == 1
        await asyncio.sleep(1.5)
        assert len(conversations(daemon)) == 2  # nobody has said anything since


async def test_a_conversation_from_before_a_restart_ends_after_quiet_likewise(tmp_path: Path) -> None:
    clone = SimulatedClone()
    async with running(tmp_path, clone=clone) as daemon:
        port = int(daemon.app.settings.clone.base_url.rpartition(":")[2])
        first = daemon.app.conversation.id
        assert (await daemon.talk())["outcome"] == "answered"
    async with running(tmp_path, clone=clone, port=port, clone_settings={"new_conversation_after_s": 0.5}) as daemon:
        await until(lambda: len(conversations(daemon)) == 2)
        before, after = conversations(daemon)
        assert (before["id"], len(before["messages"])) == (first, 3)
        assert after["id"] not in (first, None)
        assert len(after["messages"]) == 1
        await asyncio.sleep(0.7)
        assert len(conversations(daemon)) == 2


async def test_the_next_visitor_begins_afresh_though_that_could_not_be_done_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, clone_settings={"new_conversation_after_s": 0.3}) as daemon:
        first = daemon.app.conversation.id
        assert (await daemon.talk())["outcome"] == "answered"
        daemon.clone.slug = "nobody"  # no new one is made
        await until(lambda: conversations(daemon)[-1] == {"id": None, "messages": []})
        assert daemon.app.appliance.snapshot()["conversation"] == {"id": None, "messages": []}
        await until(lambda: StateDir(tmp_path).load().conversation is None)  # nor does a restart go on with it
        daemon.clone.slug = "my-clone"
        assert (await daemon.talk())["outcome"] == "answered"
        assert daemon.app.conversation.id not in (first, None)


async def test_a_turn_has_the_line_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appliance, "_LOOKS_ON_FOR_S", 0.05)
    given_up = asyncio.Event()

    async def refresh(conversation: Conversation, *, for_screens: bool = False) -> list[Message]:
        if for_screens:
            try:
                await asyncio.sleep(60)  # a long history on a slow network
            except asyncio.CancelledError:
                given_up.set()
                raise
        return conversation.messages

    async with running(tmp_path) as daemon:
        monkeypatch.setattr(Conversation, "refresh", refresh)
        assert (await daemon.talk())["outcome"] == "answered"
        await asyncio.sleep(0.2)
        assert not given_up.is_set()
        daemon.app.appliance.hand.press()
        async with asyncio.timeout(30):
            await given_up.wait()


def conversations(daemon: Daemon) -> list[dict[str, Any]]:
    """All that were told."""
    return [told["conversation"] for told in daemon.told("settings") if "conversation" in told]


async def test_a_conversation_that_is_lost_later(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await daemon.talk()
        lost = daemon.app.conversation.id
        daemon.clone.fault_once("status-404")
        turn = await daemon.talk()
        assert (turn["outcome"], turn["retries"]) == ("answered", 1)
        assert daemon.app.conversation.id != lost
        assert daemon.told("fault") == []


# Faults


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("status-500", "server-error"),
        ("status-401", "refused"),
        ("status-403-prerequisites", "prerequisites"),
        ("status-409", "busy"),
        ("random-events", "reply-broken"),
    ],
)
async def test_a_failed_turn_is_told_until_the_clone_answers(tmp_path: Path, name: str, fault: str) -> None:
    async with running(tmp_path, sounds={"earcons": True}) as daemon:
        daemon.clone.fault = name
        daemon.say("Hello")
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("failed", fault)
        *tries, begun = daemon.told("fault")
        assert len(tries) == turn["retries"]  # each tells when the next one is
        assert {each["fault"] for each in tries} <= {fault}
        assert set(begun) == {"event", "fault", "active", "message", "detail"}
        assert (begun["fault"], begun["active"], begun["message"]) == (fault, True, FAULTS[fault])
        assert begun["detail"]
        assert daemon.app.account.snapshot()["faults"] == [fault]
        await until(lambda: ERROR in daemon.sound.heard)
        daemon.clone.fault = None
        assert (await daemon.talk())["outcome"] == "answered"
        assert daemon.told("fault")[len(tries) + 1 :] == [
            {"event": "fault", "fault": fault, "active": False, "message": FAULTS[fault], "detail": ""}
        ]
        assert daemon.app.account.snapshot()["faults"] == []
        assert daemon.app.account.snapshot()["totals"] == {
            "turns": 2, "answered": 1, "tapped": 0, "cancelled": 0, "failed": 1, "underruns": 0,
            "retries": turn["retries"], "overflows": 0,
        }  # fmt: skip


async def test_without_earcons_failures_are_silent(tmp_path: Path) -> None:
    async with running(tmp_path, sounds={"earcons": False, "speech": False}) as daemon:
        daemon.clone.fault = "status-401"
        daemon.say("Hello")
        await daemon.event("turn", outcome="failed")
        await asyncio.sleep(0.2)
        assert daemon.sound.peak == 0


async def test_two_failures_at_once_sound_like_one(tmp_path: Path) -> None:
    """An impatient hand on a muted device: each press has its earcon, and none a piece of another's."""
    long = noise("muted", seconds=EARCON_MOST_S)
    write_wav(tmp_path / "sounds" / "muted.wav", long)
    muted = long[1_000:-1_000].tobytes()  # its ends are faded
    sounds = {"earcons": True, "directory": str(tmp_path / "sounds")}
    async with running(tmp_path, sounds=sounds) as daemon:
        daemon.app.appliance.dials.mute(True)
        for _ in range(4):
            daemon.app.appliance.hand.press()
            await asyncio.sleep(0.1)
        await until(lambda: muted in daemon.sound.heard)
        await until(lambda: daemon.sound.last_heard_at < time.monotonic() - 0.5)
        assert daemon.sound.heard.count(muted) == 1


async def test_a_broken_reply_is_played_as_far_as_it_came(tmp_path: Path) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=0.5)) as daemon:
        daemon.clone.fault = "cut"
        daemon.say("Hello")
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("failed", "reply-broken")
        assert turn["reply_ms"] == pytest.approx(240, abs=20)
        assert daemon.states == ["idle", "thinking", "speaking", "idle"]
        assert daemon.told("caption")[-1]["text"] == "You wrote: Hello"


async def test_a_press_without_a_microphone(tmp_path: Path) -> None:
    sound = SoundOfTest()
    sound.refused["microphone"] = DeviceError("microphone", "no microphone found; plug one in")
    async with starting(tmp_path, sound=sound, sounds={"earcons": True}) as daemon, daemon.program() as program:
        assert daemon.app.news.faults.keys() == {"no-microphone"}
        assert daemon.app.account.snapshot()["device"]["microphone"] is None
        with pytest.raises(StatusError, match="plug one in") as refused:
            await program.command("press")
        assert refused.value.code == "no-microphone"
        await until(lambda: ERROR in sound.heard)
        assert daemon.states == ["idle"]
        sound.refused.clear()
        await daemon.event("fault", fault="no-microphone", active=False)
        assert (await daemon.talk())["outcome"] == "answered"


async def test_a_microphone_that_falls_silent(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        await asyncio.to_thread(daemon.sound.streams["microphone"].stop)
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("failed", "no-microphone")
        await until(lambda: not daemon.app.news.faults)  # opened again, by itself
        assert daemon.sound.opened.count("microphone") == 2
        assert (await daemon.talk())["outcome"] == "answered"


async def test_a_speaker_that_falls_silent(tmp_path: Path) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=3)) as daemon:
        daemon.say("Hello")
        await daemon.event("state", state="speaking")
        await asyncio.to_thread(daemon.sound.streams["speaker"].stop)
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("failed", "no-speaker")
        assert daemon.told("caption")[-1]["text"] == "You wrote: Hello"
        daemon.clone.tone_s = 0.1
        await daemon.event("fault", fault="no-speaker", active=False)
        assert (await daemon.talk())["outcome"] == "answered"


async def test_a_speaker_that_does_not_start(tmp_path: Path) -> None:
    """A card that went while it slept: told, and opened anew."""
    async with running(tmp_path) as daemon:
        stream = daemon.sound.streams["speaker"]

        def start() -> None:
            raise DeviceError("speaker", "the speaker does not start")

        stream.start = start  # type: ignore[method-assign]
        daemon.say("Hello")
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("failed", "no-speaker")
        assert daemon.told("caption")[-1]["text"] == "You wrote: Hello"
        await daemon.event("fault", fault="no-speaker", active=False)
        daemon.say("Hello")
        assert (await daemon.event("turn"))["outcome"] == "answered"


# A microphone that is open only when it is needed


async def test_the_microphone_is_open_only_while_the_user_speaks(tmp_path: Path) -> None:
    async with running(tmp_path, microphone={"keep_open": False, "pre_roll_ms": 0}) as daemon:
        assert daemon.sound.opened == ["speaker"]
        await daemon.hold(seconds=SPEECH_S + 1.0)  # it is not open at once
        assert (await daemon.event("turn"))["outcome"] == "answered"
        assert SPEECH.tobytes() in daemon.clone.received[0].pcm
        await until(lambda: daemon.app.microphone.stream is None)
        assert (await daemon.talk())["outcome"] == "answered"
        assert daemon.sound.opened == ["speaker", "microphone", "microphone"]


async def test_a_tap_while_the_microphone_is_being_opened_does_not_leave_it_open(tmp_path: Path) -> None:
    sound = SoundOfTest()
    async with running(tmp_path, sound=sound, microphone={"keep_open": False, "min_hold_ms": 5_000}) as daemon:
        sound.opens_in_s = 0.3
        await daemon.hold(seconds=0.1)
        assert (await daemon.event("turn"))["outcome"] == "tapped"
        await until(lambda: "microphone" in sound.opened)
        await asyncio.sleep(0.2)
        await until(lambda: daemon.app.microphone.stream is None)


async def test_a_press_right_after_a_tap_with_a_slow_microphone(tmp_path: Path) -> None:
    sound = SoundOfTest()
    microphone = {"keep_open": False, "pre_roll_ms": 0, "min_hold_ms": 800}
    async with running(tmp_path, sound=sound, microphone=microphone) as daemon:
        sound.opens_in_s = 0.2
        await daemon.hold(seconds=0.05)
        await daemon.hold(seconds=SPEECH_S + 1.0)
        turn = await daemon.event("turn", turn=2)
        assert turn["outcome"] == "answered"


async def test_no_microphone_to_be_opened_when_it_is_needed(tmp_path: Path) -> None:
    sound = SoundOfTest()
    sound.refused["microphone"] = DeviceError("microphone", "no microphone found; plug one in")
    async with running(tmp_path, sound=sound, microphone={"keep_open": False}) as daemon:
        daemon.app.appliance.hand.press()
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("failed", "no-microphone")
        sound.refused.clear()
        assert (await daemon.talk())["outcome"] == "answered"
        assert not daemon.app.news.faults


# How things stand


async def test_the_snapshot(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        await until(lambda: daemon.app.account.snapshot()["clone"]["name"])
        await program.command("snapshot")
        snapshot = program.snapshot
        assert set(snapshot) == {
            "type", "protocol", "device", "state", "muted", "mute_switch", "volume", "faults", "causes",
            "clone", "conversation", "turn", "turns", "totals",
        }  # fmt: skip
        assert (snapshot["type"], snapshot["protocol"], snapshot["state"]) == ("snapshot", 1, "idle")
        assert (snapshot["muted"], snapshot["volume"], snapshot["faults"], snapshot["turn"]) == (False, 100, [], None)
        assert snapshot["device"]["speaker"] == {"name": "nobody's ear", "rate_hz": 44_100, "channels": 1}
        assert snapshot["clone"]["slug"] == "my-clone"
        assert snapshot["conversation"]["id"] == daemon.app.conversation.id
        assert snapshot["conversation"]["messages"][0]["sender"] == "CLONE"
        await program.command("press")
        await daemon.event("state", state="listening")
        await program.command("snapshot")
        assert (program.snapshot["state"], program.snapshot["turn"]) == ("listening", 1)


async def test_events_on_the_wire_are_those_that_are_told(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        daemon.say("Hello")
        seen = []
        async for event in program.events():
            seen.append({key: value for key, value in event.items() if key != "type"})
            if event["event"] == "turn":
                break
        told = [event for event in daemon.events if event["event"] != "level"][-len(no_audio(seen)) :]
        assert [event["event"] for event in no_audio(seen)] == [event["event"] for event in told]
        assert no_audio(seen)[-1] == told[-1]
