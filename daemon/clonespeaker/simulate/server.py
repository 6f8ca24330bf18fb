"""The simulated clone: an HTTP server that speaks `clone-api.md` to the letter, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from aiohttp import web

from clonespeaker.errors import ClonespeakerError, MediaError
from clonespeaker.simulate.answer import compose, make_reply, transcribe
from clonespeaker.simulate.behaviour import Behaviour
from clonespeaker.simulate.conversations import Conversations, Message
from clonespeaker.simulate.endpoints import ENDPOINTS, Endpoint
from clonespeaker.simulate.faults import PREREQUISITES, Answer, Fault, FaultSwitch, Point, detail
from clonespeaker.simulate.rate_limit import RateLimit
from clonespeaker.simulate.received import Received
from clonespeaker.simulate.reply import Break, Reply, Wait
from clonespeaker.simulate.request import GenerateRequest, Refusal, check_generate, parse_object
from clonespeaker.simulate.stream import ReplyStream

MOST_BODY_BYTES = 12_000_000
"""60 s of speech are 7.1 MB of base64."""

_STOP_S = 0.05  # for answers on their way; then they are cut off
_CDN_PAGE = b"<!DOCTYPE html><html><body><h1>403 Forbidden</h1><p>error code: 1010</p></body></html>"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(kw_only=True, eq=False)
class SimulatedClone(Behaviour):
    """A clone to talk with. Set it by keywords, those of `Behaviour`, or by its attributes, at any time.

    Attributes:
        received: the generate requests that came past the key, oldest first.
    """

    def __post_init__(self) -> None:
        self.received: list[Received] = []
        self._faults = FaultSwitch()
        self._memory = Conversations()
        self._rate = RateLimit()
        self._random = Random(0)  # seeded: every run has the same lateness
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, on a free port where `port` is 0.

        Returns:
            The base URL.

        Raises:
            ClonespeakerError: the address or the port can't be had.
        """
        app = web.Application(middlewares=[self._gate], client_max_size=MOST_BODY_BYTES)
        for (method, path), endpoint in ENDPOINTS.items():
            app.router.add_route(method, path, self._handler(endpoint))
        app.router.add_post("/api/clone/generate_response", self._generate, expect_handler=_expect_later)
        # A client that hangs up ends its handler, which would else sleep on for nobody.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_STOP_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self.stop()
            raise ClonespeakerError(f"the simulated clone can't listen: {error.strerror}") from error
        return f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening and cut off what is on its way. Conversations are kept for another `start`."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def fault(self) -> str | None:
        """The fault that befalls generate requests (a name in `FAULTS`), or None. Set, it lasts until unset."""
        return self._faults.name

    @fault.setter
    def fault(self, name: str | None) -> None:
        self._faults.choose(name)

    def fault_once(self, name: str, times: int = 1) -> None:
        """Let a fault befall the next `times` generate requests that it applies to, and no more."""
        self._faults.choose(name, times)

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What every request passes: the CDN, then the key; and what becomes of a refusal."""
        agent = request.headers.get("User-Agent", "")
        if agent.startswith("Python/") or "aiohttp/" in agent or "python-requests" in agent:
            return web.Response(status=403, body=_CDN_PAGE, content_type="text/html")
        try:
            if request.headers.get("x-api-key") != self.api_key:
                raise Refusal(401, "Invalid API key")
            if request.can_read_body and request.content_type != "application/json":
                raise Refusal(415, f"Content-Type must be application/json, not {request.content_type}")
            return await handler(request)
        except Refusal as error:
            return _refuse(error)
        except MediaError as error:
            return _refuse(Refusal(500, str(error)))
        except web.HTTPException as error:  # aiohttp's own: no such path, no such method, body too large
            return _refuse(Refusal(error.status, error.reason))

    def _handler(self, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            fields = parse_object(await request.read()) if request.method == "POST" else {}
            return web.json_response(endpoint(self, self._memory, {**request.query, **request.match_info}, fields))

        return handle

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        received = Received(
            headers={k.lower(): v for k, v in request.headers.items() if k.lower() != "x-api-key"},
            live=request.content_length is None,
            headers_s=time.monotonic(),
        )
        self.received.append(received)
        fault = self._faults.take(live=received.live)
        try:
            self._rate.take(received.headers_s, self.rate_limit_per_minute)
            await _strike(fault, "headers", request)
            body = await _read_body(request, received)
            start_s = time.monotonic() + self.think_s
            await _strike(fault, "body", request)
            asked = self._understand(body, received)
            conversation = self._memory.find("conversation_id", asked.conversation_id)
            conversation.messages.append(Message("USER", transcribe(asked)))
            await _strike(fault, "heard", request)
            message = Message("CLONE", self.reply_text or compose(asked), self.citations)
            conversation.messages.append(message)
            await _strike(fault, "answered", request)
        except _Struck as struck:
            return struck.response
        reply = await make_reply(asked, conversation, message, self)
        return await self._send(request, reply, fault, start_s)

    def _understand(self, body: bytes, received: Received) -> GenerateRequest:
        fields = parse_object(body)
        received.fields = {name: value for name, value in fields.items() if name != "voice_input_stream"}
        asked = check_generate(fields)
        received.pcm = asked.pcm
        if not self.prerequisites_met:
            raise Refusal(403, PREREQUISITES)
        return asked

    async def _send(
        self, request: web.Request, reply: Reply, fault: Fault | None, start_s: float
    ) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "text/event-stream" if reply.streamed else "application/json"
        if not reply.streamed:
            await asyncio.sleep(start_s - time.monotonic())
        await response.prepare(request)
        if request.transport is not None:
            # `drain` then waits until the kernel has it all, so a slow reader holds the clone up at once,
            # and what was written before a break does arrive.
            request.transport.set_write_buffer_limits(0)

        async def write(data: bytes) -> None:
            await response.write(data)
            await request.writer.drain()

        stream = ReplyStream(
            write=write,
            sse=reply.streamed,
            line_end=self.line_end,
            cut_bytes=self.cut_bytes,
            pace=self.pace,
            jitter_ms=self.jitter_ms,
            ping_every_s=self.ping_every_s,
            random=self._random,
        )
        steps = fault.spoil(reply) if fault and fault.spoil else reply.steps()
        how = await stream.send(steps, start_s)
        if how is not None:
            _break_off(request, how)
        return response


class _Struck(Exception):
    """A fault has put something in the reply's place."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__()
        self.response = response


