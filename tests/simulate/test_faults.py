"""Every fault can be provoked, and looks as the table says."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email.utils
import json
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import numpy as np
import pytest
from yarl import URL

from clonespeaker.audio import wav
from clonespeaker.errors import MediaError
from clonespeaker.simulate import switch
from clonespeaker.simulate.damage import WRONG_WAVS
from clonespeaker.simulate.faults import FAULTS, Answer
from clonespeaker.simulate.reply import Wait
from clonespeaker.simulate.server import SimulatedClone
from tests.peers import until
from tests.simulate.conversing import (
    GENERATE,
    HEADERS,
    PCM,
    Conversing,
    audio,
    parse_events,
    read_while_it_comes,
    voice_base64,
)

ANSWERS = [name for name, fault in FAULTS.items() if isinstance(fault.effect(), Answer)]
RETRY_AFTER = {"status-429": "1", "status-429-long": "60", "status-429-html": "60"}
SPEECH = ("USER", "(0.0 seconds of speech)")
ANSWER = ("CLONE", "I heard you for 0.0 seconds.")
SNIPPETS, SNIPPET_BYTES = 10, 440  # what the clone of the fixture makes of PCM
PCM_SNIPPETS = [*(SNIPPETS - 1) * [SNIPPET_BYTES // 2], (len(PCM) - (SNIPPETS - 1) * SNIPPET_BYTES) // 2]  # samples


@pytest.mark.parametrize("name", ANSWERS)
async def test_answers(clone: SimulatedClone, talk: Conversing, name: str) -> None:
    clone.fault = name
    answer = FAULTS[name].effect()
    assert isinstance(answer, Answer)
    response = await talk.generate_live(allow_redirects=False)
    assert (response.status, response.content_type) == (answer.status, answer.content_type)
    assert await response.read() == answer.body
    if name != "status-429-date":
        assert response.headers.get("Retry-After") == RETRY_AFTER.get(name)
    assert len(await talk.history()) == 1
    assert clone.received[0].complete == (FAULTS[name].point != "headers")


def test_every_status_has_a_fault() -> None:
    """As JSON, as the API words it; the ones that proxies send as HTML too."""
    for status in (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504):
        answer = FAULTS[f"status-{status}"].effect()
        assert isinstance(answer, Answer)
        assert answer.status == status
        assert json.loads(answer.body)["detail"]
    for status in (403, 413, 429, 500, 502, 503, 504):
        answer = FAULTS[f"status-{status}-html"].effect()
        assert isinstance(answer, Answer)
        assert (answer.status, answer.content_type) == (status, "text/html")
        assert b"</html>" in answer.body


async def test_when_to_come_back_is_settable(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "status-429=7"
    assert (await talk.generate()).headers["Retry-After"] == "7"


async def test_when_to_come_back_as_a_date(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "status-429-date"
    asked_s = time.time()
    date = (await talk.generate()).headers["Retry-After"]
    assert date.endswith("GMT")
    assert 60 <= email.utils.parsedate_to_datetime(date).timestamp() - asked_s < 63


@pytest.mark.parametrize(("name", "where"), [("redirect", "https://elsewhere.invalid/"), ("redirect-here", "/moved")])
async def test_redirects(clone: SimulatedClone, talk: Conversing, name: str, where: str) -> None:
    clone.fault = name
    response = await talk.generate_live(allow_redirects=False)
    assert response.headers["Location"] == where


# The connection


async def test_refuse(clone: SimulatedClone, base_url: URL, talk: Conversing) -> None:
    clone.fault = "refuse"
    await asyncio.sleep(0.01)  # the connection that has been kept open closes too
    for _ in range(2):
        with pytest.raises(aiohttp.ClientConnectorError, match="Connect call failed") as refused:
            await talk.history()
        assert isinstance(refused.value.os_error, ConnectionRefusedError)
    clone.fault = None
    assert len(await talk.history()) == 1
    assert clone.received == []


async def test_refusing_ends_by_itself(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault_once("refuse=1.5")
    await asyncio.sleep(0.01)
    with pytest.raises(aiohttp.ClientConnectorError):
        await talk.status()
    await until(lambda: clone.fault is None)
    assert await talk.status() == 200


async def test_what_is_under_way_goes_on_while_it_refuses(clone: SimulatedClone, talk: Conversing) -> None:
    clone.think_s = 0.05
    response = await talk.generate()
    clone.fault = "refuse"
    assert audio(parse_events(await response.read())) == PCM
    with pytest.raises(aiohttp.ClientConnectorError):
        await talk.history()


async def test_refusing_from_the_start_on(clone: SimulatedClone) -> None:
    clone.fault = "refuse"
    url = URL(await clone.start())
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(url.host, url.port)
    clone.fault = "cut"  # another one ends it
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.close()


# The upload


@contextlib.asynccontextmanager
async def uploading(base_url: URL, body: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(base_url.host, base_url.port)
    fields = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body)), **HEADERS}
    writer.write(f"POST {GENERATE} HTTP/1.1\r\n".encode())
    writer.write("".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n")
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_reset_at_byte(clone: SimulatedClone, base_url: URL, talk: Conversing) -> None:
    clone.fault = "reset-at-byte=500"
    body = json.dumps(talk.body()).encode()
    async with uploading(base_url, body) as (reader, writer):
        writer.write(body[:499])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        writer.write(body[499:500])
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
    (received,) = clone.received
    assert received.last_byte_s is not None
    assert not received.complete
    assert len(await talk.history()) == 1


async def test_a_reset_comes_at_the_end_of_a_shorter_body(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "reset-at-byte"
    with pytest.raises(aiohttp.ClientOSError, match="reset by peer"):
        await talk.generate()
    assert clone.received[0].last_byte_s is not None


async def test_stall_at_byte(clone: SimulatedClone, base_url: URL, talk: Conversing) -> None:
    clone.fault = "stall-at-byte"
    body = json.dumps(talk.body(voice_input_stream=voice_base64(bytes(8_000_000)))).encode()
    async with uploading(base_url, body) as (reader, writer):
        writer.write(body)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.drain(), 0.3)
        await until(lambda: clone.received)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
    assert not clone.received[0].complete


async def test_after_a_stall_all_goes_on(
    clone: SimulatedClone, talk: Conversing, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = replace(FAULTS["stall-at-byte"], instead=Wait(0.1))
    monkeypatch.setattr(switch, "FAULTS", {**FAULTS, "stall-at-byte": brief})
    pcm = bytes(700_000)
    for name in ("stall-at-byte=0", "stall-at-byte", "stall-at-byte=10000000"):
        clone.fault = name
        begun_s = time.monotonic()
        assert await talk.status(voice_input_stream=voice_base64(pcm), response_type="text") == 200
        assert time.monotonic() - begun_s >= 0.1
        assert len(clone.received[-1].pcm) == len(pcm)


async def test_a_shorter_body_is_never_answered(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "stall-at-byte"
    asking = asyncio.create_task(talk.generate())
    await until(lambda: clone.received)
    await asyncio.sleep(0.2)
    assert not asking.done()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert not clone.received[0].complete


@pytest.mark.parametrize("name", ["refuse-live", "reset-live"])
async def test_what_befalls_live_uploads_spares_exact_ones(clone: SimulatedClone, talk: Conversing, name: str) -> None:
    clone.fault = name
    assert audio(await talk.ask()) == PCM


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("reset-live", []),
        ("reset", []),
        ("reset-heard", [SPEECH]),
        ("reset-answered", [SPEECH, ANSWER]),
    ],
)
async def test_resets(clone: SimulatedClone, talk: Conversing, name: str, heard: list[tuple[str, str]]) -> None:
    clone.fault = name
    with pytest.raises(aiohttp.ClientOSError, match="reset by peer"):
        await talk.generate_live()
    assert (await talk.history())[1:] == heard
    assert clone.received[0].complete == (name != "reset-live")


async def test_slow_headers(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "slow-headers"
    asking = asyncio.create_task(talk.generate())
    await until(lambda: clone.received and clone.received[0].complete)
    await asyncio.sleep(0.5)
    assert not asking.done()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    clone.fault, begun_s = "slow-headers=0.05", time.monotonic()
    assert audio(await talk.ask()) == PCM
    assert time.monotonic() - begun_s >= 0.05


# The reply


async def test_cut(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "cut"
    stream, error = await read_while_it_comes(await talk.generate())
    assert isinstance(error, aiohttp.ClientPayloadError)
    assert audio(parse_events(stream)) == PCM[: SNIPPETS // 2 * SNIPPET_BYTES]
    assert (await talk.history())[1:] == [SPEECH, ANSWER]


async def test_stall(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "stall"
    stream, error = await read_while_it_comes(await talk.generate())
    assert isinstance(error, TimeoutError)
    assert audio(parse_events(stream)) == PCM[: SNIPPETS // 2 * SNIPPET_BYTES]


@pytest.mark.parametrize("name", ["cut", "stall", "reset-reply"])
async def test_at_a_byte_of_the_reply(clone: SimulatedClone, talk: Conversing, name: str) -> None:
    whole = await (await talk.generate(response_type="text")).read()
    for at, expected in [(0, 0), (1, 1), (77, 77), (10**9, len(whole))]:
        clone.fault = f"{name}={at}"
        stream, error = await read_while_it_comes(await talk.generate(response_type="text"))
        assert len(stream) == min(expected, len(stream) if name == "reset-reply" else expected)
        assert isinstance(error, TimeoutError if name == "stall" else aiohttp.ClientError)
        clone.fault = None


async def test_reset_reply(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "reset-reply"
    with pytest.raises(aiohttp.ClientPayloadError, match="reset by peer"):
        await (await talk.generate()).read()
    assert (await talk.history())[1:] == [SPEECH, ANSWER]


@pytest.mark.parametrize(("name", "snippets"), [("cut-after", 3), ("cut-after=0", 0), ("cut-after=5", 5)])
async def test_cut_after(clone: SimulatedClone, talk: Conversing, name: str, snippets: int) -> None:
    clone.fault = name
    stream, error = await read_while_it_comes(await talk.generate())
    assert isinstance(error, aiohttp.ClientPayloadError)
    assert audio(parse_events(stream)) == PCM[: snippets * SNIPPET_BYTES]


async def test_slow_drip(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault, begun_s = "slow-drip=40000", time.monotonic()
    response = await talk.generate()
    stream, largest = b"", 0
    while piece := await response.content.readany():
        stream, largest = stream + piece, max(largest, len(piece))
    assert audio(parse_events(stream)) == PCM
    assert time.monotonic() - begun_s >= 0.9 * len(stream) / 40_000
    assert largest < len(stream) / 2
    assert FAULTS["slow-drip"].at == 20_000  # 44.1 kHz in base64 are 117,600


async def test_endless_stream(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "endless-stream"
    response = await talk.generate()
    stream = await response.content.readexactly(20 * SNIPPETS * SNIPPET_BYTES)
    response.close()
    whole = stream[: stream.rindex(b"\n\n") + 2]
    assert audio(parse_events(whole)).startswith(10 * PCM)


async def test_an_endless_stream_takes_its_time(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault, clone.pace = "endless-stream", 1.0
    begun_s = time.monotonic()
    response = await talk.generate()
    stream = b""
    while len(audio(parse_events(stream))) < 2 * len(PCM):
        stream += await response.content.readany()
    response.close()
    assert time.monotonic() - begun_s >= (2 * len(PCM) - 2 * SNIPPET_BYTES) / 88_200


async def test_endless_line(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "endless-line"
    response = await talk.generate()
    line = await response.content.readexactly(5_000_000)
    response.close()
    assert line.startswith(b'data: {"audio_chunk": "A')
    assert b"\n" not in line


async def test_wrong_wav(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault, clone.encoding = "wrong-wav", "wav-each"
    *snippets, final = await talk.ask()
    sounds = [base64.b64decode(snippet["audio_chunk"]) for snippet in snippets]
    assert len(sounds) == SNIPPETS
    for sound in sounds[1::2]:
        assert sound.startswith(b"RIFF")
        with pytest.raises(MediaError):
            wav.read(sound)
    good = np.concatenate([wav.read(sound)[0] for sound in sounds[::2]])
    assert good.size == len(PCM) // 2 - sum(PCM_SNIPPETS[1::2])
    assert set(sounds[1::2]) == set(WRONG_WAVS)
    assert final["current_token"] == "[DONE]"


async def test_gzip(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault, clone.cut_bytes = "gzip", 7
    response = await talk.generate()
    assert response.headers["Content-Encoding"] == "gzip"
    assert audio(parse_events(await response.read())) == PCM


async def test_compressed_events_come_one_by_one(clone: SimulatedClone, base_url: URL, talk: Conversing) -> None:
    clone.fault, clone.pace = "gzip", 1_000.0
    async with (
        aiohttp.ClientSession(base_url, headers=HEADERS, auto_decompress=False) as http,
        http.post(GENERATE, json=talk.body()) as response,
    ):
        reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        stream = b""
        while not stream.endswith(b"\n\n"):
            stream += reader.decompress(await response.content.readany())
        assert audio(parse_events(stream)) == PCM[:SNIPPET_BYTES]


async def test_bad_gzip(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "bad-gzip"
    with pytest.raises(aiohttp.ClientPayloadError, match="gzip"):
        await (await talk.generate()).read()


async def test_sse_as_json(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "sse-as-json"
    response = await talk.generate()
    assert response.content_type == "application/json"
    assert audio(parse_events(await response.read())) == PCM


@pytest.mark.parametrize("stream", [True, False])
async def test_json_as_sse(clone: SimulatedClone, talk: Conversing, stream: bool) -> None:
    clone.fault = "json-as-sse"
    response = await talk.generate(stream=stream)
    assert response.content_type == "text/event-stream"
    whole = json.loads(await response.read())["clone_response"]
    assert (whole["transcript"], base64.b64decode(whole["audio"])) == (ANSWER[1], PCM)


async def test_pings_only(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "pings-only"
    response = await talk.generate()
    for _ in range(3):
        assert (await response.content.readline(), await response.content.readline()) == (b": ping\n", b"\n")
    response.close()


async def test_end_early(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "end-early"
    events = await talk.ask()
    assert audio(events) == PCM
    assert all(event["clone_response"] is None for event in events)


async def test_no_done(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault, clone.done_form = "no-done", "bare"
    *_, final = await talk.ask()
    assert final["current_token"] is None
    assert final["clone_response"]["transcript"] == ANSWER[1]


async def test_duplicate_final(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "duplicate-final"
    *snippets, first, second = await talk.ask()
    assert audio(snippets) == PCM
    assert first == second
    assert first["current_token"] == "[DONE]"


async def test_malformed(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "malformed"
    events = await talk.ask()
    broken = [event for event in events if isinstance(event, str)]
    assert len(broken) == SNIPPETS
    assert audio([event for event in events if event not in broken]) == PCM


async def test_bad_base64(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "bad-base64"
    *snippets, final = await talk.ask()
    assert len(snippets) == SNIPPETS
    for nth, snippet in enumerate(snippets):
        if nth % 2:
            with pytest.raises(ValueError, match=r"base64|data"):
                base64.b64decode(snippet["audio_chunk"], validate=True)
        else:
            assert base64.b64decode(snippet["audio_chunk"], validate=True)
    assert final["current_token"] == "[DONE]"


async def test_random_events(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "random-events"
    response = await talk.generate()
    stream = await response.read()
    assert stream.count(b"data: ") == 500
    assert not any(isinstance(event, dict) for event in parse_events(stream))


def test_no_fault_is_without_a_test() -> None:
    tested = {name.removeprefix("test_").replace("_", "-") for name in globals() if name.startswith("test_")}
    resets = {"reset-live", "reset", "reset-heard", "reset-answered"}
    assert set(FAULTS) <= tested | resets | set(ANSWERS)


def test_every_fault_with_a_number_says_what_it_counts_and_no_other() -> None:
    for fault in FAULTS.values():
        assert (fault.unit.upper() or "—") in fault.what or not fault.unit
        assert fault.unit or fault.at is None
        assert f"({fault.at:,.0f}" in fault.what if fault.at is not None else True


async def test_a_fault_lasts_until_it_is_unset(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault = "status-500"
    assert [await talk.status() for _ in range(3)] == [500, 500, 500]
    assert clone.fault == "status-500"
    clone.fault = None
    assert await talk.status() == 200


async def test_a_fault_for_the_next_requests_alone(clone: SimulatedClone, talk: Conversing) -> None:
    clone.fault_once("status-500", 2)
    assert [await talk.status() for _ in range(3)] == [500, 500, 200]
    assert clone.fault is None
    clone.fault_once("refuse-live")
    assert [await talk.status(is_live=is_live) for is_live in (False, True, True)] == [200, 411, 200]
