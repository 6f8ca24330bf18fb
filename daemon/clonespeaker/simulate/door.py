"""The port that the simulated clone listens on, and how it refuses there for a while."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Set
from typing import Any

from aiohttp import web


class Door:
    """The listening socket of a server.

    It refuses by being bound without listening: the kernel then answers as where nobody is, and yet nobody else can
    be given the port. Shutting and opening take effect at once.

    Args:
        server: what takes the connections.
        host: an address, or a name for one.
        port: 0: any free one, the same for ever.
        tls: None: plain HTTP.

    Attributes:
        port: that it has.

    Raises:
        OSError: the address or the port can't be had.
    """

    def __init__(self, server: web.Server, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._server = server
        self._tls = tls
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self._family: socket.AddressFamily = found[0][0]
        self._address: Any = found[0][4]
        self._socket = self._bind()
        self._address = self._socket.getsockname()
        self.port: int = self._address[1]
        self._listening: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether connections are taken."""
        return self._opening is not None

    def open(self) -> None:
        """Take connections from now on. Needs a running loop."""
        if not self.is_open:
            self._socket.listen(128)  # from here on the kernel takes them; the loop, a moment later
            self._opening = asyncio.get_running_loop().create_task(self._accept())

    def shut(self, under_way: Set[web.RequestHandler]) -> None:
        """Refuse connections from now on; close those that there are, these when their request has been answered."""
        if self.is_open:
            self._close()
            self._socket = self._bind()
            for connection in self._server.connections:
                if connection in under_way:
                    connection.close()
                else:
                    connection.force_close()

    def remove(self) -> None:
        """Give the port back."""
        self._close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        # In two steps: the first never waits, so that whatever listens is known and can be closed.
        self._listening = await loop.create_server(self._server, sock=self._socket, ssl=self._tls, start_serving=False)
        await self._listening.start_serving()

    def _close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        self._socket.close()

    def _bind(self) -> socket.socket:
        bound = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            # Past connections of ours would else keep the port for a minute.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.setblocking(False)
            bound.bind(self._address)
        except OSError:
            bound.close()
            raise
        return bound
