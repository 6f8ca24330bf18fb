"""What one program may not do to the daemon or to the others."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus
from websockets.protocol import State

from clonespeaker.status import protocol, server
from tests.status.stand_in import SNAPSHOT, StandIn, ask, close_code, closed, dial, read, running


async def test_sixty_programs() -> None:
    async with running() as daemon, AsyncExitStack() as stack:
        programs = [await stack.enter_async_context(dial(daemon)) for _ in range(60)]
        daemon.server.publish("state", state="thinking", turn=1)
        for program in programs:
            assert await read(program) == SNAPSHOT
            assert (await read(program))["state"] == "thinking"


async def test_no_more_than_can_be_served() -> None:
    async with running() as daemon:
        attempts = await asyncio.gather(*(dial(daemon) for _ in range(server.MAX_CLIENTS + 9)), return_exceptions=True)
        programs = [each for each in attempts if isinstance(each, ClientConnection)]
        refused = [each for each in attempts if isinstance(each, InvalidStatus)]
        assert (len(programs), len(refused)) == (server.MAX_CLIENTS, 9)
        assert {each.response.status_code for each in refused} == {503}
        await asyncio.gather(*(program.close() for program in programs))
        async with dial(daemon) as again:
            assert await read(again) == SNAPSHOT


async def cut_off_by_not_reading(daemon: StandIn, keen: ClientConnection, caplog: pytest.LogCaptureFixture) -> None:
    """Publishes until whoever does not read is cut off, while `keen` gets every event."""
    await read(keen)
    for turn in range(5_000):
        daemon.server.publish("caption", turn=turn, who="clone", text="x" * 60_000, final=True)
        assert (await read(keen))["turn"] == turn
        if "too slow" in caplog.text:
            return
    pytest.fail("it was not cut off")


async def test_a_slow_reader_is_cut_off_and_others_get_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running() as daemon, dial(daemon) as slow, dial(daemon) as keen:
        await cut_off_by_not_reading(daemon, keen, caplog)
        assert close_code(await closed(slow)) == 1013
        assert (await ask(keen, {"id": 1, "command": "press"}))["ok"]


async def test_who_never_reads_again_is_let_go(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FAREWELL_S", 0.05)
    caplog.set_level(logging.INFO)
    async with running() as daemon, dial(daemon) as stuck, dial(daemon) as keen, asyncio.timeout(60):
        await cut_off_by_not_reading(daemon, keen, caplog)
        while stuck.state is State.OPEN:  # it does not read, so only writing tells it that the socket is gone
            await stuck.pong()
            await asyncio.sleep(0)


async def test_levels_are_left_out_for_who_lags() -> None:
    async with running() as daemon, dial(daemon) as program:
        await read(program)
        for _ in range(1_000):
            daemon.server.publish("level", source="microphone", dbfs=-20.0)
        daemon.server.publish("state", state="idle", turn=None)
        events = [(await read(program))["event"] for _ in range(server.LAG_MESSAGES + 1)]
        assert events == ["level"] * server.LAG_MESSAGES + ["state"]


async def test_a_burst_that_nobody_could_read_is_no_end_of_the_others() -> None:
    async with running() as daemon, dial(daemon) as program:
        await read(program)
        for turn in range(server.QUEUE_MESSAGES + 1):
            daemon.server.publish("state", state="idle", turn=turn)
        assert close_code(await closed(program)) == 1013
        async with dial(daemon) as again:
            assert await read(again) == SNAPSHOT


async def test_a_flood_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running() as daemon, dial(daemon) as program:
        for id in range(1_000):
            await program.send(json.dumps({"id": id, "command": "press"}))
        assert close_code(await closed(program)) == 1008
        assert server.COMMANDS_PER_S <= len(daemon.obeyed) < 2 * server.COMMANDS_PER_S
    assert "more than 50 commands a second" in caplog.text


async def test_frames_up_to_the_limit_and_no_further() -> None:
    async with running() as daemon, dial(daemon) as program:
        await read(program)
        answer = await ask(program, "x" * protocol.MAX_FRAME_BYTES)
        assert answer["error"]["code"] == "bad-frame"
        await program.send("x" * (protocol.MAX_FRAME_BYTES + 1))
        assert close_code(await closed(program)) == 1009


async def test_text_that_is_not_utf_8() -> None:
    async with running() as daemon, dial(daemon) as program:
        await program.send(b"\xff", text=True)
        assert close_code(await closed(program)) == 1007
