"""A daemon for the server to speak for, and plain HTTP to speak to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed

from clonespeaker.status import protocol
from clonespeaker.status.server import StatusServer, open_status_server
from clonespeaker.tally import Figures, Tally
from clonespeaker.turn import State

SNAPSHOT = {"type": "snapshot", "protocol": 1, "state": "idle", "volume": 80, "faults": [], "turn": None}
"""What a fresh `StandIn` tells first."""


class StandIn:
    """Notes what it is told to do; refuses `talk`, trips over `cancel`, and tells of each `volume`.

    Attributes:
        makes: set once a new conversation is asked for.
        makes_it: while it is clear, a new conversation is not made yet.
    """

    server: StatusServer

    def __init__(self) -> None:
        self.obeyed: list[protocol.Command] = []
        self.volume = 80
        self.health: dict[str, Any] = {"ok": True, "state": "idle"}
        self.makes = asyncio.Event()
        self.makes_it = asyncio.Event()
        self.makes_it.set()

    def snapshot(self) -> dict[str, Any]:
        return {"state": "idle", "volume": self.volume, "faults": [], "turn": None}

    async def obey(self, command: protocol.Command) -> None:
        self.obeyed.append(command)
        match command:
            case protocol.Talk():
                raise protocol.CommandError("muted", "The microphone is muted: unmute it first.")
            case protocol.Cancel():
                raise ZeroDivisionError
            case protocol.Volume(level=int(level)):
                self.set_volume(level)
            case protocol.NewConversation():
                self.makes.set()
                await self.makes_it.wait()
            case _:
                pass

    def set_volume(self, level: int) -> None:
        self.volume = level
        self.server.publish("settings", volume=level)

    def figures(self) -> Figures:
        return figures_of(Tally(), status_clients=self.server.clients)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/"


def figures_of(tally: Tally, **others: Any) -> Figures:
    """Those of a daemon with which nothing is wrong."""
    return Figures(
        **{
            "version": "1.2.3",
            "started_at": 1_700_000_000.0,
            "state": State.IDLE,
            "muted": False,
            "mute_switch": None,
            "faults": frozenset(),
            "status_clients": 0,
            "tasks": 0,
            "microphone_overflows": 0,
            "microphone_lost_samples": 0,
            "device_underflows": 0,
            "tally": tally,
            **others,
        }
    )


@asynccontextmanager
async def running(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    read_token: str | None = None,
    allowed_origins: tuple[str, ...] = (),
) -> AsyncIterator[StandIn]:
    daemon = StandIn()
    daemon.server = await open_status_server(
        host=host,
        port=port,
        token=token,
        read_token=read_token,
        allowed_origins=allowed_origins,
        snapshot=daemon.snapshot,
        obey=daemon.obey,
        health=lambda: daemon.health,
        metrics=daemon.figures,
    )
    try:
        yield daemon
    finally:
        await daemon.server.close()


def dial(daemon: StandIn, **options: Any) -> connect_websocket:
    return connect_websocket(daemon.url, proxy=None, compression=None, **options)


async def read(connection: ClientConnection) -> Any:
    return json.loads(await connection.recv())


async def ask(connection: ClientConnection, frame: str | bytes | dict[str, Any]) -> Any:
    """The next message after a frame; dicts are sent as JSON."""
    await connection.send(json.dumps(frame) if isinstance(frame, dict) else frame)
    return await read(connection)


async def closed(connection: ClientConnection) -> ConnectionClosed:
    """Reads to the end."""
    while True:
        try:
            await connection.recv()
        except ConnectionClosed as error:
            return error


def close_code(error: ConnectionClosed) -> int | None:
    return error.rcvd.code if error.rcvd else None


async def request(port: int, target: str, *headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers (names in lower case) and body of one plain HTTP request; Host is 127.0.0.1 unless given."""
    if not any(each.startswith("Host:") for each in headers):
        headers = (f"Host: 127.0.0.1:{port}", *headers)
    answer = (await send_raw(port, "\r\n".join([f"GET {target} HTTP/1.1", *headers, "", ""]).encode())).decode()
    head, _, body = answer.partition("\r\n\r\n")
    lines = head.split("\r\n")
    fields = (line.partition(": ") for line in lines[1:])
    return int(lines[0].split()[1]), {name.lower(): value for name, _, value in fields}, body


async def send_raw(port: int, data: bytes, *, then_eof: bool = False) -> bytes:
    """What comes back for these bytes until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if then_eof:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@asynccontextmanager
async def wired(port: int, *headers: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A websocket of which nothing is done for us after the handshake, and its snapshot is read by nobody."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [
        "GET / HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    writer.write("\r\n".join([*lines, *headers, "", ""]).encode())
    try:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        yield reader, writer
    finally:
        writer.transport.abort()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """One frame as programs send it, with a mask of zeros."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return bytes([(0x80 if fin else 0) | opcode]) + length + bytes(4) + payload
