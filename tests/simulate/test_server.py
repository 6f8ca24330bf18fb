from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import numpy as np
import pytest
from yarl import URL

from clonespeaker.audio import wav
from clonespeaker.errors import ClonespeakerError
from clonespeaker.simulate.reply import DoneForm
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.simulate.strike import MOST_BODY_BYTES
from clonespeaker.simulate.voice import Encoding
from tests.simulate.conversing import (
    GENERATE,
    HEADERS,
    PCM,
    Conversing,
    audio,
    live,
    parse_events,
    voice_base64,
)

CITATION = {"url": "https://example.org", "title": "A page", "text": "…", "type": "web"}
JSON = {"Content-Type": "application/json"}


# A whole turn


@pytest.mark.parametrize("is_live", [False, True])
async def test_voice_in_streamed_voice_out(clone: SimulatedClone, talk: Conversing, *, is_live: bool) -> None:
    clone.citations, clone.image_url, clone.reply_text = [CITATION], "https://example.org/a.jpg", "Yes."
    response = await (talk.generate_live() if is_live else talk.generate())
    events = parse_events(await response.read())
    assert (response.status, response.content_type) == (200, "text/event-stream")
    assert audio(events) == PCM
    assert all(event["clone_response"] is None for event in events[:-1])
    final = events[-1]
    assert final["current_token"] == "[DONE]"
    assert final["clone_response"].pop("id")
    assert final["clone_response"].pop("created_at").endswith("+00:00")
    assert final["clone_response"] == {
        "conversation_id": talk.conversation_id,
        "transcript": "Yes.",
        "citations": [CITATION],
        "image_url": "https://example.org/a.jpg",
    }
    (received,) = clone.received
    assert (received.live, received.complete, received.pcm) == (is_live, True, PCM)
    assert received.fields == {
        "conversation_id": talk.conversation_id,
        "response_type": "voice",
        "stream": True,
    }
    assert "x-api-key" not in received.headers
    assert received.headers["user-agent"] == HEADERS["User-Agent"]


async def test_text_streamed_word_by_word(clone: SimulatedClone, talk: Conversing) -> None:
    events = await talk.ask(user_message="Grüß dich, wie geht's?", response_type="text")
    words = [event["current_token"] for event in events[:-1]]
    assert words == ["You ", "wrote: ", "Grüß ", "dich, ", "wie ", "geht's?"]
    assert events[-1]["clone_response"]["text"] == "".join(words)


async def test_text_in_one_piece(talk: Conversing) -> None:
    response = await talk.generate(user_message="Hello", response_type="text", stream=False)
    assert response.content_type == "application/json"
    assert (await response.json())["clone_response"]["text"] == "You wrote: Hello"


@pytest.mark.parametrize("encoding", ["raw", "wav-first", "wav-each"])
async def test_voice_in_one_piece(clone: SimulatedClone, talk: Conversing, encoding: Encoding) -> None:
    clone.encoding = encoding
    reply = (await (await talk.generate(stream=False)).json())["clone_response"]
    assert reply["transcript"] == "I heard you for 0.0 seconds."
    sound = base64.b64decode(reply["audio"])
    assert sound == PCM if encoding == "raw" else np.array_equal(wav.read(sound)[0], np.frombuffer(PCM, "<i2"))


@pytest.mark.parametrize(("done_form", "last"), [("event", dict), ("bare", str)])
async def test_the_two_forms_of_done(clone: SimulatedClone, talk: Conversing, done_form: DoneForm, last: type) -> None:
    clone.done_form = done_form
    events = await talk.ask(response_type="text")
    assert isinstance(events[-1], last)
    assert [event["current_token"] for event in events if event != "[DONE]"][-1] == "[DONE]"


