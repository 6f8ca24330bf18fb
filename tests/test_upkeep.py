"""Sound devices that go, come back, hang; in a whole daemon, on cards of a test."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from clonespeaker import upkeep
from clonespeaker.audio import calls
from clonespeaker.audio.stream import Fill, Stream
from clonespeaker.errors import DeviceError, StatusError, StuckError
from clonespeaker.simulate.server import SimulatedClone
from tests.daemon import SPEECH, Daemon, SoundOfTest, running, starting
from tests.peers import until


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WITHIN_S", 1.0)
    monkeypatch.setattr(upkeep, "STUCK_AFTER_S", 3.0)


@pytest.mark.parametrize("name", ["microphone", "speaker"])
async def test_one_that_is_unplugged_and_plugged_in_again(tmp_path: Path, name: str) -> None:
    async with running(tmp_path) as daemon:
        assert (await daemon.talk())["outcome"] == "answered"  # so the speaker is awake
        await asyncio.to_thread(daemon.sound.unplug, name)
        await daemon.event("fault", fault=f"no-{name}", active=True)
        daemon.sound.plugged.add(name)
        await daemon.event("fault", fault=f"no-{name}", active=False)
        assert (await daemon.talk())["outcome"] == "answered"


async def test_a_speaker_that_is_unplugged_in_its_sleep(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.sound.plugged.remove("speaker")
        await daemon.event("fault", fault="no-speaker", active=True)
        await until(lambda: daemon.app.microphone.stream is not None)


async def test_a_microphone_that_comes_later_is_found_though_the_speaker_is_open(tmp_path: Path) -> None:
    sound = SoundOfTest()
    sound.plugged = {"speaker"}
    async with starting(tmp_path, sound=sound) as daemon:
        assert daemon.app.news.faults.keys() == {"no-microphone"}
        await until(lambda: daemon.app.conversation.id)
        sound.plugged.add("microphone")
        await daemon.event("fault", fault="no-microphone", active=False)
        assert (await daemon.talk())["outcome"] == "answered"


async def test_a_card_that_another_program_sets_free(tmp_path: Path) -> None:
    sound = SoundOfTest()
    sound.refused["microphone"] = DeviceError("microphone", "no microphone found")
    sound.held_by = "firefox"
    async with starting(tmp_path, sound=sound):
        await asyncio.sleep(0.7)
        looked = sound.refreshed
        sound.held_by = ""
        await until(lambda: sound.refreshed > looked)


async def test_what_works_is_left_alone_while_somebody_uses_it(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.sound.plugged.add("another card")
        daemon.sound.hear(SPEECH)
        await asyncio.sleep(0.7)
        assert daemon.sound.refreshed == 0
        daemon.app.appliance.hand.release()
        assert (await daemon.event("turn"))["outcome"] == "answered"
        assert SPEECH.tobytes() in daemon.clone.received[0].pcm
        await until(lambda: daemon.sound.refreshed == 1)  # a card that `auto` may like better
        await until(lambda: daemon.app.microphone.stream is not None)
        assert daemon.told("fault") == []


async def test_a_press_while_devices_are_looked_for_waits_until_they_are_there(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.sound.opens_in_s = 0.15
        daemon.sound.plugged.add("another card")
        await until(lambda: daemon.app.appliance.devices.locked())
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.sound.hear(SPEECH)
        await asyncio.sleep(1.0)
        daemon.app.appliance.hand.release()
        assert (await daemon.event("turn"))["outcome"] == "answered"
        assert SPEECH.tobytes() in daemon.clone.received[0].pcm
        assert daemon.told("fault") == []


async def test_a_press_while_devices_are_looked_for_and_no_microphone_is_found(tmp_path: Path) -> None:
    """It is refused, and no upload begins."""
    async with running(tmp_path) as daemon, daemon.program() as program:
        daemon.sound.opens_in_s = 0.3
        daemon.sound.plugged.remove("microphone")
        await until(lambda: daemon.app.appliance.devices.locked())
        with pytest.raises(StatusError, match="no microphone found"):
            await program.command("press")
        assert daemon.states == ["idle"]
        assert daemon.clone.received == []
        assert daemon.app.news.faults.keys() == {"no-microphone"}


async def test_a_microphone_that_is_opened_when_it_is_needed_is_not_called_missing_for_ever(tmp_path: Path) -> None:
    sound = SoundOfTest()
    async with running(tmp_path, sound=sound, microphone={"keep_open": False, "pre_roll_ms": 0}) as daemon:
        sound.plugged.remove("microphone")
        await until(lambda: sound.refreshed)
        daemon.app.appliance.hand.press()
        await daemon.event("fault", fault="no-microphone", active=True)
        sound.plugged.add("microphone")
        await daemon.event("fault", fault="no-microphone", active=False)


async def test_where_one_is_missing_for_good_the_other_is_left_alone(tmp_path: Path) -> None:
    sound = SoundOfTest()
    sound.refused["speaker"] = DeviceError("speaker", "no speaker found")
    async with starting(tmp_path, sound=sound):
        await asyncio.sleep(1.5)
        assert sound.refreshed == 0
        assert sound.opened == ["microphone"]


async def test_where_nothing_is_open_it_looks_now_and_then(tmp_path: Path) -> None:
    """Not everything that comes can be seen coming."""
    sound = SoundOfTest()
    for name in ("microphone", "speaker"):
        sound.refused[name] = DeviceError(name, f"no {name} found")
    async with starting(tmp_path, sound=sound):
        await until(lambda: sound.refreshed >= 2)


async def test_what_was_said_until_the_microphone_went_is_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.sound.hear(SPEECH)
        await asyncio.sleep(1.2)
        await asyncio.to_thread(daemon.sound.unplug, "microphone")
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("answered", None)
        assert SPEECH.tobytes() in daemon.clone.received[0].pcm
        assert daemon.app.news.faults.keys() == {"no-microphone"}
        daemon.app.appliance.hand.release()
        await asyncio.sleep(0.05)
        assert daemon.state == "idle"


class SoundThatIsSlow(SoundOfTest):
    """Opening a speaker does not return while `hangs` is clear.

    Attributes:
        opening: set once that is so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.opening = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def open_speaker(self, wanted: str, *, period_ms: float, fill: Fill) -> Stream:
        if not self.hangs.is_set():
            self._loop.call_soon_threadsafe(self.opening.set)
        return super().open_speaker(wanted, period_ms=period_ms, fill=fill)

    async def begin_to_open(self, daemon: Daemon) -> None:
        """While the user speaks, the speaker, awake since the press, goes, and is being opened again."""
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        await until(lambda: self.played)
        self.hangs.clear()
        await asyncio.to_thread(self.streams["speaker"].stop)
        async with asyncio.timeout(30):
            await self.opening.wait()


