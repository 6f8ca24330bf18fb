"""Programs' commands on a whole daemon, where they come before what came earlier has been obeyed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from clonespeaker.commands import obey
from clonespeaker.errors import StatusError
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.status import protocol
from clonespeaker.status.protocol import CommandError, encode_command
from tests.daemon import SPEECH, Daemon, SoundOfTest, running


class HastyProgram:
    """Sends commands one after the other, and only then looks at what came of them."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, *commands: dict[str, Any]) -> list[str]:
        """→ for each "ok", or the code of its refusal."""
        for number, command in enumerate(commands):
            fields = {key: value for key, value in command.items() if key != "command"}
            await self._connection.send(encode_command(number, command["command"], fields))
        told: list[str] = []
        async with asyncio.timeout(30):
            while len(told) < len(commands):
                message = msgspec.json.decode(await self._connection.recv())
                if message["type"] == "result":
                    told.append("ok" if message["ok"] else message["error"]["code"])
        return told


@asynccontextmanager
async def hasty(daemon: Daemon) -> AsyncIterator[HastyProgram]:
    async with connect(f"ws://127.0.0.1:{daemon.app.port}/", proxy=None) as connection:
        yield HastyProgram(connection)


SAY, TALK = {"command": "say", "text": "Hello"}, {"command": "talk", "seconds": 0.3}
PRESS, RELEASE, CANCEL = {"command": "press"}, {"command": "release"}, {"command": "cancel"}


async def test_a_talk_right_after_a_text_is_let_go(tmp_path: Path) -> None:
    async with running(tmp_path, clone=SimulatedClone(tone_s=10)) as daemon, hasty(daemon) as program:
        assert await program.send(SAY, TALK) == ["ok", "ok"]
        assert (await daemon.event("turn", turn=1))["outcome"] == "cancelled"
        await daemon.event("state", state="thinking", turn=2)  # in the longest recording's time, which is 60 s, else


async def test_a_text_right_after_a_press_is_refused_and_not_lost(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, hasty(daemon) as program:
        assert await program.send(PRESS, SAY, TALK) == ["ok", "listening", "listening"]
        assert daemon.state == "listening"


async def test_a_text_right_after_a_question_was_broken_off_is_asked(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, hasty(daemon) as program:
        assert await program.send(PRESS, CANCEL, SAY) == ["ok", "ok", "ok"]
        assert (await daemon.event("turn", turn=2))["outcome"] == "answered"
        assert [each.fields["user_message"] for each in daemon.clone.received if each.complete] == ["Hello"]


async def test_a_press_right_after_a_release_is_one_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, microphone={"min_hold_ms": 3_000}) as daemon, hasty(daemon) as program:
        daemon.app.appliance.hand.press()
        await daemon.event("state", state="listening")
        daemon.app.appliance.hand.pressed_at -= 3.0  # for so long
        assert await program.send(RELEASE, PRESS, RELEASE) == ["ok", "ok", "ok"]
        assert (await daemon.event("turn", turn=2))["outcome"] == "tapped"


async def test_of_two_programs_at_once_one_is_told_that_it_came_too_late(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        appliance, conversation = daemon.app.appliance, daemon.app.conversation
        commands: list[protocol.Command] = [protocol.Press(), protocol.Say(text="Hello"), protocol.Talk(seconds=1)]
        results = await asyncio.gather(
            *(obey(appliance, conversation, command) for command in commands), return_exceptions=True
        )
        assert [error.code if isinstance(error, CommandError) else error for error in results] == [
            None, "listening", "listening"
        ]  # fmt: skip


async def test_what_a_talk_says_is_heard_to_its_end(tmp_path: Path) -> None:
    """Its seconds begin when it is obeyed, not while it waits for devices that are looked for."""
    sound = SoundOfTest()
    async with running(tmp_path, sound=sound) as daemon, daemon.program() as program:
        async with daemon.app.appliance.devices:
            talking = asyncio.create_task(program.command("talk", seconds=1.0))
            await asyncio.sleep(1.3)
            assert daemon.states == ["idle"]
        await daemon.event("state", state="listening")
        sound.hear(SPEECH)
        await talking
        assert (await daemon.event("turn"))["outcome"] == "answered"
        assert SPEECH.tobytes() in daemon.clone.received[0].pcm


async def test_one_that_waits_while_the_daemon_stops_keeps_it_from_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.program() as program:
        async with daemon.app.appliance.devices:
            commands = [asyncio.create_task(program.command("say", text="Hello"))]
            await asyncio.sleep(0.1)
            daemon.task.cancel()
            async with asyncio.timeout(30):
                await asyncio.wait([daemon.task])
        (said,) = await asyncio.gather(*commands, return_exceptions=True)
        assert isinstance(said, StatusError)
        with pytest.raises(CommandError, match="stopping"):
            await obey(daemon.app.appliance, daemon.app.conversation, protocol.Press())
