"""The client against the simulated clone, and against servers that do what no clone should."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from clonespeaker import __version__
from clonespeaker.clone import client as client_module
from clonespeaker.clone.client import CloneClient, Patience
from clonespeaker.clone.connection import Request
from clonespeaker.clone.failures import ConnectionBroken, ContentLost
from clonespeaker.clone.reply import Final, Malformed, ReplyEvent, Snippet, Token
from clonespeaker.clone.sse import SseParser
from clonespeaker.clone.upload import exact_body
from clonespeaker.errors import EXIT_FAILED, EXIT_REFUSED, EXIT_UNREACHABLE, CloneError
from clonespeaker.simulate.server import SimulatedClone
from tests.peers import IMPATIENT, KEY, Peer, connected, serving, until

PCM = b"\x01\x00\xff\x7f" * 1_000
AGENT = f"clonespeaker/{__version__}"


@pytest.fixture
async def clone() -> AsyncIterator[SimulatedClone]:
    clone = SimulatedClone(think_s=0, voice="echo", snippet_ms=5, rate_limit_per_minute=None)
    yield clone
    await clone.stop()


@pytest.fixture
async def client(clone: SimulatedClone) -> AsyncIterator[CloneClient]:
    async with connected(await clone.start()) as client:
        yield client


async def new_id(client: CloneClient) -> str:
    return (await client.new_conversation("my-clone")).conversation_id


def body_of(conversation_id: str, **fields: Any) -> bytes:
    return json.dumps({"conversation_id": conversation_id, "response_type": "voice", "stream": True, **fields}).encode()


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def generate(
    client: CloneClient,
    body: bytes,
    *,
    live: bool = False,
    request: Request | None = None,
    got: list[ReplyEvent] | None = None,
) -> list[ReplyEvent]:
    """One request, its whole reply; `got` has what came of one that breaks off."""
    got = [] if got is None else got
    length = None if live else len(body)
    events = client.generate(pieces(body), length=length, request=request or Request())
    async with aclosing(events):
        async for event in events:
            got.append(event)
    return got


async def ask(client: CloneClient, **fields: Any) -> list[ReplyEvent]:
    return await generate(client, body_of(await new_id(client), **fields))


def sound(events: list[ReplyEvent]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Snippet))


def texts(error: BaseException) -> str:
    """Everything that anybody may print of an error."""
    parts = []
    seen: BaseException | None = error
    while seen is not None:
        parts += [str(seen), repr(seen)] if seen is error else []
        seen = seen.__cause__
    return " ".join(
        [*parts, repr(getattr(error, "detail", "")), repr(error.args), repr(getattr(error, "__dict__", ""))]
    )


# The endpoints


@pytest.mark.parametrize("name", ["new_conversation", "new"])
async def test_a_new_conversation_has_either_name(client: CloneClient, clone: SimulatedClone, name: Any) -> None:
    clone.new_field = name
    made = await client.new_conversation("my-clone", instance_slug="desk", user_email="eve@example.org")
    assert [(message.sender, message.text) for message in made.messages or []] == [("CLONE", clone.greeting)]
    assert (await client.history(made.conversation_id))[0].text == clone.greeting


async def test_a_conversation_without_an_id_is_none() -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.answer("200 OK", b'{"conversation_type": "anonymous"}')

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(CloneError, match="without saying which"):
            await client.new_conversation("my-clone")


async def test_history_with_and_without_citations(client: CloneClient, clone: SimulatedClone) -> None:
    clone.citations = [{"url": "https://example.org", "title": "A", "text": "B", "type": "web"}]
    conversation = await new_id(client)
    await generate(client, body_of(conversation, user_message="Hello", response_type="text"))
    plain, cited = [await client.history(conversation, include_citations=cites) for cites in (False, True)]
    assert [(message.sender, message.text) for message in plain] == [
        ("CLONE", clone.greeting),
        ("USER", "Hello"),
        ("CLONE", "You wrote: Hello"),
    ]
    assert not plain[-1].citations
    assert [citation.url for citation in cited[-1].citations or ()] == ["https://example.org"]


async def test_profile(client: CloneClient) -> None:
    profile = await client.profile("my-clone")
    assert (profile.slug, profile.name) == ("my-clone", "Simulated Clone")


async def test_every_request_bears_our_own_agent_and_the_key() -> None:
    heads = []

    async def talk(peer: Peer) -> None:
        while True:
            heads.append((await peer.request()).decode().lower())
            await peer.answer("404 Not Found")

    async with serving(talk) as server, connected(server.url) as client:
        for call in (client.profile("x"), client.new_conversation("x"), client.history("x"), generate(client, b"{}")):
            with pytest.raises(CloneError):
                await call
    assert len(heads) == 4
    for head in heads:
        assert f"user-agent: {AGENT}".lower() in head
        assert f"x-api-key: {KEY}" in head
        assert "aiohttp" not in head


async def test_a_base_url_may_end_in_a_slash(clone: SimulatedClone) -> None:
    async with connected(await clone.start() + "/") as client:
        assert (await client.profile("my-clone")).slug == "my-clone"


# Replies


async def test_voice_in_voice_out(client: CloneClient, clone: SimulatedClone) -> None:
    clone.image_url = "https://example.org/picture.png"
    clone.citations = [{"url": "https://example.org", "title": "A", "text": "B", "type": "web"}]
    request = Request()
    fields = {"conversation_id": await new_id(client), "response_type": "voice", "stream": True}
    *snippets, final = await generate(client, b"".join(exact_body(fields, PCM)[0]), request=request)
    assert sound(snippets) == PCM
    assert isinstance(final, Final)
    assert final.text == "I heard you for 0.0 seconds."
    assert final.image_url == "https://example.org/picture.png"
    assert [citation.title for citation in final.citations] == ["A"]
    assert request.status == 200
    assert request.connected_at is not None
    assert request.body_sent_at is not None
    assert request.first_event_at is not None
    assert request.connected_at <= request.body_sent_at <= request.first_event_at


async def test_text_comes_token_by_token(client: CloneClient) -> None:
    *tokens, final = await ask(client, user_message="one two", response_type="text")
    assert [token.text for token in tokens if isinstance(token, Token)] == ["You ", "wrote: ", "one ", "two"]
    assert isinstance(final, Final)
    assert final.text == "You wrote: one two"


@pytest.mark.parametrize("response_type", ["voice", "text"])
async def test_a_reply_that_is_not_streamed(client: CloneClient, clone: SimulatedClone, response_type: str) -> None:
    clone.tone_s = 0.1
    request = Request()
    body = body_of(await new_id(client), user_message="Hi", response_type=response_type, stream=False)
    *snippets, final = await generate(client, body, request=request)
    assert isinstance(final, Final)
    assert final.text == "You wrote: Hi"
    assert len(sound(snippets)) == (8_820 if response_type == "voice" else 0)
    assert request.first_event_at is not None


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("done_form", ["event", "bare"])
async def test_cut_into_single_bytes(client: CloneClient, clone: SimulatedClone, line_end: str, done_form: Any) -> None:
    clone.cut_bytes, clone.line_end, clone.done_form = 1, line_end, done_form
    fields = {"conversation_id": await new_id(client), "response_type": "voice", "stream": True}
    *snippets, final = await generate(client, b"".join(exact_body(fields, PCM[:400])[0]))
    assert sound(snippets) == PCM[:400]
    assert isinstance(final, Final)


@pytest.mark.parametrize("fault", ["duplicate-final", "no-done"])
async def test_there_is_one_final_event(client: CloneClient, clone: SimulatedClone, fault: str) -> None:
    clone.fault = fault
    events = await ask(client, user_message="Hi")
    assert [isinstance(event, Final) for event in events].count(True) == 1
    assert isinstance(events[-1], Final)


async def test_a_bare_done_is_an_end() -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.begin_stream()
        await peer.event(current_token="Hi")
        await peer.send(b"data: [DONE]\n\n")

    async with serving(talk) as server, connected(server.url) as client:
        assert await generate(client, b"{}") == [Token("Hi"), Final()]


async def test_what_comes_after_the_final_event_holds_nobody_up() -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.begin_stream()
        await peer.event(current_token="[DONE]", clone_response={"text": "Hi"})
        await peer.reader.read()  # and never ends

    async with serving(talk) as server, connected(server.url) as client:
        async with asyncio.timeout(30):
            assert await generate(client, b"{}") == [Final("Hi")]


@pytest.mark.parametrize(("fault", "malformed", "good"), [("malformed", 11, 11), ("bad-base64", 5, 6)])
async def test_malformed_events_are_given_out_as_such(
    client: CloneClient, clone: SimulatedClone, fault: str, malformed: int, good: int
) -> None:
    clone.fault, clone.tone_s = fault, 0.05
    *events, final = await ask(client, user_message="Hi")
    kinds = [type(event) for event in events]
    assert (kinds.count(Malformed), kinds.count(Snippet)) == (malformed, good)
    assert isinstance(final, Final)


async def test_an_oversized_event_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "SseParser", lambda: SseParser(limit_bytes=200))

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.begin_stream()
        await peer.event(audio_chunk=base64.b64encode(bytes(1_000)).decode())
        await peer.event(current_token="Hi")
        await peer.event(current_token="[DONE]", clone_response={"text": "Hi"})

    async with serving(talk) as server, connected(server.url) as client:
        malformed, token, final = await generate(client, b"{}")
    assert isinstance(malformed, Malformed)
    assert (token, final) == (Token("Hi"), Final("Hi"))


@pytest.mark.parametrize(("repeated", "fault"), [(2_000, None), (9_000, "reply-broken")])
async def test_a_final_event_may_repeat_what_came_before_and_no_more(
    monkeypatch: pytest.MonkeyPatch, repeated: int, fault: str | None
) -> None:
    monkeypatch.setattr(client_module, "SseParser", lambda: SseParser(limit_bytes=700))
    monkeypatch.setattr(client_module, "_WHOLE_LIMIT_BYTES", 1_000)
    piece = base64.b64encode(bytes(400)).decode()

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.begin_stream()
        for _ in range(5):
            await peer.event(audio_chunk=piece)
        sound = "A" * repeated
        await peer.send(b'data: {"clone_response": {"text": "Hi", "audio": "')
        for at in range(0, repeated, 500):
            await peer.send(sound[at : at + 500].encode())
            await asyncio.sleep(0.01)
        await peer.send(b'"}}\n\n')

    async with serving(talk) as server, connected(server.url) as client:
        events: list[ReplyEvent] = []
        if fault is None:
            await generate(client, b"{}", got=events)
            assert events.pop() == Final()
        else:
            with pytest.raises(CloneError) as broken:
                await generate(client, b"{}", got=events)
            assert broken.value.fault == fault
    assert [type(event) for event in events[:5]] == [Snippet] * 5


async def test_a_long_event_on_a_slow_link_is_no_silence() -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.begin_stream()
        await peer.send(b'data: {"clone_response": {"text": "Hi", "audio": "')
        for _ in range(12):
            await peer.send(b"A" * 400)
            await asyncio.sleep(0.2)  # three times IMPATIENT's patience with an event, all in all
        await peer.send(b'"}}\n\n')

    async with serving(talk) as server, connected(server.url, patience=IMPATIENT) as client:
        *_, final = await generate(client, b"{}")
    assert final == Final("Hi")


# Bodies


@pytest.mark.parametrize("live", [False, True])
async def test_a_body_has_its_length_or_is_chunked(client: CloneClient, clone: SimulatedClone, live: bool) -> None:
    body = body_of(await new_id(client), user_message="Hi", response_type="text")
    await generate(client, body, live=live)
    (received,) = clone.received
    assert received.live is live
    assert received.headers.get("transfer-encoding") == ("chunked" if live else None)
    assert received.headers.get("content-length") == (None if live else str(len(body)))
    assert received.headers["content-type"] == "application/json"


async def test_connections_are_used_again() -> None:
    async def talk(peer: Peer) -> None:
        while True:
            await peer.request()
            event = b'data: {"current_token": "[DONE]", "clone_response": {"text": "Hi"}}\n\n'
            await peer.answer("200 OK", event, Content_Type="text/event-stream")

    async with serving(talk) as server, connected(server.url) as client:
        for _ in range(3):
            request = Request()
            await generate(client, b"{}", live=True, request=request)
            assert request.connected_at is not None
        assert server.connections == 1


async def test_connections_of_a_chunked_reply_are_used_again(client: CloneClient) -> None:
    conversation = await new_id(client)
    times = []
    for _ in range(2):
        request = Request()
        await generate(client, body_of(conversation, user_message="Hi"), request=request)
        assert request.connected_at is not None
        times.append(request.connected_at)
    assert times[0] < times[1]


async def test_a_refusal_comes_while_the_body_still_flows() -> None:
    """And neither waits for the speaker to finish, nor breaks the session."""
    spoken = asyncio.Event()

    async def talk(peer: Peer) -> None:
        await peer.head()
        await peer.answer("413 Too Large", b'{"detail": "too large"}', Content_Type="application/json")
        await peer.reader.read()

    async def endless() -> AsyncIterator[bytes]:
        yield b'{"voice_input_stream":"'
        while not spoken.is_set():
            yield b"AAAA"
            await asyncio.sleep(0.01)

    async with serving(talk) as server, connected(server.url) as client:
        for _ in range(2):
            async with asyncio.timeout(30):
                with pytest.raises(CloneError, match="too large") as refused:
                    async for _ in client.generate(endless(), length=None, request=Request()):
                        pass
            assert refused.value.status == 413
    assert not spoken.is_set()


async def test_an_early_refusal_leaves_the_session_usable(client: CloneClient, clone: SimulatedClone) -> None:
    conversation = await new_id(client)
    clone.fault_once("refuse-live")
    with pytest.raises(CloneError) as refused:
        await generate(client, body_of(conversation, user_message="Hi"), live=True)
    assert refused.value.status == 411
    assert isinstance((await generate(client, body_of(conversation, user_message="Hi"), live=True))[-1], Final)


async def test_a_reply_may_begin_while_the_user_still_speaks() -> None:
    heard = asyncio.Event()

    async def talk(peer: Peer) -> None:
        await peer.head()
        await peer.begin_stream()
        await peer.event(current_token="Yes?")
        await peer.reader.readuntil(b"0\r\n\r\n")
        await peer.event(current_token="[DONE]", clone_response={"text": "Yes?"})

    async def speech() -> AsyncIterator[bytes]:
        yield b"{"
        await heard.wait()
        yield b"}"

    async with serving(talk) as server, connected(server.url, patience=IMPATIENT) as client:
        events = client.generate(speech(), length=None, request=Request())
        async with aclosing(events):
            assert await anext(events) == Token("Yes?")
            await asyncio.sleep(2 * IMPATIENT.event_s)  # who still speaks waits for nothing
            heard.set()
            assert [event async for event in events] == [Final("Yes?")]


async def test_giving_up_breaks_the_body_off(client: CloneClient, clone: SimulatedClone) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b'{"voice_input_stream":"'
        begun.set()
        await asyncio.Event().wait()

    async def talk() -> None:
        async for _ in client.generate(endless(), length=None, request=Request()):
            pass

    task = asyncio.create_task(talk())
    await begun.wait()
    await until(lambda: clone.received and clone.received[0].first_byte_s)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await client.profile("my-clone")).slug == "my-clone"  # another round trip: the break has arrived
    (received,) = clone.received
    assert not received.complete


async def test_giving_up_breaks_the_connection() -> None:
    ends = []

    async def talk(peer: Peer) -> None:
        await peer.head()
        ends.append(await peer.reader.read())

    async def endless() -> AsyncIterator[bytes]:
        yield b'{"voice'
        await asyncio.Event().wait()

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await anext(client.generate(endless(), length=None, request=Request()))
        await until(lambda: ends)
    assert b"0\r\n\r\n" not in ends[0]


# Refusals, in words


REFUSALS = [
    ("401 Unauthorized", b'{"detail": "Invalid API key"}', "refused", False, "Check the key", EXIT_REFUSED),
    (
        "403 Forbidden",
        b"<html><h1>403</h1>error code: 1010</html>",
        "refused",
        False,
        "may not be active",
        EXIT_REFUSED,
    ),
    (
        "403 Forbidden",
        b'{"detail": "the clone needs a purpose, a description and at least one document before it can answer"}',
        "prerequisites",
        False,
        "a purpose, a description and at least one document",
        EXIT_REFUSED,
    ),
    ("403 Forbidden", b'{"detail": "This API key is not active"}', "refused", False, "is not active", EXIT_REFUSED),
    ("404 Not Found", b'{"detail": "Conversation not found"}', "no-conversation", False, "not found", EXIT_FAILED),
    ("409 Conflict", b'{"detail": "in progress"}', "busy", True, "in progress", EXIT_FAILED),
    (
        "422 Unprocessable",
        b'{"detail": [{"loc": ["body", "stream"], "msg": "must be a boolean", "type": "x"}]}',
        "rejected",
        False,
        "body.stream must be a boolean",
        EXIT_FAILED,
    ),
    ("429 Too Many", b'{"detail": "Rate limit exceeded"}', "busy", True, "too many requests", EXIT_FAILED),
    ("500 Error", b'{"error": "Boom"}', "server-error", True, "Boom", EXIT_FAILED),
    ("502 Bad Gateway", b"<html>502</html>", "server-error", True, r"trouble \(502\)$", EXIT_FAILED),
    ("503 Unavailable", b"", "server-error", True, r"trouble \(503\)$", EXIT_FAILED),
    ("501 Not Implemented", b"", "server-error", False, r"\(501\)", EXIT_FAILED),
]


@pytest.mark.parametrize(("status", "body", "fault", "retryable", "words", "exit_code"), REFUSALS)
async def test_refusals(status: str, body: bytes, fault: str, retryable: bool, words: str, exit_code: int) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.answer(status, body, Retry_After="7")

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(CloneError, match=words) as refused:
            await generate(client, b"{}")
    error = refused.value
    assert (error.fault, error.retryable, error.status) == (fault, retryable, int(status[:3]))
    assert (error.retry_after_s, error.exit_code) == (7.0, exit_code)
    assert "<h" not in str(error)


async def test_the_simulated_clone_refuses_in_its_own_words(client: CloneClient, clone: SimulatedClone) -> None:
    conversation = await new_id(client)
    with pytest.raises(CloneError, match="There is no clone") as no_clone:
        await client.new_conversation("nobody")
    with pytest.raises(CloneError, match="There is no clone"):
        await client.profile("nobody")
    with pytest.raises(CloneError, match="Conversation not found") as no_conversation:
        await client.history(str(uuid4()))
    with pytest.raises(CloneError, match="not a uuid") as rejected:
        await client.history("xyz")
    assert (no_clone.value.fault, no_conversation.value.fault) == ("no-clone", "no-conversation")
    assert rejected.value.fault == "rejected"
    clone.prerequisites_met = False
    with pytest.raises(CloneError, match="a purpose, a description and at least one document") as unready:
        await generate(client, body_of(conversation, user_message="Hi"))
    assert unready.value.fault == "prerequisites"
    async with connected(client.base_url, key="dsk-other") as stranger:
        with pytest.raises(CloneError, match="Invalid API key") as refused:
            await stranger.profile("my-clone")
    assert refused.value.exit_code == EXIT_REFUSED


async def test_a_refusal_whose_words_never_come_is_told_without() -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b'HTTP/1.1 500 Error\r\nContent-Length: 100\r\n\r\n{"detail":')
        await peer.reader.read()

    async with serving(talk) as server, connected(server.url, patience=IMPATIENT) as client:
        with pytest.raises(CloneError, match=r"\(500\)$"):
            await generate(client, b"{}")


# Nobody there, or nobody who answers


async def test_connection_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with connected(f"http://127.0.0.1:{port}") as client:
        for call in (client.profile("x"), generate(client, b"{}")):
            with pytest.raises(CloneError, match="can't connect") as unreachable:
                await call
            error = unreachable.value
            assert (error.fault, error.retryable, error.exit_code) == ("offline", True, EXIT_UNREACHABLE)
            assert not isinstance(error, ConnectionBroken)


async def test_a_server_that_never_answers() -> None:
    async def talk(peer: Peer) -> None:
        await peer.reader.read()

    async with serving(talk) as server, connected(server.url, patience=IMPATIENT) as client:
        for call in (client.profile("x"), generate(client, b"{}"), generate(client, b"{}", live=True)):
            async with asyncio.timeout(30):
                with pytest.raises(CloneError, match="took too long") as slow:
                    await call
            assert (slow.value.fault, slow.value.retryable) == ("offline", True)


async def test_a_server_that_takes_nothing() -> None:
    async def talk(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async def much() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1_000_000)

    patience = Patience(upload_s=0.2)
    async with serving(talk) as server, connected(server.url, patience=patience) as client:
        async with asyncio.timeout(30):
            with pytest.raises(CloneError, match="took too long"):
                await anext(client.generate(much(), length=None, request=Request()))


async def test_while_the_user_speaks_nobody_is_impatient() -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.begin_stream()
        await peer.event(current_token="[DONE]", clone_response={"text": "Hi"})

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(3 * IMPATIENT.event_s)
        yield b"}"

    async with serving(talk) as server, connected(server.url, patience=IMPATIENT) as client:
        events = client.generate(slowly(), length=None, request=Request())
        async with aclosing(events):
            assert [event async for event in events] == [Final("Hi")]


@pytest.mark.parametrize("reset", [False, True])
async def test_a_connection_that_is_lost_before_an_answer(
    client: CloneClient, clone: SimulatedClone, reset: bool
) -> None:
    conversation = await new_id(client)
    clone.fault = "reset" if reset else None
    if reset:
        request = Request()
        with pytest.raises(ConnectionBroken):
            await generate(client, body_of(conversation, user_message="Hi"), request=request)
        assert request.body_sent_at is not None
        assert request.status is None
        return

    async def talk(peer: Peer) -> None:
        await peer.request()

    async with serving(talk) as server, connected(server.url) as other:
        with pytest.raises(ConnectionBroken) as broken:
            await generate(other, b"{}")
        assert (broken.value.fault, broken.value.retryable) == ("offline", True)


async def test_not_http() -> None:
    async def talk(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(CloneError, match="not HTTP") as other:
            await client.profile("x")
        assert other.value.fault == "server-error"


# Replies that don't end well


async def test_silence_in_the_stream(clone: SimulatedClone) -> None:
    clone.fault, clone.tone_s = "stall", 0.05
    got: list[ReplyEvent] = []
    async with connected(await clone.start(), patience=IMPATIENT) as client:
        body = body_of(await new_id(client), user_message="Hi")
        with pytest.raises(CloneError, match="stopped answering") as stalled:
            await generate(client, body, got=got)
    assert len(got) == 5
    assert (stalled.value.fault, stalled.value.retryable) == ("reply-broken", False)


async def test_pings_are_life() -> None:
    patience = Patience(silence_s=1.0, event_s=60)

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.begin_stream()
        for _ in range(15):
            await peer.send(b": ping\n\n")
            await asyncio.sleep(0.1)
        await peer.event(current_token="[DONE]", clone_response={"text": "Hi"})

    async with serving(talk) as server, connected(server.url, patience=patience) as client:
        assert await generate(client, b"{}") == [Final("Hi")]


async def test_but_pings_only_are_not_for_ever(clone: SimulatedClone) -> None:
    clone.fault = "pings-only"
    async with connected(await clone.start(), patience=Patience(silence_s=5, event_s=0.3)) as client:
        body = body_of(await new_id(client), user_message="Hi")
        async with asyncio.timeout(30):
            with pytest.raises(CloneError, match="stopped") as silent:
                await generate(client, body)
    assert silent.value.fault == "reply-broken"


async def test_no_end_to_what_is_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_WHOLE_LIMIT_BYTES", 10_000)

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.begin_stream()
        while True:
            await peer.send(b": " + bytes(1_000) + b"\n")

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(CloneError, match="no end"):
            await generate(client, b"{}")


async def test_a_refusal_in_two_packets() -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 29\r\n\r\n" + b'{"detail": "there ')
        await peer.writer.drain()
        await asyncio.sleep(0.05)
        peer.writer.write(b'is no Ada"}')

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(CloneError, match="there is no Ada"):
            await generate(client, b"{}")


async def test_no_end_to_a_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_WHOLE_LIMIT_BYTES", 10_000)

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.answer("200 OK", b'{"history": ["' + bytes(20_000), Content_Type="application/json")

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(CloneError, match="too large") as caught:
            await client.history("5f0c")
    assert caught.value.fault == "server-error"


async def test_a_history_that_comes_slowly_comes() -> None:
    patience = Patience(answer_s=0.8, silence_s=10.0)
    history = json.dumps({"history": [{"text": "Hi", "sender": "USER"}]}).encode()

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(history)}\r\n\r\n".encode())
        for byte in history:
            await asyncio.sleep(1.5 * patience.answer_s / len(history))
            await peer.send(bytes([byte]))

    async with serving(talk) as server, connected(server.url, patience=patience) as client:
        assert [message.text for message in await client.history("5f0c")] == ["Hi"]


@pytest.mark.parametrize("sends", [b"", b" "], ids=["nothing more comes", "it drips"])
async def test_a_history_that_does_not_come(sends: bytes) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await peer.send(sends)
            await asyncio.sleep(0.05)

    async with serving(talk) as server, connected(server.url, patience=IMPATIENT) as client:
        async with asyncio.timeout(20):
            with pytest.raises(ContentLost, match="too long to answer") as lost:
                await client.history("5f0c", within_s=0.4 if sends else None)
    assert (lost.value.fault, lost.value.retryable) == ("offline", True)


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("call", [CloneClient.new_conversation, CloneClient.history, CloneClient.profile])
async def test_a_connection_that_breaks_off_in_the_middle_of_an_answer(call: Any, resets: bool) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"history": [')
        if resets:
            opened = peer.writer.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.writer.transport.abort()

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(CloneError, match="broke off") as broken:
            await call(client, "x")
    assert (broken.value.fault, broken.value.retryable) == ("offline", True)


async def test_no_end_to_a_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_WHOLE_LIMIT_BYTES", 10_000)

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.answer("200 OK", b'{"x": "' + bytes(20_000), Content_Type="application/json")

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(CloneError, match="too large"):
            await generate(client, b"{}")


@pytest.mark.parametrize("fault", ["cut", "end-early", "random-events"])
async def test_an_end_before_the_end(client: CloneClient, clone: SimulatedClone, fault: str) -> None:
    clone.fault = fault
    with pytest.raises(CloneError) as broken:
        await ask(client, user_message="Hi")
    assert (broken.value.fault, broken.value.retryable) == ("reply-broken", False)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"clone_response": null}', b'{"detail": "ok"}', b"\xff", b'{"clone_response": 7}']
)
async def test_a_whole_answer_that_is_not_the_apis(body: bytes) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.answer("200 OK", body, Content_Type="application/json")

    async with serving(talk) as server, connected(server.url) as client:
        with pytest.raises(CloneError) as broken:
            await generate(client, b"{}")
    assert broken.value.fault == "reply-broken"


@pytest.mark.parametrize("body", [b"[]", b'{"clones": {}}', b"\xff\xfe", b""])
async def test_an_answer_that_is_not_the_apis(body: bytes) -> None:
    async def talk(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.answer("200 OK", body, Content_Type="text/plain")

    async with serving(talk) as server, connected(server.url) as client:
        for call in (client.profile, client.history):
            with pytest.raises(CloneError, match=r"is http://127.*the clone's API") as strange:
                await call("x")
            assert strange.value.fault == "server-error"
        with pytest.raises(CloneError) as broken:
            await generate(client, b"{}")
        assert broken.value.fault == "reply-broken"


async def test_a_network_that_wants_a_login() -> None:
    async def talk(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.answer("200 OK", b"<html>Sign in to the hotel's network</html>", Content_Type="text/html")

    async with serving(talk) as server, connected(server.url) as client:
        for call in (partial(client.profile, "x"), partial(client.history, "x"), partial(generate, client, b"{}")):
            with pytest.raises(CloneError, match="may want a login") as strange:
                await call()
            assert (strange.value.fault, strange.value.retryable) == ("offline", True)


@pytest.mark.parametrize("event", [b"data: {}\n\n", b"data: nonsense\n\n"])
async def test_events_that_say_nothing_are_no_better_than_pings(event: bytes) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.begin_stream()
        while True:
            await peer.send(event)
            await asyncio.sleep(0.01)

    async with serving(talk) as server, connected(server.url, patience=IMPATIENT) as client:
        async with asyncio.timeout(30):
            with pytest.raises(CloneError, match="stopped answering") as broken:
                await generate(client, b"{}")
    assert broken.value.fault == "reply-broken"


@pytest.mark.parametrize("reads", [True, False], ids=["silent", "stuck"])
async def test_a_server_that_answers_early_and_then_no_more(reads: bool) -> None:
    """Its headers come before the body is complete, as some proxies do it."""

    async def talk(peer: Peer) -> None:
        await peer.head()
        await peer.begin_stream()
        while reads and await peer.reader.read(65_536):
            pass
        await asyncio.sleep(60)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 200_000
            await asyncio.sleep(0.01)

    async with serving(talk) as server, connected(server.url, patience=IMPATIENT) as client:
        async with asyncio.timeout(30):
            with pytest.raises(CloneError, match="stopped answering"):
                async for _ in client.generate(body(), length=None, request=Request()):
                    pass
