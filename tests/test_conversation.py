"""The conversation, against the simulated clone and real files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from clonespeaker import conversation as conversation_module
from clonespeaker.clone import client as client_module
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import Request
from clonespeaker.clone.failures import ContentLost
from clonespeaker.conversation import KEPT_MESSAGES, Conversation
from clonespeaker.errors import CloneError
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.state import StateDir
from tests.peers import IMPATIENT, Peer, connected, serving, until


@pytest.fixture
async def clone() -> AsyncIterator[SimulatedClone]:
    clone = SimulatedClone(think_s=0, rate_limit_per_minute=None)
    yield clone
    await clone.stop()


@pytest.fixture
async def client(clone: SimulatedClone) -> AsyncIterator[CloneClient]:
    async with connected(await clone.start()) as client:
        yield client


def conversation_of(client: CloneClient, memory: Path | None = None, **who: Any) -> Conversation:
    return Conversation(client, StateDir(memory) if memory else None, **{"slug": "my-clone", **who})


async def say(client: CloneClient, conversation_id: str, text: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield f'{{"conversation_id": "{conversation_id}", "user_message": "{text}", "stream": true}}'.encode()

    async for _ in client.generate(body(), length=None, request=Request()):
        pass


async def test_one_is_made_and_kept(client: CloneClient, clone: SimulatedClone) -> None:
    conversation = conversation_of(client)
    changes: list[str | None] = []

    def note() -> None:
        changes.append(conversation.id)

    conversation.on_change = note
    first = await conversation.current()
    assert await conversation.current() == first == conversation.id
    assert [message.text for message in conversation.messages] == [clone.greeting]
    assert changes == [first]


async def test_many_who_ask_at_once_get_the_same(client: CloneClient) -> None:
    conversation = conversation_of(client)
    assert len(set(await asyncio.gather(*(conversation.current() for _ in range(5))))) == 1


async def test_it_goes_on_after_a_restart(client: CloneClient, tmp_path: Path) -> None:
    first = await conversation_of(client, tmp_path).current()
    await say(client, first, "Hello")
    again = conversation_of(client, tmp_path)
    assert again.id is None  # not before the clone has confirmed it
    assert await again.current() == first
    assert [message.sender for message in again.messages] == ["CLONE", "USER", "CLONE"]


@pytest.mark.parametrize(
    "other", [{"slug": "other"}, {"user_email": "eve@example.org"}, {"instance_slug": "desk"}, {"slug": None}]
)
async def test_other_settings_begin_another(
    client: CloneClient, clone: SimulatedClone, tmp_path: Path, other: dict[str, Any]
) -> None:
    first = await conversation_of(client, tmp_path).current()
    clone.slug = other.get("slug") or clone.slug
    conversation = conversation_of(client, tmp_path, **other)
    if other == {"slug": None}:
        with pytest.raises(CloneError, match=r"set clone\.slug"):
            await conversation.current()
    else:
        assert await conversation.current() != first


async def test_another_server_begins_another(client: CloneClient, tmp_path: Path) -> None:
    first = await conversation_of(client, tmp_path).current()
    other = SimulatedClone()
    try:
        async with connected(await other.start()) as stranger:
            assert await conversation_of(stranger, tmp_path).current() != first
    finally:
        await other.stop()


async def test_the_configured_one_comes_first(client: CloneClient, tmp_path: Path) -> None:
    await conversation_of(client, tmp_path).current()
    configured = (await client.new_conversation("my-clone")).conversation_id
    assert await conversation_of(client, tmp_path, conversation_id=configured).current() == configured


@pytest.mark.parametrize("gone", [str(uuid4()), "no-uuid"])
async def test_a_configured_one_that_is_gone_gives_way(client: CloneClient, tmp_path: Path, gone: str) -> None:
    saved = await conversation_of(client, tmp_path).current()
    assert await conversation_of(client, tmp_path, conversation_id=gone).current() == saved
    made = await conversation_of(client, conversation_id=gone).current()
    assert made not in (saved, gone)


async def test_without_a_slug_a_configured_one_that_is_gone_is_the_end(client: CloneClient) -> None:
    conversation = conversation_of(client, slug=None, conversation_id=str(uuid4()))
    for _ in range(2):  # and stays so
        with pytest.raises(CloneError, match="Conversation not found") as gone:
            await conversation.current()
        assert gone.value.fault == "no-conversation"


async def test_out_of_reach_is_not_gone(client: CloneClient, clone: SimulatedClone, tmp_path: Path) -> None:
    first = await conversation_of(client, tmp_path).current()
    port = int(client.base_url.rpartition(":")[2])
    await clone.stop()
    conversation = conversation_of(client, tmp_path)
    with pytest.raises(CloneError, match="can't connect"):
        await conversation.current()
    await clone.start(port=port)
    assert await conversation.current() == first


async def test_renewed(client: CloneClient, clone: SimulatedClone, tmp_path: Path) -> None:
    conversation = conversation_of(client, tmp_path)
    first = await conversation.current()
    await conversation.renew()
    assert await conversation.current() != first
    assert await conversation_of(client, tmp_path).current() == conversation.id
    before = conversation.id
    await clone.stop()
    with pytest.raises(CloneError, match=r"can't connect|broke off"):
        await conversation.renew()
    assert conversation.id == before


async def test_lost(client: CloneClient, tmp_path: Path) -> None:
    conversation = conversation_of(client, tmp_path)
    first = await conversation.current()
    changes: list[str | None] = []
    conversation.on_change = lambda: changes.append(conversation.id)
    assert conversation.lost(first)
    assert (conversation.id, conversation.messages, changes) == (None, [], [None])
    second = await conversation.current()
    assert second != first
    assert changes == [None, second]
    fixed = conversation_of(client, slug=None, conversation_id=first)
    await fixed.current()
    assert not fixed.lost(first)
    assert fixed.id == first


class SlowCard(StateDir):
    """Saving takes as long as the test wants."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_save = threading.Event()
        self.may_save.set()

    def update(self, **changes: Any) -> None:
        self.may_save.wait()
        super().update(**changes)


