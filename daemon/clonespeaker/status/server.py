"""The local websocket's server: `protocol` on the wire, `access` at the door, `pages` for plain HTTP.

It tells every program what happens and hands their commands on; it knows nothing of what they mean. No program can
slow the daemon or another program: `publish` only puts into queues, and who reads too slowly or asks too much is cut
off.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from clonespeaker.errors import StatusError
from clonespeaker.status import protocol
from clonespeaker.status.access import Access, Right
from clonespeaker.status.allowance import Allowance
from clonespeaker.status.connections import FAREWELL_S, Connection, Connections
from clonespeaker.status.kiosk import Kiosk, Picture
from clonespeaker.status.pages import HEADERS, Pages
from clonespeaker.tally import Figures

MAX_CLIENTS = 64
QUEUE_MESSAGES = 256  # that may wait for one client; a turn with captions takes some hundred over many seconds
QUEUE_BYTES = 1_048_576  # of them; of whatever length a snapshot is, one and what follows it are let wait
LAG_MESSAGES = 16  # waiting, from which on a client gets no more levels
COMMANDS_PER_S = 50  # of one client, and as many at once
HANDSHAKE_S = 5.0

LOG = logging.getLogger(__name__)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.msg != "opening handshake failed"  # websockets < 17: a traceback for every port scanner


# What websockets logs: not each connection, nor each stranger who speaks something else, but our own failures.
_WIRE_LOG = logging.getLogger(f"{__name__}.websockets")
_WIRE_LOG.setLevel(logging.WARNING)
_WIRE_LOG.addFilter(_is_ours)


class _Client:
    """One connected program: what waits to be sent to it, and what it may still ask."""

    def __init__(self, connection: Connection, tasks: asyncio.TaskGroup) -> None:
        self.connection = connection
        self.tasks = tasks
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.waiting_bytes = 0
        self.allowance = Allowance(COMMANDS_PER_S, now_s=_now_s())

    async def send_queued(self) -> None:
        try:
            while True:
                message = await self.queue.get()
                self.waiting_bytes -= _weight_bytes(message)
                await self.connection.send(message)
        except ConnectionClosed:
            pass  # its reader sees the same, and ends


class StatusServer:
    """The server. `open_status_server` makes one that listens.

    Attributes:
        port: the one it listens on.
    """

    def __init__(
        self,
        *,
        port: int,
        pages: Pages,
        snapshot: Callable[[], dict[str, Any]],
        obey: Callable[[protocol.Command], Awaitable[None]],
    ) -> None:
        self.port = port
        self._pages = pages
        self._snapshot = snapshot
        self._obey = obey
        self._clients: set[_Client] = set()
        self._connections = Connections()
        self._renewing: asyncio.Task[None] | None = None
        self._listener: Server

    async def listen(self, sock: socket.socket) -> None:
        """Serves on this socket from now on."""
        self._listener = await serve(
            self._serve,
            sock=sock,
            process_request=self._answer_http,
            compression=None,
            max_size=protocol.MAX_FRAME_BYTES,
            open_timeout=HANDSHAKE_S,
            close_timeout=FAREWELL_S,
            ping_interval=20,
            ping_timeout=20,
            logger=_WIRE_LOG,
            create_connection=partial(Connection, self._connections),  # type: ignore[arg-type]  # "a wrapper or a subclass"
        )

    @property
    def clients(self) -> int:
        """How many programs are connected."""
        return len(self._clients)

    def publish(self, event: str, /, **fields: Any) -> None:
        """Tells every client. Returns at once; who does not keep up is cut off. Event loop's thread only."""
        if not self._clients:
            return
        message = protocol.encode_event(event, fields)
        # What the next of its kind makes stale may be left out where a program lags: levels, and captions that go on.
        passing = event == "level" or (event == "caption" and not fields.get("final", True))
        for client in tuple(self._clients):
            if not passing or client.queue.qsize() < LAG_MESSAGES:
                self._offer(client, message)

    async def close(self) -> None:
        """Says goodbye (1001) to everyone, for at most a second."""
        if self._renewing is not None:
            self._renewing.cancel()
        self._listener.close(close_connections=False)
        await asyncio.gather(*(_hang_up(each, 1001, "clonespeaker stops") for each in self._connections))
        await self._listener.wait_closed()

    async def _answer_http(self, connection: ServerConnection, request: Request) -> Response | None:
        def header(name: str) -> str | None:
            values = request.headers.get_all(name)
            return ", ".join(values) if values else None  # one given twice thus equals nothing we accept

        assert isinstance(connection, Connection)
        page = await self._pages.answer(request.path, header, is_full=self._connections.websockets >= MAX_CLIENTS)
        if isinstance(page, Right):
            connection.right = page  # nothing was waited for since they were counted, so that holds
            return None
        response = connection.respond(page.status, page.text)
        if page.data is not None:
            response.body = page.data
            response.headers.pop("Content-Length")
            response.headers["Content-Length"] = str(len(page.data))
        for name, value in {**HEADERS, **page.headers}.items():
            response.headers.pop(name, None)  # setting alone would add a second one
            response.headers[name] = value
        return response

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Connection)
        async with asyncio.TaskGroup() as tasks:
            client = _Client(connection, tasks)
            self._offer(client, protocol.encode_snapshot(self._snapshot()))
            self._clients.add(client)  # no await between these two: no event is lost or told twice
            sender = tasks.create_task(client.send_queued())
            try:
                async for frame in connection:
                    if client not in self._clients:
                        continue  # cut off: read on to let the close handshake through, but obey no more
                    if client.allowance.take(now_s=_now_s()):
                        await self._take(client, frame)
                    else:
                        self._cut_off(client, 1008, f"more than {COMMANDS_PER_S} commands a second")
            except ConnectionClosed:
                pass
            finally:
                self._clients.discard(client)
                sender.cancel()

    async def _take(self, client: _Client, frame: str | bytes) -> None:
        try:
            id, command = protocol.parse_command(frame)
        except protocol.ProtocolError as error:
            self._offer(client, protocol.encode_error(error.id, error.code, str(error)))
            return
        try:
            if isinstance(command, protocol.GetSnapshot):
                self._offer(client, protocol.encode_snapshot(self._snapshot()))
            elif client.connection.right is not Right.CONTROL:
                raise protocol.CommandError(
                    "forbidden", "Your token is for following; commands need the one of `status.token_file`."
                )
            elif isinstance(command, protocol.NewConversation):
                self._renew(client, id, command)
                return
            else:
                await self._obey(command)
        except protocol.CommandError as error:
            self._offer(client, protocol.encode_error(id, error.code, str(error)))
        else:
            self._offer(client, protocol.encode_result(id))

    def _renew(self, client: _Client, id: protocol.Id, command: protocol.NewConversation) -> None:
        # It takes as long as the clone takes; no press waits behind it. It goes on where who asked hangs up: the next
        # visitor is to have a conversation of their own. Asked for again meanwhile, it is the same one.
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._make_new(command))
        self._renewing.add_done_callback(partial(self._answer_new, client, id))

    async def _make_new(self, command: protocol.NewConversation) -> None:
        try:
            await self._obey(command)
        finally:
            self._renewing = None

    def _answer_new(self, client: _Client, id: protocol.Id, made: asyncio.Task[None]) -> None:
        if made.cancelled() or client not in self._clients:
            return
        error = made.exception()
        if error is None:
            self._offer(client, protocol.encode_result(id))
        elif isinstance(error, protocol.CommandError):
            self._offer(client, protocol.encode_error(id, error.code, str(error)))
        else:
            LOG.error("no new conversation can be made", exc_info=error)
            self._cut_off(client, 1011, "")

    def _offer(self, client: _Client, message: str) -> None:
        waiting, waiting_bytes = client.queue.qsize(), client.waiting_bytes + _weight_bytes(message)
        if waiting == QUEUE_MESSAGES or waiting_bytes > QUEUE_BYTES:
            self._cut_off(client, 1013, f"too slow: {waiting} messages wait")
        else:
            client.queue.put_nowait(message)
            client.waiting_bytes = waiting_bytes

    def _cut_off(self, client: _Client, code: int, reason: str) -> None:
        if client in self._clients:
            self._clients.remove(client)
            LOG.info("a status client is cut off: %s", reason)
            client.tasks.create_task(_hang_up(client.connection, code, reason))


