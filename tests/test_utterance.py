from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.utterance import Utterance

SAMPLES = np.arange(-500, 500, dtype=np.int16)


async def test_it_is_read_while_it_grows() -> None:
    utterance = Utterance()
    read: list[bytes] = []

    async def follow() -> None:
        async for piece in utterance.pieces():
            read.append(piece)

    following = asyncio.create_task(follow())
    for part in np.array_split(SAMPLES, 4):
        utterance.add(part)
        for _ in range(5):  # turns of the loop: more than it takes
            await asyncio.sleep(0)
    assert not following.done()
    utterance.end()
    await following
    assert b"".join(read) == SAMPLES.tobytes()
    assert len(read) == 4


async def test_it_is_read_again_from_its_beginning() -> None:
    utterance = Utterance()
    utterance.add(SAMPLES[:100])
    first = utterance.pieces()
    assert await anext(first) == SAMPLES[:100].tobytes()
    utterance.add(SAMPLES[100:])
    utterance.end()
    assert b"".join([piece async for piece in first]) == SAMPLES[100:].tobytes()
    assert await utterance.whole() == SAMPLES.tobytes()


async def test_the_whole_of_it_waits_for_its_end() -> None:
    utterance = Utterance()
    utterance.add(SAMPLES)
    whole = asyncio.create_task(utterance.whole())
    await asyncio.sleep(0.01)
    assert not whole.done()
    utterance.end()
    assert await whole == SAMPLES.tobytes()


async def test_two_read_it_at_the_same_time() -> None:
    utterance = Utterance()
    readers = [asyncio.create_task(utterance.whole()) for _ in range(2)]
    for part in np.array_split(SAMPLES, 10):
        utterance.add(part)
        await asyncio.sleep(0)
    utterance.end()
    async with asyncio.timeout(30):
        assert await asyncio.gather(*readers) == [SAMPLES.tobytes()] * 2


async def test_one_that_is_over_and_one_without_a_sound() -> None:
    assert await Utterance.of(SAMPLES).whole() == SAMPLES.tobytes()
    assert [piece async for piece in Utterance.of(SAMPLES[:0]).pieces()] == []


@given(st.lists(st.integers(0, 3_000)))
def test_its_length(parts: list[int]) -> None:
    utterance = Utterance()
    lengths = [utterance.duration_ms]
    for count in parts:
        utterance.add(np.zeros(count, np.int16))
        lengths.append(utterance.duration_ms)
    assert all(one <= other for one, other in pairwise(lengths))
    assert lengths[-1] == pytest.approx(sum(parts) / 44.1)
