"""The simulated clone: an HTTP server that speaks `clone-api.md` to the letter, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from aiohttp import web

from clonespeaker.errors import ClonespeakerError, MediaError
from clonespeaker.simulate.answer import compose, make_reply, transcribe
from clonespeaker.simulate.behaviour import Behaviour
from clonespeaker.simulate.control import CONTROLS, PREFIX, Control
from clonespeaker.simulate.conversations import Conversations, Message
from clonespeaker.simulate.door import Door
from clonespeaker.simulate.endpoints import ENDPOINTS, Endpoint
from clonespeaker.simulate.faults import PREREQUISITES, Fault
from clonespeaker.simulate.picture import PATH as PICTURE_PATH
from clonespeaker.simulate.picture import picture
from clonespeaker.simulate.rate_limit import RateLimit
from clonespeaker.simulate.received import Received, RequestLog
from clonespeaker.simulate.reply import Reply
from clonespeaker.simulate.request import GenerateRequest, Refusal, check_generate, parse_object
from clonespeaker.simulate.stream import ReplyStream
from clonespeaker.simulate.strike import MOST_BODY_BYTES, Struck, break_off, read_body, refuse, strike
from clonespeaker.simulate.switch import FaultSwitch
from clonespeaker.simulate.tls import TlsKind, open_tls
from clonespeaker.simulate.voice import RATE_HZ

_STOP_S = 0.05  # for answers on their way; then they are cut off
_CDN_PAGE = b"<!DOCTYPE html><html><body><h1>403 Forbidden</h1><p>error code: 1010</p></body></html>"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(kw_only=True, eq=False)
class SimulatedClone(Behaviour):
    """A clone to talk with. Set it by keywords, those of `Behaviour`, or by its attributes, at any time.

    Attributes:
        tls: it serves https, with a certificate of this kind; None: plain HTTP. Counts from the next start.
        ca_file: while it serves https, the authority to trust: PEM.
        received: the generate requests that came past the key, the newest, oldest first.
    """

    tls: TlsKind | None = None

    def __post_init__(self) -> None:
        self.received = RequestLog()
        self.ca_file: Path | None = None
        self._switch = FaultSwitch(self._mind_the_door)
        self._memory = Conversations()
        self._rate = RateLimit()
        self._random = Random(0)  # seeded: every run has the same lateness
        self._runner: web.AppRunner | None = None
        self._door: Door | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._under_way: set[web.RequestHandler] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, on a free port where `port` is 0.

        Returns:
            The base URL.

        Raises:
            ClonespeakerError: the address or the port can't be had, or what makes certificates is not installed.
        """
        app = web.Application(middlewares=[self._gate], client_max_size=MOST_BODY_BYTES)
        for (method, path), endpoint in ENDPOINTS.items():
            app.router.add_route(method, path, self._handler(endpoint))
        for (method, path), control in CONTROLS.items():
            app.router.add_route(method, path, self._control_handler(control))
        app.router.add_get(PICTURE_PATH, _send_picture)
        app.router.add_post("/api/clone/generate_response", self._generate, expect_handler=_expect_later)
        # A client that hangs up ends its handler, which would else sleep on for nobody.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_STOP_S)
        await self._runner.setup()
        try:
            tls = self._open_tls(host)
            assert self._runner.server is not None  # it has been set up
            self._door = Door(self._runner.server, host, port, tls)
        except OSError as error:
            await self.stop()
            raise ClonespeakerError(
                f"the simulated clone can't listen on {host}, port {port} ({error.strerror}); choose another (--port)"
            ) from error
        except ClonespeakerError:
            await self.stop()
            raise
        self._mind_the_door()
        return f"{'https' if tls else 'http'}://{host}:{self._door.port}"

    async def stop(self) -> None:
        """Stop listening and cut off what is on its way. Conversations are kept for another `start`."""
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        if self._door is not None:
            self._door.remove()
            self._door = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self.ca_file is not None:
            shutil.rmtree(self.ca_file.parent)
            self.ca_file = None

    def _open_tls(self, host: str) -> ssl.SSLContext | None:
        if self.tls is None:
            return None
        self.ca_file = Path(tempfile.mkdtemp(prefix="clonespeaker-simulated-")) / "ca.pem"
        return open_tls(self.tls, host, self.ca_file)

    @property
    def fault(self) -> str | None:
        """The fault in force, as a name in `FAULTS` or `name=number`, or None. Set, it lasts until unset.

        But for `refuse`, which ends after its seconds.
        """
        return self._switch.text

    @fault.setter
    def fault(self, text: str | None) -> None:
        self._switch.choose(text)

    def fault_once(self, text: str, times: float = 1) -> None:
        """Let a fault befall the next `times` generate requests that it applies to, and no more."""
        self._switch.choose(text, times)

    def _mind_the_door(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        if self._door is None:
            return  # it will be minded at the start
        fault = self._switch.fault
        if fault is None or fault.point != "connect":
            self._door.open()
            return
        self._door.shut(self._under_way)
        self._reopening = asyncio.get_running_loop().call_later(fault.at or 0, self._switch.choose, None)

    @web.middleware
    async def _gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What every request passes: the CDN, then the key; and what becomes of a refusal."""
        self._under_way.add(request.protocol)
        try:
            if not request.path.startswith(PREFIX):
                self._check_client(request)
            return await handler(request)
        except Struck as struck:
            return struck.response
        except Refusal as error:
            return refuse(error)
        except MediaError as error:
            return refuse(Refusal(500, str(error)))
        except web.HTTPException as error:  # aiohttp's own: no such path, no such method, body too large
            return refuse(Refusal(error.status, error.reason))
        finally:
            self._under_way.discard(request.protocol)

    def _check_client(self, request: web.Request) -> None:
        agent = request.headers.get("User-Agent", "")
        if agent.startswith("Python/") or "aiohttp/" in agent or "python-requests" in agent:
            raise Struck(web.Response(status=403, body=_CDN_PAGE, content_type="text/html"))
        if request.headers.get("x-api-key") != self.api_key:
            raise Refusal(401, "Invalid API key")
        if request.can_read_body and request.content_type != "application/json":
            raise Refusal(415, f"Content-Type must be application/json, not {request.content_type}")

    def _handler(self, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            fields = parse_object(await request.read()) if request.method == "POST" else {}
            return web.json_response(endpoint(self, self._memory, {**request.query, **request.match_info}, fields))

        return handle

    def _control_handler(self, control: Control) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            fields = parse_object(await request.read()) if request.method == "PUT" else {}
            told = control(self, self._switch, self.received, fields)
            return web.Response(status=204) if told is None else web.json_response(told)

        return handle

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        received = Received(
            headers={k.lower(): v for k, v in request.headers.items() if k.lower() != "x-api-key"},
            live=request.content_length is None,
            headers_s=time.monotonic(),
        )
        self.received.note(received)
        fault = self._switch.take(live=received.live)
        self._rate.take(received.headers_s, self.rate_limit_per_minute)
        await strike(fault, "headers", request)
        body = await read_body(request, received, fault)
        start_s = time.monotonic() + self.think_s
        await strike(fault, "body", request)
        asked = self._understand(body, received)
        conversation = self._memory.find("conversation_id", asked.conversation_id)
        conversation.messages.append(Message("USER", transcribe(asked)))
        await strike(fault, "heard", request)
        message = Message("CLONE", self.reply_text or compose(asked), self.citations)
        conversation.messages.append(message)
        await strike(fault, "answered", request)
        reply = await make_reply(asked, conversation, message, self)
        return await self._send(request, reply, fault, start_s)

    def _understand(self, body: bytes, received: Received) -> GenerateRequest:
        fields = parse_object(body)
        received.fields = {name: value for name, value in fields.items() if name != "voice_input_stream"}
        asked = check_generate(fields)
        received.pcm, received.speech_ms = asked.pcm, len(asked.pcm) / 2 / RATE_HZ * 1_000
        if not self.prerequisites_met:
            raise Refusal(403, PREREQUISITES)
        return asked

    async def _send(
        self, request: web.Request, reply: Reply, fault: Fault | None, start_s: float
    ) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "text/event-stream" if reply.streamed else "application/json"
        response.headers.update(fault.headers if fault else {})
        if not reply.streamed:
            await asyncio.sleep(start_s - time.monotonic())
        await response.prepare(request)
        if request.transport is not None:
            # `drain` then waits until the kernel has it all, so a slow reader holds the clone up at once,
            # and what was written before a break does arrive. Not 0: asyncio's TLS would wait with nothing unsent.
            request.transport.set_write_buffer_limits(1)

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
        how = await stream.send(fault.steps(reply) if fault else reply.steps(), start_s)
        if how is not None:
            break_off(request, how)
        return response


async def _send_picture(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=await asyncio.to_thread(picture), content_type="image/png")


async def _expect_later(_request: web.Request) -> None:
    """`Expect: 100-continue` is met when the body is read, so that a refusal comes instead of it."""
