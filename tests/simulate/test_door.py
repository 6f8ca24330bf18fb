from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from clonespeaker.simulate.door import Door


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door(web.Server(lambda _request: asyncio.sleep(0, web.Response())), "127.0.0.1", 0, None)
    yield door
    door.remove()


def can_enter(door: Door) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", door.port)) == 0


async def test_opening_and_shutting_take_effect_at_once(door: Door) -> None:
    assert not can_enter(door)
    for _ in range(3):
        door.open()
        door.open()
        assert can_enter(door)
        door.shut(set())
        door.shut(set())
        assert not can_enter(door)


async def test_it_can_be_shut_while_it_opens(door: Door) -> None:
    for turns_of_the_loop in range(4):
        door.open()
        for _ in range(turns_of_the_loop):
            await asyncio.sleep(0)
        door.shut(set())
        await asyncio.sleep(0)
        assert not can_enter(door)
    door.open()
    await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_nobody_else_is_given_the_port_meanwhile(door: Door) -> None:
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", door.port))


async def test_the_port_is_given_back(door: Door) -> None:
    door.open()
    await asyncio.sleep(0.01)
    door.remove()
    with socket.create_server(("127.0.0.1", door.port)):
        pass


async def test_a_port_that_is_taken(door: Door) -> None:
    door.open()
    with pytest.raises(OSError, match="in use"):
        Door(web.Server(lambda _request: asyncio.sleep(0, web.Response())), "127.0.0.1", door.port, None)