async def _no_picture() -> None:
    return None


async def open_status_server(
    *,
    host: str,
    port: int,
    token: str | None,
    read_token: str | None = None,
    allowed_origins: Sequence[str],
    snapshot: Callable[[], dict[str, Any]],
    obey: Callable[[protocol.Command], Awaitable[None]],
    health: Callable[[], dict[str, Any]],
    metrics: Callable[[], Figures],
    screen: Callable[[], dict[str, Any]] = dict,
    picture: Callable[[], Awaitable[Picture | None]] = _no_picture,
) -> StatusServer:
    """A server that listens on `host`:`port`; 0 lets the system choose.

    Args:
        host: an address of this machine.
        port: 0–65535.
        token: what a request must bear that may do everything, or None; needed where `host` is not loopback.
        read_token: what one must bear that may only follow, or None.
        allowed_origins: web pages' origins that may connect, besides the server's own.
        snapshot: how things stand, without `type` and `protocol`.
        obey: sets going what a program asks (all commands but `GetSnapshot`), or raises `CommandError`. It returns
            once the command is taken, not once it is done: the client's next one waits for it, and so does `close`.
            A new conversation alone may take its time: nothing waits for it.
        health: what `/healthz` answers; its `ok` decides between 200 and 503.
        metrics: what `/metrics` answers, as of this moment; what it gives stays as it is.
        screen: what `/kiosk.json` tells; asked in a thread.
        picture: the clone's last picture, or None.

    Raises:
        StatusError: the port is taken, the address is not ours, or others could connect without a token.
    """
    sock = _bind(host, port)
    try:
        port = sock.getsockname()[1]
        access = Access(
            host=host,
            port=port,
            token=token,
            read_token=read_token,
            allowed_origins=allowed_origins,
            hostname=socket.gethostname(),
        )
        pages = Pages(access, health, _scraped(metrics), Kiosk(screen, picture).answer)
        server = StatusServer(port=port, pages=pages, snapshot=snapshot, obey=obey)
        await server.listen(sock)
    except BaseException:
        sock.close()
        raise
    return server


