from __future__ import annotations

import asyncio
import gc
import weakref

from clonespeaker.audio.speaker import Speaker
from clonespeaker.signals import Signals
from tests.audio.card import Card


async def test_earcons_in_quick_succession_leave_nothing_behind() -> None:
    card = Card()
    speaker = Speaker(card.open_speaker)
    speaker.open()
    signals = Signals(speaker)
    sounded: list[weakref.ref[asyncio.Task[None]]] = []
    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            after = tasks.create_task(asyncio.sleep(0.005))
            signals.failed(tasks, after=after)
            assert signals._sounding is not None
            sounded.append(weakref.ref(signals._sounding))
            await asyncio.sleep(0.01)
        signals.hush()
    gc.collect()
    assert [ref() is not None for ref in sounded] == [False, False, False, False, True]
