"""The connections to the local websocket's port, from the first byte on: how many, and how much each may cost.

What `server` limits is commands and waiting messages; what is below them costs, too: connections that never ask for
anything hold descriptors, which the clone and the sound need; pings are answered without anybody being asked; and a
read of 256 KiB may hold 40,000 frames, half a second's work in which nothing else goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Event, State

from clonespeaker.status.access import Right
from clonespeaker.status.allowance import Allowance

MAX_GUESTS = 256  # connections that are no websockets; with the websockets a third of the usual 1,024 descriptors
FRAMES_PER_S = 200  # of one websocket, pings and all, and as many at once
MAX_FRAGMENTS = 64  # of one message
FAREWELL_S = 1.0  # for a close handshake: who does not read must not hold us up
UNREAD_BYTES = 1_048_576  # answers to pings, say, that may wait for one that does not read
_PIECE_BYTES = 1_024  # looked at before the next is


class Connection(ServerConnection):
    """One connection.

    Attributes:
        right: what it may do as a websocket; None: it is none (yet).
    """

    def __init__(self, everyone: Connections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.right: Right | None = None
        self._everyone = everyone
        self._frames = Allowance(FRAMES_PER_S, now_s=self.loop.time())
        self._fragments = 0
        self._ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        super().connection_made(transport)
        self._everyone.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio calls it."""
        self._everyone.discard(self)
        if self._ending is not None:
            self._ending.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As asyncio calls it: piece by piece, so that who sends too much is stopped before all of it is read."""
        for at in range(0, len(data), _PIECE_BYTES):
            super().data_received(data[at : at + _PIECE_BYTES])
        if self.transport.get_write_buffer_size() > UNREAD_BYTES:
            self.transport.abort()
        if self.protocol.close_expected() and self._ending is None:  # for what is no frame, say: it may never hang up
            self._ending = self.loop.call_later(FAREWELL_S, self.transport.abort)

    def process_event(self, event: Event) -> None:
        """As websockets calls it for the request, and for each frame."""
        if isinstance(event, Frame):
            if not self._frames.take(now_s=self.loop.time()):
                return self._fail(f"more than {FRAMES_PER_S} frames a second")
            if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._fragments = 0 if event.fin else self._fragments + 1
                if self._fragments > MAX_FRAGMENTS:
                    return self._fail(f"a message in more than {MAX_FRAGMENTS} frames")
        super().process_event(event)
        return None

    def _fail(self, reason: str) -> None:
        if self.state is State.OPEN:
            self.protocol.fail(CloseCode.POLICY_VIOLATION, reason)  # what still comes is not even looked at
            self.send_data()


class Connections:
    """All there are. Who is no websocket makes room for who comes after; nobody is refused for them."""

    def __init__(self) -> None:
        self._all: dict[Connection, None] = {}  # in the order they came

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._all))

    @property
    def websockets(self) -> int:
        """How many there are, those included that are being closed."""
        return sum(each.right is not None for each in self._all)

    def add(self, connection: Connection) -> None:
        """One more; the oldest guest goes where there are too many."""
        self._all[connection] = None
        guests = [each for each in self._all if each.right is None]
        if len(guests) > MAX_GUESTS:
            self.discard(guests[0])
            guests[0].transport.abort()

    def discard(self, connection: Connection) -> None:
        """One less."""
        self._all.pop(connection, None)