def _scraped(metrics: Callable[[], Figures]) -> Callable[[str], Awaitable[tuple[str, str]]]:
    # The figures are read here, where they change. The library is imported and writes in a thread, so that the loop
    # goes on sending and playing; one scrape at a time, so that a turn always finds a thread for its own work.
    one_at_a_time = asyncio.Lock()

    def expose(figures: Figures, accept: str) -> tuple[str, str]:
        from clonespeaker.status.metrics import expose

        return expose(figures, accept)

    async def answer(accept: str) -> tuple[str, str]:
        async with one_at_a_time:
            return await asyncio.to_thread(expose, metrics(), accept)

    return answer


def _bind(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StatusError(
                f"port {port} on {host} is taken, probably by another clonespeaker: stop that one "
                "(`systemctl stop clonespeaker`), or set `status.port` to another port"
            ) from error
        raise StatusError(
            f"can't listen on {host}, port {port} ({error.strerror}): check `status.host` and `status.port`"
        ) from error


def _weight_bytes(message: str) -> int:
    return min(len(message), QUEUE_BYTES // 2)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def _hang_up(connection: ServerConnection, code: int, reason: str) -> None:
    if connection.state is not State.CONNECTING:
        try:
            async with asyncio.timeout(FAREWELL_S):
                await connection.close(code, reason)
        except TimeoutError:
            pass
    connection.transport.abort()