async def test_samples_cut_in_two_and_a_stream_cut_everywhere(clone: SimulatedClone, talk: Conversing) -> None:
    clone.snippet_bytes, clone.cut_bytes, clone.line_end = 333, 1, "\r"
    response = await talk.generate()
    events = parse_events(await response.read(), b"\r")
    assert {len(base64.b64decode(event["audio_chunk"])) for event in events[:-2]} == {333}
    assert audio(events) == PCM


async def test_it_thinks_and_pings_meanwhile(clone: SimulatedClone, talk: Conversing) -> None:
    clone.think_s, clone.ping_every_s = 0.6, 0.01
    response = await talk.generate()
    stream = await response.read()
    assert stream.startswith(b": ping - ")
    assert clone.received[0].last_byte_s is not None
    assert time.monotonic() >= clone.received[0].last_byte_s + 0.6


async def test_a_stream_opens_before_it_has_thought(clone: SimulatedClone, talk: Conversing) -> None:
    clone.think_s = 3_600
    response = await talk.generate()
    assert response.status == 200
    response.close()


async def test_an_upload_is_timed_as_it_arrives(clone: SimulatedClone, talk: Conversing) -> None:
    body = json.dumps(talk.body()).encode()
    spoken = asyncio.Event()

    async def speak() -> AsyncIterator[bytes]:
        yield body[:1_000]
        await spoken.wait()
        yield body[1_000:]

    request = asyncio.create_task(talk.http.post(GENERATE, data=speak(), headers=JSON))
    while not (clone.received and clone.received[0].first_byte_s):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    (received,) = clone.received
    released_s = time.monotonic()
    complete_before = received.complete
    spoken.set()
    assert (await request).status == 200
    await (await request).read()
    assert (complete_before, received.complete) == (False, True)
    assert received.first_byte_s is not None
    assert received.last_byte_s is not None
    assert received.headers_s <= received.first_byte_s <= released_s <= received.last_byte_s


# What it refuses


@pytest.mark.parametrize("agent", ["Python/3.11 aiohttp/3.14.5", "python-requests/2.32", "x aiohttp/4"])
async def test_the_cdn_refuses_default_agents(http: aiohttp.ClientSession, agent: str) -> None:
    response = await http.get("/api/clone", params={"slug": "my-clone"}, headers={"User-Agent": agent})
    assert (response.status, response.content_type) == (403, "text/html")
    assert b"Forbidden" in await response.read()


@pytest.mark.parametrize("path", ["/api/clone?slug=my-clone", "/v3/clone", "/api/nothing"])
async def test_without_the_key_nothing_is_told(http: aiohttp.ClientSession, path: str) -> None:
    response = await http.get(path, headers={"x-api-key": "dsk-wrong"})
    assert response.status == 401
    assert await response.json() == {"detail": "Invalid API key"}


async def test_a_wrong_key_is_told_before_the_body(http: aiohttp.ClientSession) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"voice_input_stream": "'
        await asyncio.Event().wait()

    response = await http.post(GENERATE, data=endless(), headers={"x-api-key": "dsk-wrong", **JSON})
    assert response.status == 401
    response.close()


@pytest.mark.parametrize(("key", "status", "sent"), [("dsk-wrong", 401, 0), ("dsk-simulated", 422, 1)])
async def test_expect_is_met_only_by_a_body_that_is_wanted(
    http: aiohttp.ClientSession, key: str, status: int, sent: int
) -> None:
    pulled = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal pulled
        pulled += 1
        yield b"{}"

    response = await http.post(GENERATE, data=body(), expect100=True, headers={"x-api-key": key, **JSON})
    assert (response.status, pulled) == (status, sent)


