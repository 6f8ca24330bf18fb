"""Below commands and messages: connections that ask for nothing, frames that cost work, answers nobody reads."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack

import pytest

from clonespeaker.status import connections, server
from tests.peers import until
from tests.status.stand_in import SNAPSHOT, StandIn, ask, dial, frame, read, request, running, wired

TEXT, CONTINUATION, CLOSE, PING = 1, 0, 8, 9
PRESS = b'{"id":1,"command":"press"}'


async def hung_up(reader: asyncio.StreamReader) -> bytes:
    """What still came before the server hung up."""
    came = b""
    try:
        async with asyncio.timeout(60):
            while piece := await reader.read(65_536):
                came += piece
    except ConnectionResetError:
        pass
    return came


def all_of(daemon: StandIn) -> list[connections.Connection]:
    return list(daemon.server._connections)


# How many


async def test_a_crowd_that_asks_for_nothing_keeps_nobody_out() -> None:
    async with running() as daemon, dial(daemon) as program, AsyncExitStack() as stack:
        assert await read(program) == SNAPSHOT
        crowd = []
        for _ in range(2 * connections.MAX_GUESTS):
            reader, writer = await asyncio.open_connection("127.0.0.1", daemon.server.port)
            stack.callback(writer.transport.abort)
            crowd.append((reader, writer))
            assert len(all_of(daemon)) <= 1 + connections.MAX_GUESTS
        await until(lambda: len(all_of(daemon)) == 1 + connections.MAX_GUESTS)
        assert await hung_up(crowd[0][0]) == b""  # who came first goes first
        async with dial(daemon) as another:
            assert await read(another) == SNAPSHOT
        assert (await request(daemon.server.port, "/healthz"))[0] == 200
        assert (await ask(program, {"id": 1, "command": "press"}))["ok"]


async def test_half_a_request_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HANDSHAKE_S", 0.2)
    async with running() as daemon:
        reader, writer = await asyncio.open_connection("127.0.0.1", daemon.server.port)

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert await hung_up(reader) == b""
        dripping.cancel()
        writer.transport.abort()
        assert all_of(daemon) == []


async def test_who_is_being_closed_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CLIENTS", 2)
    async with running() as daemon:
        async with wired(daemon.server.port) as (_, writer), dial(daemon):
            writer.write(frame(TEXT, PRESS) * (server.COMMANDS_PER_S + 1))  # cut off, and does not answer the farewell
            await until(lambda: daemon.server.clients == 1)
            status, _, _ = await request(daemon.server.port, "/", "Upgrade: websocket", "Connection: Upgrade")
            assert status == 503
        await until(lambda: not all_of(daemon))


# What frames cost


@pytest.mark.parametrize("opcode", [PING, TEXT])
async def test_a_flood_of_small_frames_is_not_read_to_its_end(opcode: int) -> None:
    async with running() as daemon, dial(daemon) as keen, wired(daemon.server.port) as (reader, writer):
        assert await read(keen) == SNAPSHOT
        seen: list[int] = []
        (rude,) = [each for each in all_of(daemon) if each.remote_address == writer.get_extra_info("sockname")]
        parse = rude.protocol.recv_frame

        def count(frame: object) -> None:
            seen.append(1)
            parse(frame)  # type: ignore[arg-type]

        rude.protocol.recv_frame = count  # type: ignore[method-assign]
        writer.write(frame(opcode) * 40_000)
        came = await hung_up(reader)
        assert b"frames a second" in came or b"commands a second" in came
        assert len(seen) < 1_000
        daemon.server.publish("state", state="idle", turn=None)
        assert (await read(keen))["state"] == "idle"


async def test_pings_that_are_asked_for_but_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "FRAMES_PER_S", 10_000_000)  # so that only what waits counts
    async with running() as daemon, wired(daemon.server.port) as (_, writer):
        with contextlib.suppress(ConnectionError):
            while all_of(daemon):
                waiting = [each.transport.get_write_buffer_size() for each in all_of(daemon)]
                assert max(waiting) < connections.UNREAD_BYTES + 300_000  # one read beyond, at most
                writer.write(frame(PING, b"x" * 125) * 100)
                await writer.drain()
        await until(lambda: not all_of(daemon))


async def test_a_message_in_pieces() -> None:
    async with running() as daemon, wired(daemon.server.port) as (reader, writer):
        writer.write(frame(TEXT, PRESS[:9], fin=False) + frame(CONTINUATION, PRESS[9:]))
        await until(lambda: daemon.obeyed)
        writer.write(frame(TEXT, b"", fin=False) + frame(CONTINUATION, fin=False) * (connections.MAX_FRAGMENTS + 1))
        assert b"a message in more than 64 frames" in await hung_up(reader)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame(TEXT) * 10_000, id="a flood"),
        pytest.param(frame(TEXT, b"x" * 65_535) + frame(TEXT, b"x")[:1], id="half a frame, then a frame too long"),
        pytest.param(b"\x81\xff" + (65_537).to_bytes(8, "big") + bytes(4), id="a frame that says it is too long"),
        pytest.param(b"\x81\xff" + b"\xff" * 8 + bytes(4), id="a frame that says it is endless"),
        pytest.param(b"\xff" * 100, id="no frame at all"),
        pytest.param(frame(TEXT, b"\xff\xfe"), id="no UTF-8"),
        pytest.param(frame(CLOSE, b"\x03"), id="a broken farewell"),
    ],
)
async def test_who_is_cut_off_and_does_not_hang_up(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "FAREWELL_S", 0.1)
    monkeypatch.setattr(server, "FAREWELL_S", 0.1)
    async with running() as daemon, wired(daemon.server.port) as (_, writer):
        writer.write(data)
        if data.endswith(b"x" * 10 + frame(TEXT, b"x")[:1]):
            writer.write(b"\xff" + (65_537).to_bytes(8, "big") + bytes(4))
        await until(lambda: not all_of(daemon) and daemon.server.clients == 0)


# What waits


async def test_snapshots_that_are_asked_for_but_never_read() -> None:
    async with running() as daemon, wired(daemon.server.port) as (_, writer):
        daemon.volume = "x" * 200_000  # type: ignore[assignment]  # what makes a snapshot long is a conversation
        (client,) = daemon.server._clients
        waiting = [0]
        for _ in range(server.COMMANDS_PER_S):
            writer.write(frame(TEXT, b'{"id":1,"command":"snapshot"}'))
            await asyncio.sleep(0)
            waiting.append(client.waiting_bytes)
        await until(lambda: daemon.server.clients == 0)
        assert max(waiting) <= server.QUEUE_BYTES


async def test_a_long_snapshot_comes_all_the_same() -> None:
    async with running() as daemon:
        daemon.volume = "x" * 3 * server.QUEUE_BYTES  # type: ignore[assignment]
        async with dial(daemon, max_size=None) as program:
            assert len((await read(program))["volume"]) == 3 * server.QUEUE_BYTES
            for id in range(3):
                await program.send(f'{{"id":{id},"command":"snapshot"}}')
                assert len((await read(program))["volume"]) == 3 * server.QUEUE_BYTES
                assert (await read(program))["ok"]
