"""The key: to the clone's server, and to nobody else."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from clonespeaker.clone import client as client_module
from clonespeaker.clone import connection
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import Request
from clonespeaker.errors import CloneError
from tests.peers import Peer, connected, serving, until
from tests.tattling import tattling, tell

KEY = "dsk-recognisable0123456789"
ANSWERS = [pytest.param(answer, id=name) for name, answer in tattling(KEY)]


async def generate(client: CloneClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"{}"

    async for _ in client.generate(body(), length=2, request=Request()):
        pass


def calls(client: CloneClient) -> list[Any]:
    return [client.profile("x"), client.new_conversation("x"), client.history("x"), generate(client)]


def everything_about(error: BaseException) -> str:
    """What a traceback or a log may show of it, and of what caused it; of others' errors, only their words."""
    said = [repr(error), repr(vars(error))]
    seen: BaseException | None = error
    while seen is not None:
        said.append(str(seen) if seen is error else type(seen).__name__)
        seen = seen.__cause__
    return " ".join(said)


@pytest.mark.parametrize("answer", ANSWERS)
async def test_the_key_is_in_no_error_and_no_log(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(tell(answer)) as server, connected(server.url, key=KEY) as client:
        for ended in await asyncio.gather(*calls(client), return_exceptions=True):
            assert KEY not in (everything_about(ended) if isinstance(ended, CloneError) else repr(ended))
        for thing in (client, client._session, client._session.connector, client._session.cookie_jar):
            assert KEY not in repr(thing)
    assert KEY not in caplog.text


async def test_the_key_is_in_no_record() -> None:
    message = {"text": KEY, "sender": KEY, "citations": [{"title": KEY}]}
    answer = {
        "clone": {"name": KEY, "description": KEY},
        "new": {"conversation_id": KEY, "messages": [message]},
        "history": [message],
    }
    body = json.dumps(answer).encode()

    async def talk(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.answer("200 OK", body)

    async with serving(talk) as server, connected(server.url, key=KEY) as client:
        records = [await client.profile("x"), await client.new_conversation("x"), await client.history("x")]
    assert KEY not in repr(records)
    assert "***" in repr(records)


@asynccontextmanager
async def trap() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that nothing must come to: its address, and what came."""
    came: list[bytes] = []

    async def talk(peer: Peer) -> None:
        came.append(await peer.reader.read(65_536))
        await peer.answer("200 OK", b"{}")

    async with serving(talk) as server:
        yield server.url, came


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_no_request_goes_where_a_redirect_points(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_WARM_EVERY_S", 0.01)
    asked: list[str] = []
    async with trap() as (elsewhere, came):

        async def talk(peer: Peer) -> None:
            while True:
                request = (await peer.request()).decode()
                asked.append(request.split()[0])
                body = b"" if request.startswith("HEAD") else b"go there"
                await peer.answer(status, body, Location=f"{elsewhere}/api/clone")

        async with serving(talk) as server, connected(server.url, key=KEY) as client:
            async with client.kept_warm():
                await until(lambda: len(asked) >= 3)
            assert set(asked) == {"HEAD"}
            for call in calls(client):
                with pytest.raises(CloneError, match="points to http://127"):
                    await call
            assert {"GET", "POST"} <= set(asked)
    assert came == []


async def test_no_proxy_of_the_environment_sees_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    async def talk(peer: Peer) -> None:
        assert f"x-api-key: {KEY}" in (await peer.request()).decode()
        await peer.answer("200 OK", b'{"clone": {"name": "Ada"}}')

    for name in [name for name in os.environ if name.lower() == "no_proxy"]:
        monkeypatch.delenv(name)
    (tmp_path / "netrc").write_text("default login eve password eve\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with trap() as (elsewhere, came):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, elsewhere)
        async with serving(talk) as server, connected(server.url, key=KEY) as client:
            assert (await client.profile("x")).name == "Ada"
    assert came == []


async def test_no_cookies_are_kept() -> None:
    heads: list[str] = []

    async def talk(peer: Peer) -> None:
        while True:
            heads.append(await peer.head())
            await peer.answer("200 OK", b'{"clone": {}}', Set_Cookie="who=you; Path=/")

    async with serving(talk) as server, connected(server.url.replace("127.0.0.1", "localhost"), key=KEY) as client:
        for _ in range(2):
            await client.profile("x")
    assert len(heads) == 2
    assert "cookie" not in "".join(heads).lower()


@pytest.mark.parametrize("call", [CloneClient.profile, CloneClient.new_conversation, CloneClient.history])
async def test_an_answer_without_an_end(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_WHOLE_LIMIT_BYTES", 100_000)

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await peer.send(b" " * 10_000)

    async with serving(talk) as server, connected(server.url, key=KEY) as client:
        async with asyncio.timeout(30):
            with pytest.raises(CloneError, match="too large"):
                await call(client, "x")
