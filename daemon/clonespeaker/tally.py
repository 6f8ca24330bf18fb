"""What is counted since the start: plain numbers, for `/metrics` and the snapshot's totals.

Times are counted in histograms of fixed buckets. What happened before the release (a clone that answers early) counts
as 0 seconds after it, for the sum of a histogram may only grow.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clonespeaker.errors import FAULTS
from clonespeaker.turn import Outcome, State

STAGES = ("body_sent", "first_event", "first_audio", "first_sound", "drained")
"""Of the timeline's, those whose distance from the release is counted."""

# 1 ms to 60 s; 30 ms and 150 ms are what the end of an upload may take, by the budgets.
TIMES_S = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0
)  # fmt: skip
LENGTHS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Histogram:
    """How many values were how large.

    Args:
        bounds: of the buckets, each the largest value that belongs into it; a last one takes what is larger.

    Attributes:
        sum: of all values.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count it; less than 0 is 0."""
        value = max(0.0, value)
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def up_to(self) -> list[tuple[float, int]]:
        """Each bound with how many values were no larger; the last is infinite and has them all."""
        return list(zip((*self._bounds, float("inf")), itertools.accumulate(self._counts), strict=True))


class Tally:
    """Counts since the start.

    Attributes:
        turns: by outcome.
        uploads: spoken questions that went out whole, by kind.
        faults: times that each began.
        retries: requests beyond the first of a turn.
        underruns: times a reply ran dry before its end.
        stages_s: from the release to each of `STAGES`.
        connect_s: from the press to a connection with the clone.
        playout_delay_s: from a reply's first samples to the first one heard.
        utterances_s: lengths of what users said, where they finished.
        replies_s: lengths of what was played.
    """

    def __init__(self) -> None:
        self.turns = {outcome.value: 0 for outcome in Outcome}
        self.uploads = {"live": 0, "exact": 0}
        self.faults = dict.fromkeys(FAULTS, 0)
        self.retries = 0
        self.underruns = 0
        self.stages_s = {stage: Histogram(TIMES_S) for stage in STAGES}
        self.connect_s = Histogram(TIMES_S)
        self.playout_delay_s = Histogram(TIMES_S)
        self.utterances_s = Histogram(LENGTHS_S)
        self.replies_s = Histogram(LENGTHS_S)

    def count(self, told: Mapping[str, Any]) -> None:
        """A turn is over; its timeline, as it is told."""
        self.turns[told["outcome"]] += 1
        self.retries += told["retries"]
        self.underruns += told["underruns"]
        for stage, histogram in self.stages_s.items():
            _add_span(histogram, told, "released", stage)
        _add_span(self.connect_s, told, "pressed", "connected")
        _add_span(self.playout_delay_s, told, "first_audio", "first_sound")
        if told["upload"] and told["released"] is not None:  # a tap has an upload too, which was broken off
            self.utterances_s.add(told["utterance_ms"] / 1_000)
            if told["body_sent"] is not None:
                self.uploads[told["upload"]] += 1
        if told["reply_ms"]:
            self.replies_s.add(told["reply_ms"] / 1_000)

    @property
    def totals(self) -> dict[str, int]:
        """The status protocol's."""
        return {
            "turns": sum(self.turns.values()),
            **self.turns,
            "underruns": self.underruns,
            "retries": self.retries,
        }


def _add_span(histogram: Histogram, told: Mapping[str, Any], start: str, end: str) -> None:
    if told[start] is not None and told[end] is not None:
        histogram.add((told[end] - told[start]) / 1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that `/metrics` tells, as of one moment.

    Attributes:
        version: of the daemon.
        started_at: Unix time of its start, in seconds.
        state: what it is doing.
        muted: whether it lets nobody be heard.
        mute_switch: whether its switch mutes it; None where it has none.
        faults: the names of those that are active.
        status_clients: programs connected to the websocket.
        tasks: of the event loop; a number that only grows is a leak.
        microphone_overflows: times the device lost frames before they reached us.
        microphone_lost_samples: samples that reached us and were overwritten before they were read.
        device_underflows: times the playback device ran dry, as far as it says so.
        tally: what else is counted; nobody counts in it any more.
    """

    version: str
    started_at: float
    state: State
    muted: bool
    mute_switch: bool | None
    faults: frozenset[str]
    status_clients: int
    tasks: int
    microphone_overflows: int
    microphone_lost_samples: int
    device_underflows: int
    tally: Tally
