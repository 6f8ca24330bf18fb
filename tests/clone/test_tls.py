"""Over https: uploads and replies as over plain HTTP, and no key to a server with a certificate that is no good."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import Request
from clonespeaker.clone.reply import Final
from clonespeaker.clone.upload import exact_body, in_pieces, live_body
from clonespeaker.errors import CloneError
from clonespeaker.simulate.server import SimulatedClone
from tests.peers import connected

PCM = bytes(range(256)) * 2_000  # 5.8 s


@pytest.fixture
async def clone() -> AsyncIterator[SimulatedClone]:
    clone = SimulatedClone(tls="valid", think_s=0, voice="tone", tone_s=0.5, rate_limit_per_minute=None)
    yield clone
    await clone.stop()


async def say(client: CloneClient, upload: str) -> int:
    """One spoken question → how many events its answer has."""
    conversation = await client.new_conversation("my-clone")
    fields = {"conversation_id": conversation.conversation_id, "response_type": "voice", "stream": True}

    async def spoken() -> AsyncIterator[bytes]:
        for at in range(0, len(PCM), 1_764):
            yield PCM[at : at + 1_764]

    if upload == "live":
        body, length = live_body(fields, spoken(), declared_bytes=len(PCM)), None
    else:
        pieces, length = exact_body(fields, PCM)
        body = in_pieces(pieces)
    events = [event async for event in client.generate(body, length=length, request=Request())]
    assert isinstance(events[-1], Final)
    return len(events)


@pytest.mark.parametrize("upload", ["live", "exact"])
async def test_uploads(clone: SimulatedClone, upload: str) -> None:
    url = await clone.start()
    async with connected(url, ca_file=clone.ca_file) as client:
        for _ in range(2):  # and once more on the connection that is open
            assert await say(client, upload) > 1
    assert [received.pcm for received in clone.received] == [PCM, PCM]


async def test_whom_nobody_here_vouches_for_gets_nothing(clone: SimulatedClone) -> None:
    """The machine's own authorities do not know the simulated clone's."""
    url = await clone.start()
    async with connected(url) as client:
        with pytest.raises(CloneError, match="certificate") as refused:
            await say(client, "live")
    assert (refused.value.fault, refused.value.retryable) == ("offline", False)
    assert clone.received == []


async def test_an_authority_that_is_named_is_trusted_alone(clone: SimulatedClone, tmp_path: Path) -> None:
    other = SimulatedClone(tls="valid")
    await other.start()
    try:
        url = await clone.start()
        async with connected(url, ca_file=other.ca_file) as client:
            with pytest.raises(CloneError, match="certificate"):
                await client.profile("my-clone")
    finally:
        await other.stop()
