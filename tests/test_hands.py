"""What hands touch, on a whole daemon: the mute switch, further buttons."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpiozero
import numpy as np
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from clonespeaker.audio import earcons
from clonespeaker.commands import act
from clonespeaker.cues import Earcon
from clonespeaker.errors import CloneError, ConfigError, StatusError
from clonespeaker.simulate.server import SimulatedClone
from tests.daemon import SPEECH, Daemon, running
from tests.peers import until


class PinOfTest(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """One that something outside may hold at a level: no pull-up changes that."""

    held_at: bool | None = None

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        if self.held_at is not None:
            self._change_state(self.held_at)


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    """gpiozero's own stand-in for a Raspberry Pi."""
    factory = gpiozero.Device.pin_factory = MockFactory(pin_class=PinOfTest)
    yield factory
    gpiozero.Device.pin_factory = None
    factory.reset()


SWITCH = {"pin": "GPIO6"}


async def mute(daemon: Daemon, factory: MockFactory, on: bool) -> None:
    pin = factory.pin("GPIO6")
    (pin.drive_low if on else pin.drive_high)()
    await daemon.event("settings", mute_switch=on)


async def test_the_switch_wins_over_programs_and_is_seen_everywhere(tmp_path: Path, factory: MockFactory) -> None:
    async with running(tmp_path, mute_switch=SWITCH) as daemon, daemon.program() as program:
        assert (program.snapshot["muted"], program.snapshot["mute_switch"]) == (False, False)
        await mute(daemon, factory, True)
        snapshot = daemon.app.account.snapshot()
        assert (snapshot["muted"], snapshot["mute_switch"]) == (True, True)
        assert (
            daemon.app.account.metrics(status_clients=0).muted,
            daemon.app.account.metrics(status_clients=0).mute_switch,
        ) == (True, True)
        with pytest.raises(StatusError, match="muted by its switch") as refused:
            await program.command("unmute")
        assert refused.value.code == "mute-switch"
        with pytest.raises(StatusError, match="muted by its switch") as refused:
            await program.command("press")
        assert refused.value.code == "muted"
        assert "muted by its switch" in (await daemon.event("fault", fault="muted", active=True))["detail"]
        await mute(daemon, factory, False)
        assert not daemon.app.news.faults
        assert daemon.app.account.snapshot()["muted"] is False
        assert (await daemon.talk())["outcome"] == "answered"


async def test_what_programs_wanted_counts_again_when_it_is_off(tmp_path: Path, factory: MockFactory) -> None:
    async with running(tmp_path, mute_switch=SWITCH) as daemon, daemon.program() as program:
        await mute(daemon, factory, True)
        await program.command("mute")
        await mute(daemon, factory, False)
        assert daemon.app.account.snapshot()["muted"] is True
        await program.command("unmute")
        assert daemon.app.account.snapshot()["muted"] is False


async def test_a_question_is_broken_off_by_the_switch(tmp_path: Path, factory: MockFactory) -> None:
    async with running(tmp_path, mute_switch=SWITCH) as daemon:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.sound.hear(SPEECH)
        await asyncio.sleep(0.1)
        await mute(daemon, factory, True)
        assert (await daemon.event("turn"))["outcome"] == "cancelled"
        assert not any(each.complete for each in daemon.clone.received)


async def test_what_is_said_while_it_is_on_stays_unheard(tmp_path: Path, factory: MockFactory) -> None:
    async with running(tmp_path, mute_switch=SWITCH, microphone={"pre_roll_ms": 500}) as daemon:
        await mute(daemon, factory, True)
        daemon.sound.hear(np.full(8_820, 7_777, np.int16))
        await asyncio.sleep(0.25)
        await mute(daemon, factory, False)
        await daemon.talk()
        assert b"\x61\x1e" * 100 not in daemon.clone.received[-1].pcm


