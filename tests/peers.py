"""Servers and clients on loopback for tests of what talks with the clone."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from clonespeaker.clone.client import CloneClient, Patience
from clonespeaker.clone.connection import open_session

KEY = "dsk-simulated"
NOBODY = ".".join(["nobody" * 10] * 5)
"""A host that is not found, not even where the network finds all: it is longer than names can be, and not asked for."""
IMPATIENT = Patience(
    connect_s=2.0, upload_s=2.0, event_s=0.8, silence_s=0.8, answer_s=0.8
)  # a busy machine stands still for less


@asynccontextmanager
async def connected(
    base_url: str, *, key: str = KEY, patience: Patience | None = None, ca_file: Path | None = None
) -> AsyncIterator[CloneClient]:
    """A client of the clone at `base_url`; it trusts `ca_file` alone, where that is given."""
    tls = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
    async with open_session(key, tls=tls) as session:
        yield CloneClient(session, base_url, api_key=key, patience=patience)


@dataclass(slots=True)
class Peer:
    """One connection, seen from a server that knows nothing but bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> str:
        """The head of the next request."""
        return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def request(self) -> bytes:
        """The next request, its body to the end: head and body, the chunks' frames left in."""
        head = await self.head()
        if length := re.search(r"(?i)content-length: (\d+)", head):
            return head.encode() + await self.reader.readexactly(int(length[1]))
        if "chunked" in head:
            return head.encode() + await self.reader.readuntil(b"0\r\n\r\n")
        return head.encode()

    async def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: str, body: bytes = b"", **headers: str) -> None:
        """A whole answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join([*lines, "", ""]).encode() + body)

    async def begin_stream(self) -> None:
        """The head of a reply that ends with the connection."""
        await self.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")

    async def event(self, **fields: object) -> None:
        """One event of a stream."""
        await self.send(b"data: " + msgspec.json.encode(fields) + b"\n\n")


@dataclass(slots=True)
class Listening:
    """A server of bytes: where it is, and how many have connected so far."""

    url: str
    connections: int = 0


@asynccontextmanager
async def serving(talk: Callable[[Peer], Awaitable[object]]) -> AsyncIterator[Listening]:
    """A server that does `talk` with each connection, and closes it then."""
    tasks: set[asyncio.Task[object]] = set()
    listening = Listening("")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        listening.connections += 1
        try:
            await talk(Peer(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.transport.abort() if writer.is_closing() else writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    listening.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield listening
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Returns once `condition` holds; a TimeoutError where it never does. Patient, for the machine may be busy."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for is in another program's hands
            await asyncio.sleep(0.002)
