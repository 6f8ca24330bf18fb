"""Driving the simulated clone as another process does: over HTTP, with no key and any agent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import aiohttp
import pytest
from yarl import URL

from clonespeaker.simulate.behaviour import Behaviour
from clonespeaker.simulate.faults import FAULTS
from clonespeaker.simulate.received import MOST_REQUESTS, MOST_VOICES, Received, RequestLog
from clonespeaker.simulate.server import SimulatedClone
from tests.peers import until
from tests.simulate.conversing import PCM, Conversing, audio, parse_events


class Driver:
    """A test that drives from outside."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def put(self, what: str, body: Any) -> tuple[int, str]:
        """The status, and the words where it is not well."""
        response = await self.http.put(f"/simulated/{what}", json=body)
        return response.status, "" if response.status == 204 else (await response.json())["detail"]

    async def get(self, what: str) -> Any:
        return await (await self.http.get(f"/simulated/{what}")).json()


@pytest.fixture
async def driver(base_url: URL) -> AsyncIterator[Driver]:
    async with aiohttp.ClientSession(base_url) as session:
        yield Driver(session)


async def test_faults_are_told(driver: Driver) -> None:
    told = await driver.get("faults")
    assert told == {"faults": {name: fault.what for name, fault in FAULTS.items()}, "fault": None, "at": None}


@pytest.mark.parametrize(
    ("choice", "text", "fault", "at"),
    [
        ({"fault": "cut-after", "at": 4}, "cut-after=4", "cut-after", 4),
        ({"fault": "cut-after=4"}, "cut-after=4", "cut-after", 4),
        ({"fault": "cut-after"}, "cut-after", "cut-after", 3),
        ({"fault": "slow-headers", "at": 0.5}, "slow-headers=0.5", "slow-headers", 0.5),
        ({"fault": "gzip", "at": None, "times": None}, "gzip", "gzip", None),
        ({"fault": None}, None, None, None),
    ],
)
async def test_a_fault_is_chosen(
    clone: SimulatedClone, driver: Driver, choice: dict[str, Any], text: str | None, fault: str | None, at: float | None
) -> None:
    clone.fault = "status-500"
    assert await driver.put("fault", choice) == (204, "")
    assert clone.fault == text
    told = await driver.get("faults")
    assert (told["fault"], told["at"]) == (fault, at)


async def test_a_fault_for_so_many_requests(talk: Conversing, driver: Driver) -> None:
    await driver.put("fault", {"fault": "status-500", "times": 2})
    assert [await talk.status() for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"fault": "cutt"}, 'fault: there is no fault "cutt"; did you mean "cut"?'),
        ({"fault": "tls-expired"}, 'fault: "tls-expired" is decided when the simulated clone starts'),
        ({"fault": "gzip", "at": 3}, 'fault: the fault "gzip" takes no number'),
        ({"fault": "cut-after", "at": -1}, 'fault: the fault "cut-after" takes events, 0 or more, not "-1"'),
        ({"fault": "cut-after", "at": "3"}, "Expected `int | float | null`, got `str` - at `$.at`"),
        ({"fault": "cut", "times": 0}, "times: must be 1 or more"),
        ({"fault": "cut", "time": 1}, "Object contains unknown field `time`"),
        ({}, "Object missing required field `fault`"),
        ([], "the body must be a JSON object, not an array"),
    ],
)
async def test_a_wrong_choice_is_told_and_changes_nothing(
    clone: SimulatedClone, driver: Driver, choice: Any, words: str
) -> None:
    clone.fault = "cut"
    assert await driver.put("fault", choice) == (422, words)
    assert clone.fault == "cut"


async def test_what_is_no_json(driver: Driver) -> None:
    assert (await driver.http.put("/simulated/fault", data=b"cut")).status == 400


async def test_refusing_answers_the_one_who_asked_for_it_and_ends_by_itself(
    clone: SimulatedClone, talk: Conversing, driver: Driver
) -> None:
    assert await driver.put("fault", {"fault": "refuse", "at": 1.5}) == (204, "")
    for http in (talk.http, driver.http):
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get("/simulated/faults")
    await until(lambda: clone.fault is None)
    assert (await driver.get("faults"))["fault"] is None
    assert await talk.status() == 200