@pytest.mark.parametrize(
    ("switch", "level", "muted"),
    [
        ({"pull": "up", "muted_when": "low"}, "low", True),
        ({"pull": "up", "muted_when": "low"}, "high", False),
        ({"pull": "up", "muted_when": "high"}, "high", True),
        ({"pull": "up", "muted_when": "high"}, "low", False),
        ({"pull": "down", "muted_when": "high"}, "high", True),
        ({"pull": "down", "muted_when": "low"}, "low", True),
        ({"pull": "none", "muted_when": "low"}, "low", True),
        ({"pull": "none", "muted_when": "high"}, "low", False),
    ],
)
async def test_as_it_stands_at_the_start(
    tmp_path: Path, factory: MockFactory, switch: dict[str, str], level: str, muted: bool
) -> None:
    pin = factory.pin("GPIO6")
    pin.held_at = level == "high"
    async with running(tmp_path, mute_switch={**SWITCH, **switch}) as daemon:
        assert daemon.app.appliance.dials.mute_switch is muted
        assert daemon.app.appliance.dials.muted is muted
        (pin.drive_high if level == "low" else pin.drive_low)()
        await until(lambda: daemon.app.appliance.dials.mute_switch is not muted)


# Further buttons

BUTTONS: list[dict[str, Any]] = [
    {"pin": "GPIO5", "press": "volume-up"},
    {"pin": "GPIO13", "press": "volume-down", "pull": "down"},
    {"pin": "GPIO19", "press": "cancel", "long_press": "new-conversation", "double_press": "mute", "bounce_ms": 0},
]


async def test_further_buttons(tmp_path: Path, factory: MockFactory) -> None:
    clone = SimulatedClone(tone_s=10)
    async with running(tmp_path, clone=clone, buttons=BUTTONS, speaker={"volume": 85}) as daemon:
        louder, softer, more = (factory.pin(each["pin"]) for each in BUTTONS)
        louder.drive_low()
        await daemon.event("settings", volume=95)
        await daemon.event("settings", volume=100)  # held
        louder.drive_high()
        softer.drive_high()
        await daemon.event("settings", volume=90)
        softer.drive_low()
        for _ in range(2):  # without a pause: a busy machine makes it long enough
            more.drive_low()
            await asyncio.sleep(0)
            more.drive_high()
            await asyncio.sleep(0)
        await daemon.event("settings", muted=True)
        before = daemon.app.conversation.id
        more.drive_low()
        await until(lambda: daemon.app.conversation.id != before)
        more.drive_high()
        daemon.say("Tell me a story")
        await daemon.event("state", state="speaking")
        more.drive_low()
        await asyncio.sleep(0.02)
        more.drive_high()
        assert (await daemon.event("turn"))["outcome"] == "cancelled"


async def test_a_mute_button_yields_to_the_switch(tmp_path: Path, factory: MockFactory) -> None:
    buttons = [{"pin": "GPIO5", "press": "mute"}]
    async with running(tmp_path, buttons=buttons, mute_switch=SWITCH) as daemon:
        await mute(daemon, factory, True)
        factory.pin("GPIO5").drive_low()
        await asyncio.sleep(0.1)
        factory.pin("GPIO5").drive_high()
        await mute(daemon, factory, False)
        assert daemon.app.appliance.dials.muted is False
        await asyncio.sleep(0.1)
        factory.pin("GPIO5").drive_low()
        await daemon.event("settings", muted=True)


# Keys


async def test_keys_of_a_machine_that_has_none_yet(tmp_path: Path) -> None:
    keys = [{"key": "KEY_PAGEDOWN", "press": "talk"}, {"key": "KEY_B", "press": "mute", "long_press": "cancel"}]
    async with running(tmp_path, keys=keys) as daemon:
        assert (await daemon.talk())["outcome"] == "answered"


async def test_a_key_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no key KEY_PAGEDWN; did you mean KEY_PAGEDOWN\?"):
        async with running(tmp_path, keys=[{"key": "KEY_PAGEDWN", "press": "talk"}]):
            pass


async def test_a_new_conversation_that_cannot_be_had_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path, sounds={"earcons": True}) as daemon:

        async def renew() -> None:
            raise CloneError("no network", fault="offline")

        monkeypatch.setattr(daemon.app.conversation, "renew", renew)
        act(daemon.app.appliance, "new-conversation")
        await daemon.event("fault", fault="offline")
        knocks = earcons.make(Earcon.OFFLINE).tobytes()[4_000:8_000]
        await until(lambda: knocks in daemon.sound.heard)


async def test_what_is_set_while_it_stops_harms_nobody(tmp_path: Path) -> None:
    """Buttons, keys and programs are there until lights and sound are given back."""
    async with running(tmp_path, sounds={"earcons": True}) as daemon:
        daemon.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await daemon.task
        appliance = daemon.app.appliance
        for deed in ("volume-up", "volume-down", "mute", "new-conversation", "cancel"):
            act(appliance, deed)
        assert appliance.dials.muted
