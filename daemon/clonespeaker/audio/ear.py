"""Hears when the user has finished, in a thread of its own; nothing of it is there before it is needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np

from clonespeaker.audio.convert import open_resampler
from clonespeaker.audio.detectors import FRAME, FRAME_MS, RATE_HZ, Detector, open_detector
from clonespeaker.audio.endpoint import NOTHING_AFTER_MS, Endpoint, Verdict
from clonespeaker.audio.pcm import Samples

log = logging.getLogger(__name__)

_SPEECH_HZ = 44_100
_Result = TypeVar("_Result")


class Ear:
    """Listens to one utterance after another.

    Args:
        wanted: "vad", "energy" or "auto", as the settings say.
    """

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        # One thread: an utterance that was given up may still be at it when the next one begins.
        self._thread = ThreadPoolExecutor(1, "ear")
        self._detector: Detector | None = None

    async def prepare(self) -> None:
        """Load what is needed, so that the first utterance need not wait for it."""
        await self._in_thread(self._opened)

    async def listen(self, pieces: AsyncIterator[bytes], *, end_after_ms: float) -> Verdict | None:
        """What becomes clear of an utterance, as soon as it does; None where it is over before.

        Args:
            pieces: s16le mono at 44.1 kHz from its beginning on, each as it comes.
            end_after_ms: quiet after speech that means its end.
        """
        hearing = await self._in_thread(lambda: _Hearing(self._opened(), end_after_ms))
        async for piece in pieces:
            samples = np.frombuffer(piece, np.int16)
            verdict = await self._in_thread(partial(hearing.hear, samples))
            if verdict is not None:
                return verdict
        return None

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Let the thread go, once it has finished what it is at."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _opened(self) -> Detector:
        # Thread: the ear's.
        if self._detector is None:
            try:
                self._detector = open_detector(self._wanted)
            except (ImportError, OSError, RuntimeError) as error:
                log.warning("button.detector is vad, which can't be used (%s); the level alone ends a question", error)
                self._detector = open_detector("energy")
            log.info("the end of a question is heard by %s", self._detector.name)
        return self._detector


class _Hearing:
    """One utterance on its way through a detector. Its methods run in the ear's thread."""

    def __init__(self, detector: Detector, end_after_ms: float) -> None:
        detector.begin()
        self._detector = detector
        self._endpoint = Endpoint(end_after_ms=end_after_ms, nothing_after_ms=NOTHING_AFTER_MS)
        self._resampler = open_resampler(_SPEECH_HZ, RATE_HZ)
        self._left = np.zeros(0, np.int16)

    def hear(self, samples: Samples) -> Verdict | None:
        heard = np.concatenate((self._left, self._resampler.convert(samples)))
        whole = heard.size // FRAME * FRAME
        self._left = heard[whole:]
        for frame in heard[:whole].reshape(-1, FRAME):
            verdict = self._endpoint.hear(self._detector.likely(frame), FRAME_MS)
            if verdict is not None:
                return verdict
        return None
