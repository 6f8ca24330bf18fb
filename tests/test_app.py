"""The daemon's life: how it starts, what stops it, what it outlives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pty
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from clonespeaker import attempts, upkeep
from clonespeaker.app import App
from clonespeaker.clone import picture
from clonespeaker.config.settings import Settings
from clonespeaker.errors import ConfigError, DeviceError, StateError, StatusError
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.state import StateDir
from clonespeaker.status import server as server_module
from tests.daemon import SoundOfTest, running, settings_of, starting
from tests.peers import KEY, until
from tests.status.stand_in import request, send_raw

NOWHERE = "http://127.0.0.1:9"


def app_of(state_dir: Path, *, url: str = NOWHERE, sound: SoundOfTest | None = None, **sections: Any) -> App:
    return App(settings_of(url, state_dir, **sections), api_key=KEY, sound=sound or SoundOfTest())


class PinOfTest(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """One that may have been held down since before anybody looked: no pull-up changes that."""

    is_held = False

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        if self.is_held:
            self._change_state(False)


@pytest.fixture
def pin() -> Iterator[PinOfTest]:
    """The button's: gpiozero's own stand-in for a Raspberry Pi."""
    factory = gpiozero.Device.pin_factory = MockFactory(pin_class=PinOfTest)
    yield factory.pin("GPIO17")
    factory.reset()
    gpiozero.Device.pin_factory = None


# The clone, at the start


async def test_a_clone_that_comes_back(tmp_path: Path) -> None:
    clone = SimulatedClone()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with starting(tmp_path, clone_settings={"base_url": f"http://127.0.0.1:{port}"}) as daemon:
        await until(lambda: daemon.app.news.faults)
        assert daemon.app.news.faults.keys() == {"offline"}
        assert daemon.state == "idle"
        try:
            await clone.start(port=port)
            await daemon.event("fault", fault="offline", active=False)
            assert daemon.app.conversation.id
            assert (await daemon.talk())["outcome"] == "answered"
        finally:
            await clone.stop()


async def test_a_press_does_not_wait_until_the_clone_is_looked_up_again(tmp_path: Path) -> None:
    clone = SimulatedClone(think_s=0, voice="echo")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with starting(tmp_path, clone_settings={"base_url": f"http://127.0.0.1:{port}"}) as daemon:
        await until(lambda: daemon.app.news.faults)
        try:
            await clone.start(port=port)
            assert (await daemon.talk())["outcome"] == "answered"
            assert daemon.app.news.faults == {}
        finally:
            await clone.stop()


@pytest.mark.parametrize(("settings", "fault"), [({"slug": "nobody"}, "no-clone"), ({"slug": None}, "no-conversation")])
async def test_settings_that_lead_to_no_clone(tmp_path: Path, settings: dict[str, Any], fault: str) -> None:
    async with starting(tmp_path, clone_settings=settings) as daemon:
        await until(lambda: daemon.app.news.faults)
        assert daemon.app.news.faults.keys() == {fault}
        daemon.say("Hello")
        turn = await daemon.event("turn")
        assert (turn["outcome"], turn["fault"]) == ("failed", fault)


async def test_the_conversation_goes_on_after_a_restart(tmp_path: Path) -> None:
    clone = SimulatedClone()
    async with running(tmp_path, clone=clone) as daemon:
        before = daemon.app.conversation.id
        port = int(daemon.app.settings.clone.base_url.rpartition(":")[2])
        daemon.say("Hello")
        await daemon.event("turn")
    async with running(tmp_path, clone=clone, port=port) as daemon:
        assert daemon.app.conversation.id == before
        assert len(daemon.app.account.snapshot()["conversation"]["messages"]) == 3


async def test_what_a_server_takes_outlives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        port = int(daemon.app.settings.clone.base_url.rpartition(":")[2])
        daemon.clone.fault_once("refuse-live")
        assert (await daemon.talk())["upload"] == "exact"
        await until(lambda: b'"live":false' in (tmp_path / "state.json").read_bytes())
    async with running(tmp_path, port=port) as daemon:
        assert (await daemon.talk())["upload"] == "exact"
    async with running(tmp_path) as daemon:  # another server
        port = int(daemon.app.settings.clone.base_url.rpartition(":")[2])
        assert (await daemon.talk())["upload"] == "live"
        await until(lambda: b'"live":true' in (tmp_path / "state.json").read_bytes())
    async with running(tmp_path, port=port) as daemon:
        daemon.clone.fault_once("reset-live")
        assert (await daemon.talk())["upload"] == "exact"
        assert (await daemon.talk())["upload"] == "live"  # it was an accident


async def test_what_people_have_set_outlives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path, speaker={"volume": 60}) as daemon:
        assert (daemon.app.speaker.volume, daemon.app.appliance.dials.muted) == (60, False)
        daemon.app.appliance.dials.step_volume(-3)
        daemon.app.appliance.dials.mute(True)
    async with running(tmp_path, speaker={"volume": 60}) as daemon:
        assert (daemon.app.account.snapshot()["volume"], daemon.app.account.snapshot()["muted"]) == (45, True)
        daemon.app.appliance.dials.mute(False)
    async with running(tmp_path, speaker={"volume": 70}) as daemon:  # the setting was changed: it counts
        assert (daemon.app.speaker.volume, daemon.app.appliance.dials.muted) == (70, False)
    async with running(tmp_path, speaker={"volume": 60}) as daemon:  # and again
        assert daemon.app.speaker.volume == 60


async def test_a_switch_that_mutes_is_no_mute_to_be_remembered(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.app.appliance.dials.switch_mute(True)
        daemon.app.appliance.dials.set_volume(20)
        assert daemon.app.appliance.dials.muted
    async with running(tmp_path) as daemon:
        assert (daemon.app.speaker.volume, daemon.app.appliance.dials.muted) == (20, False)


async def test_a_volume_set_by_a_reload_is_the_settings_own(tmp_path: Path) -> None:
    async with running(tmp_path, speaker={"volume": 60}) as daemon:
        daemon.app.appliance.dials.set_volume(20)
        url = daemon.app.settings.clone.base_url
        daemon.app._reread = lambda: settings_of(url, tmp_path, speaker={"volume": 70})
        daemon.app.reload()
        assert daemon.app.speaker.volume == 70
    assert StateDir(tmp_path).load().volume is None
    async with running(tmp_path, speaker={"volume": 70}) as daemon:
        assert daemon.app.speaker.volume == 70


# What it can't start with


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        app = app_of(tmp_path, status={"port": taken.getsockname()[1]})
        with pytest.raises(StatusError, match="is taken, probably by another clonespeaker"):
            await app.run()
    await app_of_that_can_run(tmp_path)


async def test_a_setting_for_which_something_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)  # as if it were not there
    with pytest.raises(ConfigError, match=r"noise_suppression and microphone\.auto_gain: .*pywebrtc-audio"):
        await app_of(tmp_path, microphone={"noise_suppression": True, "auto_gain": True}).run()


async def test_a_second_daemon(tmp_path: Path) -> None:
    async with running(tmp_path):
        with pytest.raises(StateError, match="another clonespeaker runs"):
            await app_of(tmp_path).run()
    await app_of_that_can_run(tmp_path)


@pytest.mark.parametrize("name", ["microphone", "speaker"])
async def test_a_card_that_is_busy(tmp_path: Path, name: str) -> None:
    sound = SoundOfTest()
    sound.refused[name] = DeviceError(name, f"the {name} is busy (held by firefox, process 812)", busy=True)
    with pytest.raises(DeviceError, match="held by firefox"):
        await app_of(tmp_path, sound=sound).run()
    assert sound.is_closed
    await app_of_that_can_run(tmp_path)


async def test_a_card_that_is_busy_later_is_a_fault(tmp_path: Path) -> None:
    sound = SoundOfTest()
    sound.refused["microphone"] = DeviceError("microphone", "no microphone found")
    async with starting(tmp_path, sound=sound) as daemon:
        sound.refused["microphone"] = DeviceError("microphone", "the microphone is busy", busy=True)
        told = await daemon.event("fault", fault="no-microphone", detail="the microphone is busy")
        assert told["active"]
        assert not daemon.task.done()


async def test_a_keyboard_without_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with os.fdopen(os.open(os.devnull, os.O_RDONLY)) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(DeviceError, match="no terminal"):
            await app_of(tmp_path, button={"source": "keyboard"}).run()


async def app_of_that_can_run(state_dir: Path) -> None:
    """Whatever was taken has been given back."""
    app = app_of(state_dir)
    task = asyncio.create_task(app.run())
    async with asyncio.timeout(30):
        await app.ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# Buttons


async def test_the_button(tmp_path: Path, pin: PinOfTest) -> None:
    async with running(tmp_path, button={"source": "gpio"}) as daemon:
        pin.drive_low()
        await daemon.event("state", state="listening")
        await asyncio.sleep(0.05)
        pin.drive_high()
        assert (await daemon.event("turn"))["outcome"] == "answered"


async def test_a_button_that_is_down_at_the_start(tmp_path: Path, pin: PinOfTest) -> None:
    pin.is_held = True
    async with running(tmp_path, button={"source": "gpio"}) as daemon:
        assert daemon.app.news.faults.keys() == {"button-stuck"}
        assert daemon.states == ["idle"]
        pin.drive_high()
        await daemon.event("fault", fault="button-stuck", active=False)
        assert daemon.states == ["idle"]
        pin.drive_low()
        await daemon.event("state", state="listening")


async def test_a_button_that_is_stuck(tmp_path: Path, pin: PinOfTest) -> None:
    async with running(tmp_path, button={"source": "gpio"}, microphone={"max_seconds": 0.3}) as daemon:
        pin.drive_low()
        turn = await daemon.event("turn")  # what was said is answered
        assert turn["outcome"] == "answered"
        assert daemon.told("fault")[0]["fault"] == "button-stuck"
        assert daemon.app.news.faults.keys() == {"button-stuck"}  # an answer does not end it
        await asyncio.sleep(0.3)
        assert daemon.state == "idle"  # no endless recording
        pin.drive_high()
        await daemon.event("fault", fault="button-stuck", active=False)


async def test_the_space_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    try:
        with os.fdopen(slave) as terminal:
            monkeypatch.setattr(sys, "stdin", terminal)
            async with running(tmp_path, button={"source": "keyboard"}) as daemon:
                os.write(master, b" x")
                await daemon.event("state", state="listening")
    finally:
        os.close(master)


async def test_a_terminal_that_is_closed_ends_it_where_its_keyboard_was_the_button(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        async with running(tmp_path, button={"source": "keyboard"}) as daemon:
            os.close(master)
            async with asyncio.timeout(30):
                await daemon.task
            assert daemon.sound.is_closed


# How it ends


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])  # where there is nothing to reread
@pytest.mark.parametrize("state", ["idle", "listening", "speaking"])
async def test_signals_end_it(tmp_path: Path, number: signal.Signals, state: str) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=10)) as daemon:
        if state == "listening":
            daemon.app.appliance.hand.press()
        elif state == "speaking":
            daemon.say("Tell me a story")
        if state != "idle":
            await daemon.event("state", state=state)
        os.kill(os.getpid(), number)
        async with asyncio.timeout(30):
            await daemon.task
        assert daemon.sound.is_closed
        assert len(asyncio.all_tasks()) <= 1 + len(clone_tasks())
    await app_of_that_can_run(tmp_path)


class SoundThatClosesSlowly(SoundOfTest):
    """Giving it back does not return until `may_close` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.closing, self.may_close = threading.Event(), threading.Event()

    def close(self) -> None:
        self.closing.set()
        self.may_close.wait(30)
        super().close()


