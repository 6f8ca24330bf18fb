"""How a fault strikes a request, and how answers go out."""

from __future__ import annotations

import asyncio
import socket
import struct
import time

from aiohttp import web

from clonespeaker.simulate.faults import Answer, Fault, Point, detail
from clonespeaker.simulate.received import Received
from clonespeaker.simulate.reply import Break, Wait
from clonespeaker.simulate.request import Refusal

MOST_BODY_BYTES = 12_000_000
"""60 s of speech are 7.1 MB of base64."""


class Struck(Exception):
    """A fault has put something in the reply's place."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__()
        self.response = response


async def strike(fault: Fault | None, point: Point, request: web.Request) -> None:
    """Let a fault do what it does at this point of the request.

    Raises:
        Struck: nothing else is to be answered.
    """
    if fault is None or fault.point != point:
        return
    match fault.effect():
        case Answer() as answer:
            raise Struck(respond(answer))
        case Break() as how:
            break_off(request, how)
            raise Struck(web.Response())  # to nobody
        case Wait(duration_s):
            await asyncio.sleep(duration_s)


async def read_body(request: web.Request, received: Received, fault: Fault | None) -> bytes:
    """The request's whole body.

    Raises:
        Refusal: it is too long.
        Struck: a fault came between.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    strikes_at: float | None = fault.at if fault is not None and fault.point == "upload" else None
    body = bytearray()
    while True:
        if strikes_at is not None and len(body) >= strikes_at:
            await _strike_upload(fault, request)
            strikes_at = None
        chunk = await request.content.readany()
        if not chunk:
            break
        received.last_byte_s = time.monotonic()
        received.first_byte_s = received.first_byte_s or received.last_byte_s
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise Refusal(413, f"the body is longer than {MOST_BODY_BYTES} bytes")
    if strikes_at is not None:
        await _strike_upload(fault, request)
    received.complete = True
    return bytes(body)


async def _strike_upload(fault: Fault | None, request: web.Request) -> None:
    # Paused, so that the client can send no more than what the kernels between take.
    if request.transport is not None:
        request.transport.pause_reading()
    await strike(fault, "upload", request)
    if request.transport is not None:
        request.transport.resume_reading()


def break_off(request: web.Request, how: Break) -> None:
    """Make the connection go away."""
    transport = request.transport
    if transport is None:  # the client was quicker
        return
    if how is Break.RESET:
        # Closing with a linger time of 0 sends RST where it would send FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def respond(answer: Answer) -> web.Response:
    """An answer as HTTP."""
    return web.Response(
        status=answer.status, body=answer.body, content_type=answer.content_type, headers=answer.headers
    )


def refuse(error: Refusal) -> web.Response:
    """A refusal as HTTP."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return respond(detail(error.status, error.detail, headers))
