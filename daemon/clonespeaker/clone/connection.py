"""The connection to the clone's server: opened ahead of need, and honest about what has gone out.

A kernel takes megabytes of a request at once and sends them when the uplink lets it: "written" would then mean
nothing, neither for a turn's timeline nor for telling that a network is dead, and speech that was cancelled would go
out all the same. So sockets here keep no more than `UNSENT_BYTES` unsent, and a body's next piece waits until the
kernel has the one before. (Over TLS, up to 64 KiB may wait in between, inside asyncio.)
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from clonespeaker import __version__

USER_AGENT = f"clonespeaker/{__version__}"

UNSENT_BYTES = 4_096
"""What the kernel takes ahead of what it has sent: 35 ms of speech as base64, 33 ms of a link of 1 Mbit/s."""

_WARM_EVERY_S = 4.0  # servers close idle connections, some after 5 s
_DNS_KEPT_S = 60


@dataclass(slots=True)
class Request:
    """One request, as it went: times in monotonic seconds, None until it came to that."""

    connected_at: float | None = None
    piece_at: float | None = None
    """When the piece of the body that is on its way was handed over; None between pieces."""
    body_sent_at: float | None = None
    first_event_at: float | None = None
    status: int | None = None


class Body(aiohttp.Payload):
    """A request's body in pieces, none of them empty; the next is asked for when the kernel has the one before."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        super().__init__(pieces, content_type="application/json")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """As aiohttp asks for it."""
        transport = getattr(writer, "transport", None)
        if transport is not None:
            # Not 0: over TLS, asyncio takes that for full where nothing waits, and `drain` never returns.
            transport.set_write_buffer_limits(high=1, low=0)
        _hold_parts(transport, True)
        async for piece in self._value:
            await writer.write(piece)
            await writer.drain()
        _hold_parts(transport, False)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """A body that is not there yet can't be shown."""
        raise TypeError("a body in pieces")


def open_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for an address of `getaddrinfo`'s, that keeps little unsent."""
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return opened


def open_session(
    api_key: str,
    *,
    connect_s: float = 5.0,
    tls: ssl.SSLContext | None = None,
    socket_factory: Callable[[tuple[Any, ...]], socket.socket] = open_socket,
) -> aiohttp.ClientSession:
    """A session for `CloneClient`; needs a running loop, wants closing.

    The key goes to the clone's server and nowhere else: no proxy out of the environment, and no cookies are kept.

    Args:
        api_key: goes with every request.
        connect_s: for DNS, TCP and TLS, each.
        tls: whom to trust; None: whom this machine does.
        socket_factory: opens each of its sockets.
    """
    trace = aiohttp.TraceConfig()

    async def connected(_session: object, context: Any, _params: object) -> None:
        request = context.trace_request_ctx
        if isinstance(request, Request) and request.connected_at is None:
            request.connected_at = time.monotonic()

    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(connected)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ttl_dns_cache=_DNS_KEPT_S, socket_factory=socket_factory, ssl=tls or True),
        headers={"x-api-key": api_key, "User-Agent": USER_AGENT, "Accept": "text/event-stream, application/json"},
        timeout=aiohttp.ClientTimeout(total=None, connect=2 * connect_s, sock_connect=connect_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        trace_configs=[trace],
    )


@contextlib.asynccontextmanager
async def kept_warm(session: aiohttp.ClientSession, base_url: str) -> AsyncIterator[None]:
    """Meanwhile there is an open connection for the next request, where there can be one."""
    warming = asyncio.create_task(_keep_warm(session, base_url))
    try:
        yield
    finally:
        warming.cancel()


async def _keep_warm(session: aiohttp.ClientSession, base_url: str) -> None:
    while True:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            # Whatever it answers, the connection is there: DNS, TCP, TLS.
            async with session.head(base_url + "/", allow_redirects=False):
                pass
        await asyncio.sleep(_WARM_EVERY_S)


def _hold_parts(transport: asyncio.Transport | None, hold: bool) -> None:
    """Let a segment wait until it is full (200 ms at most), or send at once what waits.

    A link of 1 Mbit/s has 2 % to spare for live speech; segments of half the size would take twice that.
    """
    opened = transport.get_extra_info("socket") if transport is not None else None
    if opened is not None:
        with contextlib.suppress(OSError):  # closed meanwhile: who writes will be told
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, hold)