@pytest.mark.parametrize(
    ("method", "path", "fields", "status", "words"),
    [
        ("POST", GENERATE, {"user_message": "Hello"}, 422, "conversation_id: field required"),
        (
            "POST",
            GENERATE,
            {"user_message": "Hello", "conversation_id": "5f0c1a34-6a1e-4d0b-9d2c-0c10e5bea4e4"},
            404,
            "Conversation not found",
        ),
        ("GET", GENERATE, None, 405, "Method Not Allowed"),
        ("GET", "/api/nothing", None, 404, "Not Found"),
        ("POST", "/api/conversation/new", {}, 422, "slug: field required"),
        ("POST", "/api/conversation/new", {"slug": "other"}, 404, 'There is no clone "other"'),
        ("GET", "/api/conversation/history", None, 422, "id: query parameter required"),
        ("GET", "/api/conversation/history?id=x", None, 422, 'id: "x" is not a uuid'),
        ("GET", "/api/conversation/list?slug=other", None, 404, 'There is no clone "other"'),
        ("GET", "/api/clone", None, 422, "slug: query parameter required"),
        ("GET", "/v3/conversation/x/history", None, 422, 'id: "x" is not a uuid'),
    ],
)
async def test_refusals(
    http: aiohttp.ClientSession, method: str, path: str, fields: dict[str, Any] | None, status: int, words: str
) -> None:
    response = await http.request(method, path, json=fields)
    assert (response.status, await response.json()) == (status, {"detail": words})


async def test_a_body_that_is_not_called_json_is_refused(http: aiohttp.ClientSession) -> None:
    response = await http.post(GENERATE, data=b"{}", headers={"Content-Type": "text/plain"})
    assert response.status == 415


async def test_a_body_that_never_ends_is_refused(clone: SimulatedClone, http: aiohttp.ClientSession) -> None:
    response = await http.post(GENERATE, data=live(bytes(MOST_BODY_BYTES + 1), 1_000_000), headers=JSON)
    assert response.status == 413
    assert not clone.received[0].complete


async def test_a_minute_of_speech_is_taken(clone: SimulatedClone, talk: Conversing) -> None:
    pcm = bytes(60 * 88_200)
    status = await talk.status(is_live=True, voice_input_stream=voice_base64(pcm), response_type="text")
    assert status == 200
    assert len(clone.received[0].pcm) == len(pcm)


async def test_a_clone_without_documents(clone: SimulatedClone, talk: Conversing) -> None:
    clone.prerequisites_met = False
    response = await talk.generate()
    assert response.status == 403
    assert "at least one document" in (await response.json())["detail"]
    assert len(await talk.history()) == 1


async def test_the_rate_limit(clone: SimulatedClone, talk: Conversing) -> None:
    clone.rate_limit_per_minute = 1
    assert await talk.status() == 200
    response = await talk.generate()
    assert await response.json() == {"detail": "Rate limit exceeded"}
    assert response.status == 429
    assert 0 < int(response.headers["Retry-After"]) <= 60
    clone.rate_limit_per_minute = None
    assert await talk.status() == 200


BODY = b'{"conversation_id": "%s", "user_message": "Hello"}'


@pytest.mark.parametrize(
    ("head", "frame"),
    [
        ("Transfer-Encoding: chunked", lambda body: b"%x\r\n%s\r\n" % (len(body), body)),  # no last chunk
        ("Transfer-Encoding: chunked", lambda body: b"no-number\r\n%s\r\n0\r\n\r\n" % body),
        ("Content-Length: 1000", lambda body: body),
    ],
)
async def test_a_valid_body_that_breaks_off_is_never_answered(
    clone: SimulatedClone, base_url: URL, talk: Conversing, head: str, frame: Callable[[bytes], bytes]
) -> None:
    reader, writer = await asyncio.open_connection(base_url.host, base_url.port)
    lines = [f"POST {GENERATE} HTTP/1.1", "Host: x", head]
    lines += [f"{name}: {value}" for name, value in {**HEADERS, **JSON}.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + frame(BODY % talk.conversation_id.encode()))
    writer.write_eof()
    assert b" 200 " not in await reader.read()
    writer.close()
    await writer.wait_closed()
    assert not any(received.complete for received in clone.received)
    assert len(await talk.history()) == 1


# The quick endpoints