async def _strike(fault: Fault | None, at: Point, request: web.Request) -> None:
    if fault is None or fault.at != at:
        return
    match fault.instead:
        case Answer():
            raise _Struck(_respond(fault.instead))
        case Break():
            _break_off(request, fault.instead)
            raise _Struck(web.Response())  # to nobody
        case Wait():
            await asyncio.sleep(fault.instead.duration_s)


async def _expect_later(_request: web.Request) -> None:
    """`Expect: 100-continue` is met when the body is read, so that a refusal comes instead of it."""


async def _read_body(request: web.Request, received: Received) -> bytes:
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    while chunk := await request.content.readany():
        received.last_byte_s = time.monotonic()
        received.first_byte_s = received.first_byte_s or received.last_byte_s
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise Refusal(413, f"the body is longer than {MOST_BODY_BYTES} bytes")
    received.complete = True
    return bytes(body)


def _break_off(request: web.Request, how: Break) -> None:
    transport = request.transport
    if transport is None:  # the client was quicker
        return
    if how is Break.RESET:
        # Closing with a linger time of 0 sends RST where it would send FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _respond(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status, body=answer.body, content_type=answer.content_type, headers=answer.headers
    )


def _refuse(error: Refusal) -> web.Response:
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return _respond(detail(error.status, error.detail, headers))