async def test_behaviour_is_changed(clone: SimulatedClone, talk: Conversing, driver: Driver) -> None:
    changes = {"voice": "tone", "tone_s": 0.01, "pace": None, "snippet_bytes": 100, "reply_text": "Ü", "think_s": 0}
    assert await driver.put("behaviour", changes) == (204, "")
    *snippets, final = await talk.ask()
    assert len(audio(snippets)) == 882
    assert final["clone_response"]["transcript"] == "Ü"
    changes = {"citations": [{"url": "https://example.org"}], "done_form": "bare"}
    assert await driver.put("behaviour", changes) == (204, "")
    assert clone.done_form == "bare"


@pytest.mark.parametrize("name", [each.name for each in fields(Behaviour)])
async def test_any_behaviour_can_be_changed(clone: SimulatedClone, driver: Driver, name: str) -> None:
    assert await driver.put("behaviour", {name: getattr(clone, name)}) == (204, "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tone": 3}, "tone: unknown field; known are api_key, slug,"),
        ({"tls": "valid"}, "tls: unknown field"),
        ({"tone_s": "long"}, "tone_s: Expected `float`, got `str`"),
        ({"tone_s": None}, "tone_s: Expected `float`, got `null`"),
        ({"tone_s": -1}, "tone_s: must be 0 or more"),
        ({"voice": "bass"}, "voice: Invalid enum value 'bass'"),
    ],
)
async def test_wrong_behaviour_is_told_and_none_of_it_taken(
    clone: SimulatedClone, driver: Driver, changes: dict[str, Any], words: str
) -> None:
    status, told = await driver.put("behaviour", {"think_s": 7.0, **changes})
    assert status == 422
    assert told.startswith(words)
    assert clone.think_s == 0


async def test_what_was_received_is_told_and_forgotten(clone: SimulatedClone, talk: Conversing, driver: Driver) -> None:
    begun_s = time.monotonic()
    await talk.status(is_live=True)
    await talk.status(user_message="Hello", response_type="text")
    clone.fault = "status-401"
    await talk.status()
    spoken, written, refused = (await driver.get("received"))["received"]
    assert (spoken["live"], spoken["complete"]) == (True, True)
    assert spoken["speech_ms"] == pytest.approx(len(PCM) / 88.2)
    assert spoken["fields"] == {"conversation_id": talk.conversation_id, "response_type": "voice", "stream": True}
    assert begun_s <= spoken["headers_s"] <= spoken["first_byte_s"] <= spoken["last_byte_s"] <= time.monotonic()
    assert (written["live"], written["speech_ms"], written["fields"]["user_message"]) == (False, 0, "Hello")
    assert (refused["complete"], refused["last_byte_s"], refused["fields"]) == (False, None, {})
    assert (await driver.http.delete("/simulated/received")).status == 204
    assert (await driver.get("received"))["received"] == clone.received == []


def test_long_runs_are_not_remembered_for_ever() -> None:
    log = RequestLog()
    for nth in range(MOST_REQUESTS + 500):
        log.note(Received(headers={}, live=True, headers_s=nth, pcm=b"ab", speech_ms=1.0))
    assert [each.headers_s for each in log] == list(range(500, MOST_REQUESTS + 500))
    assert [bool(each.pcm) for each in log] == (MOST_REQUESTS - MOST_VOICES) * [False] + MOST_VOICES * [True]
    assert {each.speech_ms for each in log} == {1.0}


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "nothing", 404), ("POST", "fault", 405)])
async def test_what_there_is_not(driver: Driver, method: str, path: str, status: int) -> None:
    assert (await driver.http.request(method, f"/simulated/{path}")).status == status


async def test_it_is_the_only_path_without_a_key(driver: Driver) -> None:
    assert (await driver.http.get("/v3/clone")).status == 403
    assert (await driver.http.get("/simulated")).status == 403
    assert (await driver.http.get("/v3/clone", headers={"User-Agent": "curl/8"})).status == 401


async def test_driving_does_not_disturb_a_reply(clone: SimulatedClone, talk: Conversing, driver: Driver) -> None:
    clone.think_s = 0.05
    response = await talk.generate()
    await driver.put("fault", {"fault": "cut"})
    assert audio(parse_events(await response.read())) == PCM
