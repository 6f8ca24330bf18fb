"""Every fault can be provoked, and looks as the table says."""

from __future__ import annotations

import asyncio
import base64

import aiohttp
import pytest

from clonespeaker.simulate.faults import FAULTS, Answer
from clonespeaker.simulate.server import SimulatedClone
from tests.simulate.conversing import PCM, Conversing, audio, parse_events, read_while_it_comes

ANSWERS = [name for name, fault in FAULTS.items() if isinstance(fault.instead, Answer)]
SPEECH = ("USER", "(0.0 seconds of speech)")
ANSWER = ("CLONE", "I heard you for 0.0 seconds.")
SNIPPETS, SNIPPET_BYTES = 10, 440  # what the clone of the fixture makes of PCM


@pytest.mark.parametrize("name", ANSWERS)
async def test_answers(clone: SimulatedClone, talk: Conversing, name: str) -> None:
    clone.fault = name
    answer = FAULTS[name].instead
    assert isinstance(answer, Answer)
    response = await talk.generate_live()
    assert (response.status, response.content_type) == (answer.status, answer.content_type)
    assert await response.read() == answer.body
    assert response.headers.get("Retry-After") == ("1" if name == "status-429" else None)
    assert len(await talk.history()) == 1
    assert clone.received[0].complete == (FAULTS[name].at != "headers")


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
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(talk.generate(), 0.5)
    assert clone.received[0].complete


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


def test_an_unknown_fault_is_told_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r'no fault "cutt"; there are .*cut'):
        SimulatedClone().fault = "cutt"