async def test_who_hears_late_that_one_is_lost_does_not_lose_the_next(client: CloneClient, tmp_path: Path) -> None:
    card = SlowCard(tmp_path)
    conversation = Conversation(client, card, slug="my-clone")
    first = await conversation.current()
    assert conversation.lost(first)
    card.may_save.clear()
    making = asyncio.create_task(conversation.current())
    try:
        await until(lambda: conversation.id)
        assert conversation.lost(first)
    finally:
        card.may_save.set()
    assert await making == conversation.id == await conversation.current() != first


async def test_one_that_is_lost_while_it_is_saved(client: CloneClient, tmp_path: Path) -> None:
    card = SlowCard(tmp_path)
    conversation = Conversation(client, card, slug="my-clone")
    card.may_save.clear()
    making = asyncio.create_task(conversation.current())
    try:
        await until(lambda: conversation.id)
        lost = str(conversation.id)
        assert conversation.lost(lost)
    finally:
        card.may_save.set()
    assert await making == lost  # who asks with it will learn that
    assert await conversation.current() != lost


async def test_ended(client: CloneClient, clone: SimulatedClone, tmp_path: Path) -> None:
    conversation = conversation_of(client, tmp_path)
    first = await conversation.current()
    await conversation.end()
    second = conversation.id
    assert second not in (None, first)
    port = int(client.base_url.rpartition(":")[2])
    await clone.stop()
    changes: list[str | None] = []
    conversation.on_change = lambda: changes.append(conversation.id)
    with pytest.raises(CloneError, match=r"can't connect|broke off"):
        await conversation.end()
    assert (conversation.id, conversation.messages, changes) == (None, [], [None])
    assert StateDir(tmp_path).load().conversation is None
    await clone.start(port=port)
    assert await conversation_of(client, tmp_path).current() not in (first, second)


async def test_ended_though_it_could_not_be_found_again_yet(
    client: CloneClient, clone: SimulatedClone, tmp_path: Path
) -> None:
    first = await conversation_of(client, tmp_path).current()
    port = int(client.base_url.rpartition(":")[2])
    await clone.stop()
    conversation = conversation_of(client, tmp_path)
    with pytest.raises(CloneError, match=r"can't connect|broke off"):
        await conversation.end()
    await clone.start(port=port)
    assert await conversation.current() != first


async def test_fresh_is_one_that_nobody_has_said_anything_in(client: CloneClient, tmp_path: Path) -> None:
    conversation = conversation_of(client, tmp_path)
    seen = [conversation.is_fresh]
    first = await conversation.current()
    again = conversation_of(client, tmp_path)
    seen += [conversation.is_fresh, again.is_fresh]  # what is not known yet may be anything
    await again.current()
    seen += [again.is_fresh]  # there is but the greeting
    assert seen == [True, True, False, True]
    await say(client, first, "Hello")
    again = conversation_of(client, tmp_path)
    await again.current()
    conversation.note_said()
    seen = [again.is_fresh, conversation.is_fresh]
    await conversation.renew()
    assert [*seen, conversation.is_fresh] == [False, False, True]


