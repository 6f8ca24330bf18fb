from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from clonespeaker.simulate.server import SimulatedClone
from tests.simulate.conversing import HEADERS, Conversing


@pytest.fixture
async def clone() -> AsyncIterator[SimulatedClone]:
    clone = SimulatedClone(think_s=0, voice="echo", snippet_ms=5)
    yield clone
    await clone.stop()


@pytest.fixture
async def base_url(clone: SimulatedClone) -> URL:
    return URL(await clone.start())


@pytest.fixture
async def http(base_url: URL) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url, headers=HEADERS) as session:
        yield session


@pytest.fixture
async def talk(http: aiohttp.ClientSession) -> Conversing:
    response = await http.post("/api/conversation/new", json={"slug": "my-clone"})
    return Conversing(http, (await response.json())["new_conversation"]["conversation_id"])