@pytest.mark.parametrize("first", ["SIGTERM", "SIGINT", "cancelled"])
async def test_a_second_signal_breaks_off_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    """Who is impatient presses Ctrl-C again."""
    monkeypatch.setattr(upkeep, "_CLOSE_S", 10.0)
    sound = SoundThatClosesSlowly()
    async with running(tmp_path, sound=sound) as daemon:
        if first == "cancelled":
            daemon.task.cancel()
        else:
            os.kill(os.getpid(), getattr(signal, first))
        await until(sound.closing.is_set)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.1)
        assert not daemon.task.done()
        sound.may_close.set()
        await asyncio.wait([daemon.task], timeout=30)
        assert daemon.task.cancelled() is (first == "cancelled")
        assert sound.is_closed
        assert len(asyncio.all_tasks()) <= 1 + len(clone_tasks())
    await app_of_that_can_run(tmp_path)


def clone_tasks() -> set[asyncio.Task[Any]]:
    """Those of the server beside it."""
    return {task for task in asyncio.all_tasks() if "RequestHandler" in repr(task.get_coro())}


class ServiceManager:
    """What stands for systemd: hears what it is told."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))

    def told(self) -> list[str]:
        """Since it was asked last."""
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self._socket.recv(1_000).decode())
        return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceManager]:
    manager = ServiceManager(tmp_path / "notify", monkeypatch)
    yield manager
    manager.close()


async def test_the_service_manager_is_told(tmp_path: Path, manager: ServiceManager) -> None:
    async with running(tmp_path / "state") as daemon:
        assert [each for each in manager.told() if not each.startswith("STATUS")] == ["READY=1"]
        daemon.clone.fault = "status-401"
        daemon.say("Hello")
        await daemon.event("fault", fault="refused", active=True)
        await until(lambda: daemon.state == "idle")
        assert manager.told() == ["STATUS=thinking", "STATUS=thinking; refused", "STATUS=idle; refused"]
    assert manager.told()[-1] == "STOPPING=1"


async def test_the_watchdog_is_fed_while_all_goes_on(
    tmp_path: Path, manager: ServiceManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    async with running(tmp_path / "state") as daemon:
        for _ in range(3):
            await until(lambda: "WATCHDOG=1" in manager.told())
        daemon.sound.hangs.clear()  # a microphone that is gone and can't be opened again
        await asyncio.to_thread(daemon.sound.streams["microphone"].stop)
        await daemon.event("fault", fault="no-microphone", active=True)
        await asyncio.sleep(0.1)
        manager.told()
        await asyncio.sleep(1.0)
        assert "WATCHDOG=1" not in manager.told()
        daemon.sound.hangs.set()
        await until(lambda: "WATCHDOG=1" in manager.told())


async def test_the_watchdog_goes_hungry_where_the_loop_stands_still(
    tmp_path: Path, manager: ServiceManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    async with running(tmp_path / "state"):
        await until(lambda: "WATCHDOG=1" in manager.told())
        time.sleep(0.7)  # noqa: ASYNC251  # that is the point
        assert "WATCHDOG=1" not in manager.told()


async def test_stopping_does_not_wait_for_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "WITHIN_S", 600.0)
    monkeypatch.setattr(server_module, "HANDSHAKE_S", 600.0)
    asked = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"/picture.png" in await reader.readline():
            asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(60) as limit, server:
        async with starting(tmp_path, clone_settings={"base_url": url}) as daemon:
            daemon.app.news.publish("picture", turn=1, url=f"{url}/picture.png")
            ask = f"GET /picture HTTP/1.1\r\nHost: 127.0.0.1:{daemon.app.port}\r\n\r\n"
            page = asyncio.create_task(send_raw(daemon.app.port, ask.encode()))
            await asked.wait()
        await page
    assert not limit.expired()  # who stops swallows the cancellation


# Settings read again


async def test_settings_are_read_again(
    tmp_path: Path, manager: ServiceManager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "clonespeaker")
    async with running(tmp_path / "state") as daemon:
        app, before = daemon.app, daemon.app.settings
        after = settings_of(
            before.clone.base_url,
            tmp_path / "elsewhere",
            clone_settings={"reply": "text"},
            microphone={"device": "another"},
            speaker={"volume": 35, "lead_in_ms": 7},
            button={"mode": "tap"},
        )
        app._reread = lambda: after
        manager.told()
        os.kill(os.getpid(), signal.SIGHUP)
        await daemon.event("settings", volume=35)
        reloading, *_, ready = manager.told()
        assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert ready == "READY=1"
        assert "changed: clone.reply, speaker.lead_in_ms, speaker.volume, button.mode" in caplog.text
        assert "need a restart (systemctl restart clonespeaker): microphone.device, state_dir" in caplog.text
        assert (app.speaker.volume, app.speaker.lead_in_ms, app.settings.microphone.device) == (35, 7, "auto")
        app.appliance.hand.press()
        await daemon.event("state", state="listening")
        app.appliance.hand.release()  # means nothing in tap mode
        app.appliance.hand.press()
        await daemon.event("turn", outcome="answered")
        assert daemon.clone.received[-1].fields["response_type"] == "text"


async def test_a_volume_that_the_user_has_set_outlives_a_reload(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.app.appliance.dials.set_volume(12)
        daemon.app._reread = lambda: daemon.app.settings
        daemon.app.reload()
        assert daemon.app.speaker.volume == 12


async def test_bad_settings_change_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def reread() -> Settings:
        raise ConfigError(["config.yaml:3: speaker.volume: must be 0 to 100"])

    async with running(tmp_path) as daemon:
        before, daemon.app._reread = daemon.app.settings, reread
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "config.yaml:3" in caplog.text)
        assert "the old ones stay in force" in caplog.text
        assert daemon.app.settings is before
        assert (await daemon.talk())["outcome"] == "answered"


@pytest.mark.parametrize("event", ["state", "caption", "turn"])
async def test_a_mistake_of_ours_ends_it(tmp_path: Path, event: str) -> None:
    """Never alive but deaf."""
    async with running(tmp_path) as daemon:
        daemon.stumbles_at = event
        daemon.say("Hello")
        async with asyncio.timeout(30):
            with pytest.raises(ExceptionGroup) as crash:
                await daemon.task
        assert crash.value.subgroup(ZeroDivisionError)
        assert daemon.sound.is_closed
        daemon.task = asyncio.create_task(asyncio.sleep(0))


# Health


async def test_health(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        status, _, body = await request(daemon.app.port, "/healthz")
        assert (status, json.loads(body)) == (200, {"ok": True, "state": "idle", "faults": []})
        daemon.clone.fault = "status-401"
        daemon.say("Hello")
        await daemon.event("turn", outcome="failed")
        status, _, body = await request(daemon.app.port, "/healthz")
        assert (status, json.loads(body)) == (503, {"ok": False, "state": "idle", "faults": ["refused"]})


async def test_at_info_nobody_reads_what_was_said_nor_the_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_BACKOFF_S", 0.01)
    with caplog.at_level(logging.INFO, "clonespeaker"):
        async with running(tmp_path, clone=SimulatedClone(reply_text="a secret answer")) as daemon:
            daemon.say("a secret question")
            await daemon.event("turn", outcome="answered")
            for fault in ("malformed", "cut", "status-500", "status-422"):
                daemon.clone.fault_once(fault, 3)
                daemon.say("a secret question")
                await daemon.event("turn")
    assert "turn 1 answered" in caplog.text
    for secret in ("secret", KEY, "data:"):
        assert secret not in caplog.text


async def test_metrics(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program():
        assert (await daemon.talk())["outcome"] == "answered"
        daemon.clone.fault = "status-401"
        daemon.say("Hello")
        await daemon.event("turn", outcome="failed")
        status, _, body = await request(daemon.app.port, "/metrics")
        assert status == 200
        for line in (
            'clonespeaker_turns_total{outcome="answered"} 1.0',
            'clonespeaker_turns_total{outcome="failed"} 1.0',
            'clonespeaker_uploads_total{kind="live"} 1.0',
            'clonespeaker_turn_stage_seconds_count{stage="first_sound"} 1.0',
            "clonespeaker_turn_connect_seconds_count 2.0",
            "clonespeaker_utterance_seconds_count 1.0",
            "clonespeaker_reply_seconds_count 1.0",
            'clonespeaker_faults_total{fault="refused"} 1.0',
            'clonespeaker_fault_active{fault="refused"} 1.0',
            'clonespeaker_state{state="idle"} 1.0',
            "clonespeaker_status_clients 1.0",
            "clonespeaker_device_underflows_total 0.0",
            "clonespeaker_microphone_overflows_total 0.0",
        ):
            assert f"\n{line}\n" in body