SAID = b'{"history": [{"text": "Hello", "sender": "USER"}]}'


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"Content-Length: 1000\r\n\r\n", id="stuck"),
        pytest.param(b"Connection: close\r\nContent-Length: 1000\r\n\r\n{", id="cut"),
        pytest.param(b"Content-Length: 20000\r\n\r\n" + bytes(20_000), id="too large"),
        pytest.param(b'Content-Length: 13\r\n\r\n{"history": 3', id="unreadable"),
    ],
)
async def test_one_whose_messages_can_not_be_had_goes_on(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_WHOLE_LIMIT_BYTES", 10_000)
    can_be_had = False
    heads: list[str] = []

    async def talk(peer: Peer) -> None:
        while True:
            heads.append(await peer.head())
            if can_be_had:
                await peer.answer("200 OK", SAID)
                continue
            await peer.send(b"HTTP/1.1 200 OK\r\n" + answer)
            if b"close" in answer:
                return

    async with serving(talk) as server, connected(server.url, patience=IMPATIENT) as client:
        conversation = conversation_of(client, conversation_id="0b0e")
        assert await conversation.current() == "0b0e"
        assert (conversation.messages, conversation.is_fresh) == ([], False)
        with pytest.raises(ContentLost):
            await conversation.refresh()
        outdated = [conversation.is_outdated]
        can_be_had = True
        await conversation.refresh()
        assert conversation.said_by_user() == ["Hello"]
        assert [*outdated, conversation.is_outdated] == [True, False]
    assert all("/history" in head for head in heads)


async def test_one_that_comes_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation_module, "_SOON_S", 0.3)

    async def talk(peer: Peer) -> None:
        while True:
            await peer.head()
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(SAID))
            for byte in SAID:
                await peer.send(bytes([byte]))
                await asyncio.sleep(0.02)

    async with serving(talk) as server, connected(server.url) as client:
        conversation = conversation_of(client, conversation_id="0b0e")
        assert await conversation.current() == "0b0e"
        assert conversation.messages == []
        await conversation.refresh(for_screens=True)
        assert conversation.said_by_user() == ["Hello"]


async def test_sources_are_for_screens(client: CloneClient, clone: SimulatedClone) -> None:
    clone.citations = [{"url": "https://example.org", "title": "A", "text": "B", "type": "web"}]
    conversation = conversation_of(client)
    await say(client, await conversation.current(), "Hello")
    assert not (await conversation.refresh())[-1].citations
    assert (await conversation.refresh(for_screens=True))[-1].citations


async def test_refreshed(client: CloneClient) -> None:
    conversation = conversation_of(client)
    assert await conversation.refresh() == []
    await say(client, await conversation.current(), "Hello")
    assert conversation.said_by_user() == []
    assert len(await conversation.refresh()) == 3
    assert conversation.said_by_user() == ["Hello"]


async def test_a_failed_look_leaves_what_was_known(client: CloneClient, clone: SimulatedClone) -> None:
    conversation = conversation_of(client)
    await conversation.current()
    known = conversation.messages
    conversation.note_said()
    await clone.stop()
    with pytest.raises(CloneError, match=r"can't connect|broke off"):
        await conversation.refresh()
    assert conversation.messages == known
    assert conversation.is_outdated


async def test_a_long_history_is_cut_to_its_newest(client: CloneClient) -> None:
    old = (await client.new_conversation("my-clone")).conversation_id
    for number in range(KEPT_MESSAGES // 2 + 1):
        await say(client, old, f"message {number}")
    conversation = conversation_of(client, conversation_id=old)
    await conversation.current()
    assert len(conversation.messages) == KEPT_MESSAGES
    assert conversation.messages[-2].text == f"message {KEPT_MESSAGES // 2}"


async def test_a_look_that_comes_back_after_a_renewal_is_of_the_past() -> None:
    renewed = asyncio.Event()
    ids = [str(uuid4()), str(uuid4())]

    async def talk(peer: Peer) -> None:
        while True:
            request = (await peer.request()).decode()
            if "/new" in request:
                await peer.answer("200 OK", f'{{"new": {{"conversation_id": "{ids.pop()}"}}}}'.encode())
            else:
                await renewed.wait()
                await peer.answer("200 OK", b'{"history": [{"text": "old", "sender": "USER"}]}')

    async with serving(talk) as server, connected(server.url) as client:
        conversation = conversation_of(client)
        await conversation.current()
        looking = asyncio.create_task(conversation.refresh())
        await asyncio.sleep(0.02)
        await conversation.renew()
        renewed.set()
        assert await looking == conversation.messages == []


async def test_a_state_directory_that_can_not_be_written_does_no_harm(client: CloneClient, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert await conversation_of(client, tmp_path / "file" / "state").current()


async def test_a_look_under_way_does_not_hide_what_is_said_meanwhile(client: CloneClient) -> None:
    conversation = conversation_of(client)
    await conversation.current()
    conversation.note_said()
    looking = asyncio.create_task(conversation.refresh())
    await asyncio.sleep(0)
    conversation.note_said()
    await looking
    assert conversation.is_outdated
    await conversation.refresh()
    assert not conversation.is_outdated
