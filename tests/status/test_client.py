from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from clonespeaker.errors import StatusError
from clonespeaker.status import protocol
from clonespeaker.status.client import connect
from tests.status.stand_in import running


@asynccontextmanager
async def someone_who_says(*frames: str) -> AsyncIterator[str]:
    """A websocket server that is no daemon of ours; its address."""

    async def speak(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(frame)

    async with serve(speak, "127.0.0.1", 0) as listener:
        yield f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"


@asynccontextmanager
async def someone_who_answers(answer: bytes) -> AsyncIterator[str]:
    """A TCP server that is not even one for websockets; its address."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listener:
        yield f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"


async def test_snapshot_commands_and_events() -> None:
    async with running() as daemon, connect(daemon.url) as client:
        assert client.snapshot == {"type": "snapshot", "protocol": 1, **daemon.snapshot()}
        daemon.server.publish("state", state="listening", turn=1)
        await client.command("volume", level=30)
        await client.command("say", text="Hello")
        assert daemon.obeyed == [protocol.Volume(level=30), protocol.Say(text="Hello")]
        daemon.server.publish("state", state="idle", turn=None)
        told = []
        async for event in client.events():
            told.append(event.get("state", event["event"]))
            if event.get("state") == "idle":
                break
        assert told == ["listening", "settings", "idle"]
        await client.command("snapshot")
        assert client.snapshot["volume"] == 30


async def test_a_refused_command() -> None:
    async with running() as daemon, connect(daemon.url) as client:
        with pytest.raises(StatusError, match="microphone is muted") as caught:
            await client.command("talk", seconds=3)
        assert caught.value.code == "muted"
        with pytest.raises(StatusError, match="Did you mean `press`") as caught:
            await client.command("pres")
        assert caught.value.code == "unknown-command"
        await client.command("press")


async def test_a_proxy_for_the_web_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with running() as daemon, connect(daemon.url) as client:
        assert client.snapshot["state"] == "idle"


async def test_the_daemon_stops() -> None:
    async with running() as daemon, connect(daemon.url) as client:
        await daemon.server.close()
        with pytest.raises(StatusError, match="closed the connection: clonespeaker stops"):
            async for _ in client.events():
                pass
        with pytest.raises(StatusError, match="closed the connection: clonespeaker stops"):
            await client.command("press")


async def test_the_daemon_breaks_off() -> None:
    async with running() as daemon, connect(daemon.url) as client:
        with pytest.raises(StatusError, match=r"closed the connection"):
            await client.command("cancel")


async def test_the_token() -> None:
    async with running(token="s3cret") as daemon:
        async with connect(daemon.url, "s3cret") as client:
            await client.command("press")
        async with connect(f"{daemon.url}?token=s3cret"):
            pass
        with pytest.raises(StatusError, match="wants its token") as caught:
            async with connect(f"{daemon.url}?token=s3cretive"):
                pass
        assert "s3cret" not in str(caught.value)


async def test_not_let_in() -> None:
    async with running() as daemon:
        elsewhere = daemon.url.replace("127.0.0.1", "127.1")
        with pytest.raises(StatusError, match=r"does not let us in: This server is .*127\.0\.0\.1"):
            async with connect(elsewhere):
                pass


async def test_nobody_there() -> None:
    async with running() as daemon:
        url = daemon.url
    with pytest.raises(StatusError, match=rf"no clonespeaker daemon answers at {url}.*`clonespeaker run`"):
        async with connect(url):
            pass


@pytest.mark.parametrize("frame", ["hello", "[]", "{}", '{"type":"event"}'])
async def test_another_websocket_server(frame: str) -> None:
    async with someone_who_says(frame) as url:
        with pytest.raises(StatusError, match="not a clonespeaker daemon"):
            async with connect(url):
                pass


async def test_another_protocol() -> None:
    async with someone_who_says(json.dumps({"type": "snapshot", "protocol": 2})) as url:
        with pytest.raises(StatusError, match="speaks protocol 2 and this program 1"):
            async with connect(url):
                pass


@pytest.mark.parametrize("answer", [b"", b"220 mail ready\r\n", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"])
async def test_another_server(answer: bytes) -> None:
    async with someone_who_answers(answer) as url:
        with pytest.raises(StatusError, match="not a clonespeaker daemon"):
            async with connect(url):
                pass


@pytest.mark.parametrize("url", ["http://127.0.0.1:8777/", "127.0.0.1", "ws://127.0.0.1:x/", "ws://127.0.0.1:99999/"])
async def test_no_address(url: str) -> None:
    with pytest.raises(StatusError, match="not a websocket address"):
        async with connect(url):
            pass


async def test_the_token_does_not_follow_a_redirect() -> None:
    heads: list[bytes] = []

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    async with await asyncio.start_server(trap, "127.0.0.1", 0) as elsewhere:
        port = elsewhere.sockets[0].getsockname()[1]
        answer = f"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
        async with someone_who_answers(answer.encode()) as url:
            with pytest.raises(StatusError, match="is not a clonespeaker daemon"):
                async with connect(url, "s3cret-token"):
                    pass
    assert heads == []


async def test_tokens_are_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(token="s3cret-token", read_token="r3ad-token") as daemon:
        for good in ("s3cret-token", "r3ad-token"):
            async with connect(f"{daemon.url}?token={good}") as client:
                assert client.snapshot
            async with connect(daemon.url, good) as client:
                assert client.snapshot
        for url, token in (
            (f"{daemon.url}?token=s3cret-tokem", None),
            (daemon.url, "s3cret-tokem"),
            ("ws://eve:s3cret-token@127.0.0.1:1/?token=s3cret-token", "s3cret-token"),
            ("ws://127.0.0.1:x/?token=s3cret-token", "s3cret-token"),
            ("http://127.0.0.1/?token=s3cret-token", "s3cret-token"),
            (daemon.url.replace("127.0.0.1", "localhost") + "nowhere?token=s3cret-token", "s3cret-token"),
        ):
            with pytest.raises(StatusError) as caught:
                async with connect(url, token):
                    pass
            assert "s3cret" not in str(caught.value)
    assert "s3cret" not in caplog.text
    assert "r3ad" not in caplog.text
