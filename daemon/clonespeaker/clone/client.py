"""The clone's HTTP API, called: one method for each endpoint that is used, errors in words.

Every request carries `x-api-key` and a `User-Agent` of our own (the CDN in front answers those of HTTP libraries
with 403). Redirects are not followed: they would carry the key elsewhere. What a server says when it refuses is
passed on in its own words, without the key, should it be among them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import aiohttp

from clonespeaker.clone.connection import Body, Request, kept_warm
from clonespeaker.clone.failures import (
    TooLarge,
    broken_off,
    from_status,
    incomplete,
    unreachable,
    unreadable,
    web_page,
)
from clonespeaker.clone.records import (
    CloneProfile,
    Conversation,
    Message,
    read_history,
    read_new_conversation,
    read_profile,
)
from clonespeaker.clone.reply import Final, Malformed, ReplyEvent, parse_event, parse_whole
from clonespeaker.clone.sse import LIMIT_BYTES, SseParser
from clonespeaker.errors import CloneError

_WHOLE_LIMIT_BYTES = 4 * LIMIT_BYTES  # a reply that is not streamed, a history; what may come without a single event
_REFUSAL_LIMIT_BYTES = 64 * 1024
_LOOK_AGAIN_S = 1.0  # whether the body of a question that was answered early is sent by now
_AFTER_FINAL_S = 0.5  # for the stream's end, so that the connection can be used again


_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for the server, in seconds.

    Attributes:
        connect_s: for DNS, TCP and TLS, each.
        upload_s: for any one piece of the request to be taken.
        event_s: from one event that says something to the next, the first included; pings don't count.
        silence_s: from one byte to the next once the reply, or such an answer, has begun.
        answer_s: for an answer to begin, of calls that are answered at once.
    """

    connect_s: float = 5.0
    upload_s: float = 15.0
    event_s: float = 60.0
    silence_s: float = 20.0
    answer_s: float = 10.0