async def test_conversations(clone: SimulatedClone, talk: Conversing) -> None:
    clone.citations = [CITATION]
    await talk.ask(response_type="text")
    await talk.ask(user_message="And now?", response_type="text")
    assert await talk.history() == [
        ("CLONE", clone.greeting),
        ("USER", "(0.0 seconds of speech)"),
        ("CLONE", "I heard you for 0.0 seconds."),
        ("USER", "And now?"),
        ("CLONE", "You wrote: And now?"),
    ]
    history = {"id": talk.conversation_id, "include_citations": "true"}
    response = await talk.http.get("/api/conversation/history", params=history)
    messages = (await response.json())["history"]
    assert [message["citations"] for message in messages] == [[], [], [CITATION], [], [CITATION]]
    response = await talk.http.get(
        f"/v3/conversation/{talk.conversation_id}/history", params={"include_citations": "true"}
    )
    assert (await response.json())["messages"] == messages
    response = await talk.http.get("/api/conversation/list", params={"slug": "my-clone"})
    (listed,) = (await response.json())["conversations"]
    assert (listed["id"], listed["title"]) == (talk.conversation_id, "(0.0 seconds of speech)")


async def test_a_new_conversation(clone: SimulatedClone, http: aiohttp.ClientSession) -> None:
    clone.new_field = "new"
    response = await http.post("/api/conversation/new", json={"slug": "my-clone", "user_email": "ada@example.org"})
    reply = await response.json()
    assert reply["conversation_type"] == "personalized"
    (greeting,) = reply["new"]["messages"]
    assert (greeting["text"], greeting["sender"]) == (clone.greeting, "CLONE")
    response = await http.get("/api/conversation/list", params={"slug": "my-clone", "email": "bob@example.org"})
    assert await response.json() == {"conversations": []}


async def test_a_new_conversation_v3(clone: SimulatedClone, http: aiohttp.ClientSession) -> None:
    reply = await (await http.post("/v3/conversation", json={})).json()
    assert reply["initial_message"] == clone.greeting
    assert await Conversing(http, reply["conversation_id"]).history() == [("CLONE", clone.greeting)]


@pytest.mark.parametrize("path", ["/api/clone?slug=my-clone", "/v3/clone"])
async def test_the_clones_card(http: aiohttp.ClientSession, path: str) -> None:
    card = (await (await http.get(path)).json())["clone"]
    assert (card["name"], card["slug"]) == ("Simulated Clone", "my-clone")


# Coming and going


async def test_a_client_that_hangs_up_leaves_nothing_behind(
    clone: SimulatedClone, talk: Conversing, caplog: pytest.LogCaptureFixture
) -> None:
    clone.voice, clone.tone_s, clone.pace, clone.snippet_ms = "tone", 60.0, 1.0, 20
    response = await talk.generate()
    await response.content.readany()
    response.close()
    assert len(await talk.history()) == 3
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_it_stops_while_it_answers_and_starts_again_where_it_was(
    clone: SimulatedClone, base_url: URL, talk: Conversing
) -> None:
    clone.fault_once("stall")
    response = await talk.generate()
    await clone.stop()
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()
    with pytest.raises(aiohttp.ClientConnectionError):
        await talk.history()
    await clone.start(port=base_url.port or 0)
    assert len(await talk.history()) == 3


async def test_stopping_twice_does_no_harm() -> None:
    clone = SimulatedClone()
    await clone.stop()
    await clone.start()
    await clone.stop()
    await clone.stop()


async def test_a_port_that_is_taken(base_url: URL) -> None:
    with pytest.raises(ClonespeakerError, match=r"can't listen.*in use"):
        await SimulatedClone().start(port=base_url.port or 0)


async def test_a_voice_that_is_not_installed(
    clone: SimulatedClone, talk: Conversing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    clone.voice = "speech"
    response = await talk.generate()
    assert response.status == 500
    assert "can't speak" in (await response.json())["detail"]
