"""A server that takes no live upload gets the same utterance whole, at once, and from then on."""

from __future__ import annotations

from pathlib import Path

import pytest

from clonespeaker.audio.pcm import Samples
from tests.sound.card import SoundCard
from tests.sound.matching import locate, trace
from tests.sound.running import run_daemon

pytestmark = pytest.mark.sound


@pytest.mark.parametrize("fault", ["refuse-live", "reset-live"])
async def test_a_server_that_refuses_live_uploads(card: SoundCard, words: Samples, tmp_path: Path, fault: str) -> None:
    async with run_daemon(card, tmp_path) as daemon:
        await daemon.has_listened()
        daemon.clone.fault = fault
        turns = []
        for number in (1, 2):
            mark = card.position
            await daemon.hold(words)
            turns.append(await daemon.turn_over(number))
            got = daemon.utterances()[-1]
            at = locate(words, got)
            assert not got[:at].any()
            assert not got[at + words.size :].any()
            assert trace(got, await card.heard_whole(mark)).is_smooth
    assert [turn["outcome"] for turn in turns] == ["answered", "answered"]
    assert [turn["upload"] for turn in turns] == ["exact", "exact"]
    assert [(request.live, request.complete) for request in daemon.clone.received] == [
        (True, False),
        (False, True),
        (False, True),
    ]
