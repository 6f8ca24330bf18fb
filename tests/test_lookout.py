"""A daemon and a clone that comes and goes while nobody talks, or somebody does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from clonespeaker import attempts, lookout
from clonespeaker.simulate.server import SimulatedClone
from tests.daemon import running
from tests.peers import Peer, serving, until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_BACKOFF_S", 0.01)
    monkeypatch.setattr(lookout, "_AFTER_A_TURN_S", 0.05)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("status-401", "refused"), ("status-503", "server-error"), ("status-429", "busy"), ("cut", "reply-broken")],
)
async def test_what_passed_is_over_without_another_question(tmp_path: Path, name: str, fault: str) -> None:
    async with running(tmp_path) as daemon:
        daemon.clone.fault = name
        daemon.say("Hello")
        assert (await daemon.event("turn"))["fault"] == fault
        assert daemon.app.news.faults.keys() == {fault}
        await daemon.event("fault", fault=fault, active=False)
        assert daemon.app.account.health()["ok"]


async def test_who_the_clone_is_is_told_to_screens_that_are_there_already(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        told = await daemon.event("clone", name="Simulated Clone", slug="my-clone")
        assert told.items() - {("event", "clone")} <= daemon.app.account.snapshot()["clone"].items()


async def test_who_the_clone_is_may_stay_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lookout, "_WHO_AGAIN_AFTER_S", (0.02, 0.1))
    clone = SimulatedClone()
    async with running(tmp_path, clone=clone) as daemon:
        port = int(daemon.app.settings.clone.base_url.rpartition(":")[2])
        going_on = {"slug": "nobody", "conversation_id": daemon.app.conversation.id}
    async with running(tmp_path, clone=clone, port=port, clone_settings=going_on) as daemon:
        await until(lambda: "screens don't know who the clone is" in caplog.text)
        assert (await daemon.talk())["outcome"] == "answered"
        assert daemon.told("fault") == []
        assert daemon.app.account.health()["ok"]
        clone.slug = "nobody"
        await daemon.event("clone", slug="nobody")
        assert daemon.app.account.snapshot()["clone"]["name"] == clone.name
        assert caplog.text.count("screens don't know") == 1


async def test_a_history_that_can_not_be_had_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(peer: Peer) -> None:
        while True:
            request = (await peer.request()).decode()
            if "/history" in request:
                await peer.answer("200 OK", b"what was said")
            elif "/clone" in request:
                await peer.answer("200 OK", b'{"clone": {"name": "Ada"}}')
            else:
                await peer.answer("200 OK")

    async with serving(talk) as server:
        known = {"base_url": server.url, "conversation_id": "0b0e"}
        async with running(tmp_path, clone_settings=known) as daemon:
            assert daemon.app.conversation.id == "0b0e"
            await daemon.event("clone", name="Ada")
            assert daemon.told("fault") == []
    assert "what was said in it can't be had" in caplog.text


async def test_a_trouble_after_one_that_was_to_last_long_is_looked_after(tmp_path: Path) -> None:
    clone = SimulatedClone()
    async with running(tmp_path, clone=clone, clone_settings={"retry_for_s": 0}) as daemon:
        port = int(daemon.app.settings.clone.base_url.rpartition(":")[2])
        clone.fault = "status-429-long"
        daemon.say("Hello")
        assert (await daemon.event("turn"))["fault"] == "busy"
        assert daemon.app.news.left_alone_s > 30
        await asyncio.sleep(0.2)  # it is being left alone by now
        clone.fault = None
        daemon.say("Hello")
        assert (await daemon.event("turn"))["outcome"] == "answered"
        await clone.stop()
        daemon.say("Hello")
        assert (await daemon.event("turn"))["fault"] == "offline"
        await clone.start(port=port)
        await daemon.event("fault", fault="offline", active=False)


async def test_what_only_an_answer_can_end_stays(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.clone.prerequisites_met = False
        daemon.say("Hello")
        assert (await daemon.event("turn"))["fault"] == "prerequisites"
        await asyncio.sleep(0.3)
        assert daemon.app.news.faults.keys() == {"prerequisites"}
        daemon.clone.prerequisites_met = True
        daemon.say("Hello")
        await daemon.event("fault", fault="prerequisites", active=False)


async def test_a_network_that_is_back(tmp_path: Path) -> None:
    clone = SimulatedClone()
    async with running(tmp_path, clone=clone, clone_settings={"retry_for_s": 0}) as daemon:
        port = int(daemon.app.settings.clone.base_url.rpartition(":")[2])
        await clone.stop()
        daemon.say("Hello")
        assert (await daemon.event("turn"))["fault"] == "offline"
        await until(lambda: "again in" in daemon.app.news.faults["offline"])  # it looks, and says when it does
        await clone.start(port=port)
        await daemon.event("fault", fault="offline", active=False)


async def test_another_trouble_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    clone = SimulatedClone()
    async with running(tmp_path, clone=clone, clone_settings={"retry_for_s": 0}) as daemon:
        port = int(daemon.app.settings.clone.base_url.rpartition(":")[2])
        await clone.stop()
        daemon.say("Hello")
        assert (await daemon.event("turn"))["fault"] == "offline"
        clone.api_key = "dsk-another"
        await clone.start(port=port)
        await until(lambda: daemon.app.news.faults.keys() == {"refused"})


async def test_while_a_turn_tries_again_it_is_told_and_over_with_the_answer(tmp_path: Path) -> None:
    clone = SimulatedClone(tone_s=1.0)
    async with running(tmp_path, clone=clone) as daemon:
        port = int(daemon.app.settings.clone.base_url.rpartition(":")[2])
        await clone.stop()
        daemon.say("Hello")
        told = await daemon.event("fault", fault="offline", active=True)
        assert "can't connect" in told["detail"]
        assert "tried once, again in" in told["detail"]
        assert daemon.state == "thinking"
        await clone.start(port=port)
        await daemon.event("fault", fault="offline", active=False)
        await daemon.event("state", state="speaking")
        assert (await daemon.event("turn"))["outcome"] == "answered"