class CloneClient:
    """The API of one server, with one key.

    Args:
        session: from `open_session`.
        base_url: scheme and host, no path.
        api_key: only to keep it out of error messages.
    """

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, *, api_key: str, patience: Patience | None = None
    ) -> None:
        self._session = session
        self.base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._patience = patience or Patience()

    async def profile(self, slug: str) -> CloneProfile:
        """Who the clone is. Raises CloneError."""
        return await self._call("GET", "/api/clone", read_profile, what="clone", params={"slug": slug})

    async def new_conversation(
        self, slug: str, *, instance_slug: str | None = None, user_email: str | None = None
    ) -> Conversation:
        """A new conversation with a clone. Raises CloneError."""
        body = {"slug": slug, "instance_slug": instance_slug, "user_email": user_email}
        made = await self._call(
            "POST",
            "/api/conversation/new",
            read_new_conversation,
            what="clone",
            json={key: value for key, value in body.items() if value is not None},
        )
        if made is None:
            raise CloneError("the server made a conversation without saying which", fault="server-error")
        return made

    async def history(
        self,
        conversation_id: str,
        *,
        include_citations: bool = False,
        newest: int | None = None,
        within_s: float | None = None,
    ) -> list[Message]:
        """What was said in a conversation, oldest first.

        Args:
            conversation_id: which one.
            include_citations: have the sources beside the lines; they may be much more than those.
            newest: at most so many lines.
            within_s: for all of it to come; None: as long as it keeps coming.

        Raises:
            ContentLost: there is this conversation, but what was said in it can't be had.
            CloneError: no answer, or it refused.
        """
        params = {"id": conversation_id, "include_citations": str(include_citations).lower()}
        read = partial(read_history, newest=newest)
        path = "/api/conversation/history"
        return await self._call("GET", path, read, what="conversation", within_s=within_s, params=params)

    async def _call(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], _Answer],
        *,
        what: str,
        within_s: float | None = None,
        **arguments: Any,
    ) -> _Answer:
        with self._without_key(), unreachable(self.base_url):
            async with asyncio.timeout(self._patience.answer_s):
                response = await self._session.request(method, self.base_url + path, allow_redirects=False, **arguments)
            async with response:
                if response.status != 200:
                    raise self._refused(response, await self._read_refusal(response), what)
                if response.content_type == "text/html":
                    raise web_page(self.base_url)
                with incomplete(self.base_url):
                    async with asyncio.timeout(within_s):
                        body = await _read(response, _WHOLE_LIMIT_BYTES, silence_s=self._patience.silence_s)
        with unreadable(self.base_url, path):
            return read(self._without_key_in(body))

    def kept_warm(self) -> AbstractAsyncContextManager[None]:
        """Meanwhile there is an open connection for the next request, where there can be one."""
        return kept_warm(self._session, self.base_url)

    async def generate(
        self, body: AsyncIterator[bytes], *, length: int | None, request: Request
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Send a request body, and give out the reply as it comes. Its last event is `Final`.

        Args:
            body: the JSON in pieces. Abandoning this generator, or cancelling its task, breaks the body off.
            length: its bytes where known; None sends it chunked.
            request: is filled in as things happen.

        Raises:
            ConnectionBroken: the connection was lost before any answer came.
            CloneError: unreachable, refused, timed out, or broken off after some events were given out.
        """
        headers = {"Content-Type": "application/json"}
        if length is not None:
            headers["Content-Length"] = str(length)
        with self._without_key(), unreachable(self.base_url):
            async with asyncio.timeout(None) as deadline:
                response = await self._session.post(
                    f"{self.base_url}/api/clone/generate_response",
                    data=Body(self._watched(body, deadline, request)),
                    headers=headers,
                    allow_redirects=False,
                    trace_request_ctx=request,
                )
                request.status = response.status
        async with response:
            if response.status != 200:
                raise self._refused(response, await self._read_refusal(response), "conversation")
            if response.content_type == "text/html":
                raise web_page(self.base_url)
            with self._without_key(), broken_off():
                if response.content_type == "application/json":
                    events = self._whole(response, request)
                else:
                    events = self._stream(response, request)
                async for event in events:
                    yield event

    async def _watched(
        self, body: AsyncIterator[bytes], deadline: asyncio.Timeout, request: Request
    ) -> AsyncIterator[bytes]:
        """`body`, moving the deadline: none while the user speaks, a short one while a piece is on its way."""
        loop = asyncio.get_running_loop()

        def allow(seconds: float | None) -> None:
            if request.status is None:  # else it has answered early, and the deadline is past
                deadline.reschedule(None if seconds is None else loop.time() + seconds)

        async for piece in body:
            allow(self._patience.upload_s)
            request.piece_at = time.monotonic()
            yield piece
            request.piece_at = None
            allow(None)
        request.body_sent_at = time.monotonic()
        allow(self._patience.event_s)

    async def _whole(self, response: aiohttp.ClientResponse, request: Request) -> AsyncIterator[ReplyEvent]:
        async with asyncio.timeout(self._patience.event_s):
            body = await _read(response, _WHOLE_LIMIT_BYTES)
        request.first_event_at = time.monotonic()
        for event in parse_whole(body):
            yield event
            if isinstance(event, Malformed):
                raise CloneError("the clone's answer can't be read", fault="reply-broken")

    async def _stream(self, response: aiohttp.ClientResponse, request: Request) -> AsyncIterator[ReplyEvent]:
        parser = SseParser()
        waited_s = 0.0  # since the last event that said something
        silent_bytes = 0  # since the last event
        told_bytes = 0  # of events
        too_large_last = False
        while True:
            begun = time.monotonic()
            chunk = await self._next_chunk(response, waited_s, request)
            if request.body_sent_at is not None:  # who still speaks waits for nothing
                waited_s += time.monotonic() - max(begun, request.body_sent_at)
            silent_bytes += len(chunk)
            events = parser.feed(chunk) if chunk else parser.close()
            if parser.passing_over or parser.growing_bytes > len(chunk):  # a long event on a slow link; no ping is one
                waited_s = 0.0
            if parser.oversized:  # told first: after the final event nothing is
                parser.oversized, too_large_last = 0, True
                yield Malformed(f"an event of more than {LIMIT_BYTES:,} bytes")
            for data in events:
                silent_bytes, too_large_last = 0, False
                told_bytes += len(data)
                if request.first_event_at is None:
                    request.first_event_at = time.monotonic()
                for event in parse_event(data):
                    if not isinstance(event, Malformed):  # events that say nothing are no better than pings
                        waited_s = 0.0
                    yield event
                    if isinstance(event, Final):
                        # Some servers end twice, with the final event and a bare [DONE]: the first counts.
                        await self._read_to_end(response)
                        return
            if silent_bytes > _WHOLE_LIMIT_BYTES + told_bytes:  # a final event may repeat all that came before
                raise CloneError("the clone's answer has no end to its events", fault="reply-broken")
            if not chunk and too_large_last and request.first_event_at is not None:
                yield Final()  # it repeats the whole sound, and that was too long to read: everything came before
                return
            if not chunk:
                raise CloneError("the clone's answer ended before it was complete", fault="reply-broken")

    async def _next_chunk(self, response: aiohttp.ClientResponse, waited_s: float, request: Request) -> bytes:
        """The next bytes of a stream, be the body sent or not. Raises TimeoutError."""
        while True:
            is_sent = request.body_sent_at is not None
            left_s = min(self._patience.silence_s, self._patience.event_s - waited_s) if is_sent else _LOOK_AGAIN_S
            try:
                async with asyncio.timeout(left_s):
                    return await response.content.readany()
            except TimeoutError:  # it answered early: the user may still speak, or the body be stuck
                piece_at = request.piece_at
                if is_sent or (piece_at is not None and time.monotonic() - piece_at > self._patience.upload_s):
                    raise

    async def _read_to_end(self, response: aiohttp.ClientResponse) -> None:
        """So that the connection can be used again."""
        with contextlib.suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(_AFTER_FINAL_S):
                while await response.content.readany():
                    pass

    async def _read_refusal(self, response: aiohttp.ClientResponse) -> bytes:
        """The server's words about a refusal; none where they don't come soon and whole."""
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, TooLarge):
            async with asyncio.timeout(self._patience.answer_s):
                return await _read(response, _REFUSAL_LIMIT_BYTES)
        return b""

    def _refused(self, response: aiohttp.ClientResponse, body: bytes, what: str) -> CloneError:
        error = from_status(
            response.status,
            headers=response.headers,
            body=self._without_key_in(body),  # before it is cut short
            what=what,
            base_url=self.base_url,
        )
        return self._hide_key(error)

    def _without_key_in(self, body: bytes) -> bytes:
        return body.replace(self._api_key.encode(), b"***") if self._api_key else body

    @contextlib.contextmanager
    def _without_key(self) -> Iterator[None]:
        """Keep the key out of errors, should the server have sent it back."""
        try:
            yield
        except CloneError as error:
            self._hide_key(error)
            raise

    def _hide_key(self, error: CloneError) -> CloneError:
        if self._api_key:
            error.args = tuple(str(arg).replace(self._api_key, "***") for arg in error.args)
            error.detail = error.detail.replace(self._api_key, "***")
        return error


async def _read(response: aiohttp.ClientResponse, most_bytes: int, *, silence_s: float | None = None) -> bytes:
    """A whole body. Raises TooLarge as soon as it is, and TimeoutError where nothing comes for so long."""
    body = bytearray()
    while True:
        async with asyncio.timeout(silence_s):
            chunk = await response.content.readany()
        if not chunk:
            return bytes(body)
        body += chunk
        if len(body) > most_bytes:
            raise TooLarge(f"more than {most_bytes:,} bytes")
