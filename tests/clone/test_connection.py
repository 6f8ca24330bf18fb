"""What the connection to the clone is for: nothing waits for it, and what it says has gone out has gone out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from clonespeaker.clone import connection
from clonespeaker.clone.connection import UNSENT_BYTES, Request
from tests.peers import Peer, connected, serving, until

LENGTH = 8_000_000  # more than the kernel keeps of what nobody reads
PIECE = 50_000


async def pieces(taken: list[int]) -> AsyncIterator[bytes]:
    for at in range(0, LENGTH, PIECE):
        taken.append(at)
        yield b"x" * PIECE


@pytest.mark.parametrize("length", [LENGTH, None], ids=["exact", "chunked"])
async def test_a_body_has_gone_out_when_the_server_has_it_and_not_before(length: int | None) -> None:
    reading = asyncio.Event()
    received = 0

    async def talk(peer: Peer) -> None:
        nonlocal received
        await peer.head()
        await reading.wait()
        while received < LENGTH:
            received += len(await peer.reader.read(65_536))
        await peer.begin_stream()
        await peer.event(current_token="[DONE]", clone_response={"text": "Hi"})

    taken: list[int] = []
    request = Request()

    def is_sent() -> bool:
        return request.body_sent_at is not None

    async with serving(talk) as server, connected(server.url) as client:

        async def ask() -> None:
            async with aclosing(client.generate(pieces(taken), length=length, request=request)) as events:
                assert [event async for event in events]

        asking = asyncio.create_task(ask())
        await until(lambda: taken)
        before = 0
        while len(taken) > before:  # until it goes on no more
            before = len(taken)
            await asyncio.sleep(0.1)
        assert not is_sent()
        assert len(taken) < LENGTH / PIECE
        reading.set()
        await asking
        assert len(taken) == LENGTH / PIECE
        assert is_sent()
        assert LENGTH <= received


async def test_sockets_keep_little_unsent() -> None:
    """Else what was cancelled would go out all the same, and a dead network would look alive."""
    limits: list[int] = []

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.answer("200 OK", b'{"clone": {}}', Content_Type="application/json")
        await peer.reader.read()

    async with serving(talk) as server, connected(server.url) as client:
        await client.profile("my-clone")
        connector = client._session.connector
        assert connector is not None
        for connections in connector._conns.values():
            for protocol, _ in connections:
                assert protocol.transport is not None
                sock = protocol.transport.get_extra_info("socket")
                limits.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT))
    assert limits == [UNSENT_BYTES]


async def test_a_connection_kept_warm_is_the_one_that_is_used() -> None:
    heads: list[str] = []

    async def talk(peer: Peer) -> None:
        while True:
            heads.append((await peer.request()).decode())
            if heads[-1].startswith("HEAD"):
                await peer.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n")
            else:
                await peer.answer("200 OK", b'{"clone": {}}', Content_Type="application/json")

    async with serving(talk) as server, connected(server.url) as client:
        async with client.kept_warm():
            await until(lambda: heads)
            await asyncio.sleep(0.5)
        await client.profile("my-clone")
        assert server.connections == 1
    assert [head.split()[:2] for head in heads] == [["HEAD", "/"], ["GET", "/api/clone?slug=my-clone"]]
    assert "x-api-key" in heads[0]


async def test_warming_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_WARM_EVERY_S", 0.01)

    async def talk(peer: Peer) -> None:
        await peer.head()  # and hangs up

    async with serving(talk) as server, connected(server.url) as client:
        async with client.kept_warm():
            await until(lambda: server.connections >= 3)


async def test_a_server_that_does_not_answer_holds_nothing_up() -> None:
    async def talk(peer: Peer) -> None:
        await peer.head()
        await asyncio.sleep(60)

    async with serving(talk) as server, connected(server.url) as client:
        async with asyncio.timeout(30):
            async with client.kept_warm():
                await until(lambda: server.connections)