async def test_letting_go_waits_for_no_device_that_is_being_opened(tmp_path: Path) -> None:
    sound = SoundThatIsSlow()
    async with running(tmp_path, sound=sound) as daemon:
        await sound.begin_to_open(daemon)
        sound.hear(SPEECH)
        await asyncio.sleep(0.2)
        daemon.app.appliance.hand.release()
        await daemon.event("state", state="thinking")
        await until(lambda: daemon.clone.received and daemon.clone.received[0].complete)
        assert not sound.hangs.is_set()
        sound.hangs.set()
        assert SPEECH.tobytes() in daemon.clone.received[0].pcm
        await daemon.event("fault", fault="no-speaker", active=False)


async def test_a_cancel_and_a_press_wait_for_no_device_that_is_being_opened(tmp_path: Path) -> None:
    sound = SoundThatIsSlow()
    async with running(tmp_path, sound=sound) as daemon:
        await sound.begin_to_open(daemon)
        daemon.cancel()
        await daemon.event("state", state="idle")
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening", turn=2)
        assert not sound.hangs.is_set()
        sound.hangs.set()


async def hang(daemon: Daemon) -> None:
    """The speaker goes, and opening it again does not return."""
    assert (await daemon.talk())["outcome"] == "answered"
    daemon.sound.hangs.clear()
    await asyncio.to_thread(daemon.sound.streams["speaker"].stop)
    await daemon.event("fault", fault="no-speaker", active=True)
    await until(lambda: "does not answer" in daemon.app.news.faults["no-speaker"])


@pytest.mark.usefixtures("impatient")
async def test_what_hangs_for_a_while(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await hang(daemon)
        daemon.sound.hangs.set()
        await daemon.event("fault", fault="no-speaker", active=False)
        assert (await daemon.talk())["outcome"] == "answered"


@pytest.mark.usefixtures("impatient")
async def test_what_hangs_for_good_ends_the_process(tmp_path: Path) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=0.1)) as daemon:
        await hang(daemon)
        with pytest.raises(StuckError, match="fresh start"):
            await daemon.task
        daemon.sound.hangs.set()
        daemon.task = asyncio.create_task(asyncio.sleep(0))
