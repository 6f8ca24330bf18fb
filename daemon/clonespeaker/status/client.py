"""A program's end of the local websocket: what the command line follows and controls the daemon with."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from clonespeaker.errors import StatusError
from clonespeaker.status.protocol import PROTOCOL, encode_command

_OPEN_S = 5.0
_CLOSE_S = 1.0
_MAX_FRAME_BYTES = 16 * 2**20  # a snapshot bears the whole conversation

# At DEBUG, websockets logs every header, and the token is in one of them.
_WIRE_LOG = logging.getLogger(f"{__name__}.websockets")
_WIRE_LOG.setLevel(logging.WARNING)


class _Connect(connect_websocket):
    def process_redirect(self, exc: Exception) -> Exception | str:
        """No daemon points elsewhere, and the token is for this one."""
        return exc


class StatusClient:
    """A connection to a daemon. For one task: commands and events take turns at the same socket.

    Attributes:
        snapshot: how things stood at the start, or when the command `snapshot` last came back.
    """

    def __init__(self, connection: ClientConnection, where: str) -> None:
        self.snapshot: dict[str, Any] = {}
        self._connection = connection
        self._where = where
        self._ids = count(1)
        self._kept: deque[dict[str, Any]] = deque()

    async def command(self, name: str, **fields: Any) -> None:
        """Has the daemon obey a command of the protocol; events that arrive meanwhile are kept for `events`.

        Raises:
            StatusError: the daemon refused (its words, and its `code`), or is gone.
        """
        id = next(self._ids)
        try:
            await self._connection.send(encode_command(id, name, fields))
        except ConnectionClosed as error:
            raise self._gone(error) from error
        while (message := await self._receive())["type"] != "result" or message["id"] != id:
            if message["type"] == "event":
                self._kept.append(message)
        if not message["ok"]:
            raise StatusError(message["error"]["message"], code=message["error"]["code"])

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """All events since the snapshot, without end.

        Raises:
            StatusError: the daemon is gone.
        """
        while True:
            while self._kept:
                yield self._kept.popleft()
            message = await self._receive()
            if message["type"] == "event":
                self._kept.append(message)

    async def _receive(self) -> dict[str, Any]:
        """The next message of any type; a snapshot is noted on the way."""
        try:
            message = msgspec.json.decode(await self._connection.recv())
        except ConnectionClosed as error:
            raise self._gone(error) from error
        except msgspec.DecodeError as error:
            raise _stranger(self._where) from error
        if not isinstance(message, dict) or "type" not in message:
            raise _stranger(self._where)
        if message["type"] == "snapshot":
            self.snapshot = message
        return message

    def _gone(self, error: ConnectionClosed) -> StatusError:
        why = f": {error.rcvd.reason}" if error.rcvd is not None and error.rcvd.reason else ""
        return StatusError(f"the clonespeaker daemon at {self._where} closed the connection{why}")


@asynccontextmanager
async def connect(url: str, token: str | None = None) -> AsyncIterator[StatusClient]:
    """A connection to the daemon at `url` (`ws://host:port/`), closed at the end of the block.

    Raises:
        StatusError: no daemon answers there, it does not let us in, or it speaks another protocol.
    """
    where = re.sub("//[^/]*@", "//", url.partition("?")[0])  # without a token or a password
    try:
        connection = await _Connect(
            url,
            additional_headers={"Authorization": f"Bearer {token}"} if token is not None else None,
            compression=None,
            max_size=_MAX_FRAME_BYTES,
            open_timeout=_OPEN_S,
            close_timeout=_CLOSE_S,
            logger=_WIRE_LOG,
            proxy=None,  # http_proxy in the environment is not for loopback
        )
    except (InvalidURI, ValueError, OverflowError) as error:  # the last two: its port
        raise StatusError(f"{where} is not a websocket address; one looks like ws://127.0.0.1:8777/") from error
    except InvalidStatus as error:
        raise _refused(where, error) from error
    except InvalidHandshake as error:
        raise _stranger(where) from error
    except OSError as error:  # TimeoutError is one
        raise StatusError(
            f"no clonespeaker daemon answers at {where}; start it with `clonespeaker run` or "
            "`systemctl start clonespeaker`"
        ) from error
    async with connection:
        client = StatusClient(connection, where)
        first = await client._receive()
        if first["type"] != "snapshot":
            raise _stranger(where)
        if first.get("protocol") != PROTOCOL:
            raise StatusError(
                f"the daemon at {where} speaks protocol {first.get('protocol')} and this program {PROTOCOL}: "
                "update the older one"
            )
        yield client


def _refused(where: str, error: InvalidStatus) -> StatusError:
    status = error.response.status_code
    words = (error.response.body or b"").decode(errors="replace").strip()
    if status == 401:
        return StatusError(f"the daemon at {where} wants its token, which is in the file `status.token_file` names")
    if status in (403, 503):
        return StatusError(f"the daemon at {where} does not let us in: {words}")
    return _stranger(where)


def _stranger(where: str) -> StatusError:
    return StatusError(f"what answers at {where} is not a clonespeaker daemon; check the address and `status.port`")
