"""`/metrics`: figures in the formats of Prometheus and OpenMetrics.

The server imports this at the first scrape, and in a thread: nobody who does not scrape pays for the library. Names
follow https://prometheus.io/docs/practices/naming/; every label value there may be is told from the start, as 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from clonespeaker.errors import FAULTS
from clonespeaker.tally import Figures, Histogram, Tally
from clonespeaker.turn import State


def expose(figures: Figures, accept: str) -> tuple[str, str]:
    """Content type and text.

    Args:
        figures: what is to be told.
        accept: the request's header of that name, or "". OpenMetrics is given to who asks for it.
    """
    try:
        encode, content_type = choose_encoder(accept if accept.isascii() else "")
    except TypeError:  # a version that is no number, in newer releases of the library
        encode, content_type = choose_encoder("")
    return content_type, encode(_Families(figures)).decode()


class _Families(Collector):
    """What the library's encoders read: one family for each name."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        yield from _state(self._figures)
        yield from _turns(self._figures.tally)
        yield from _mishaps(self._figures)


def _state(now: Figures) -> Iterator[Metric]:
    yield InfoMetricFamily("clonespeaker_build", "Which clonespeaker this is.", {"version": now.version})
    yield GaugeMetricFamily(
        "clonespeaker_start_time_seconds", "When it started, in Unix time.", now.started_at, unit="seconds"
    )
    state = GaugeMetricFamily("clonespeaker_state", "1 for what the device is doing, else 0.", labels=["state"])
    for each in State:
        state.add_metric([each.value], each is now.state)
    yield state
    yield GaugeMetricFamily("clonespeaker_muted", "1 while the microphone is muted.", now.muted)
    yield GaugeMetricFamily("clonespeaker_mute_switch", "1 while its switch mutes it.", bool(now.mute_switch))
    fault = GaugeMetricFamily("clonespeaker_fault_active", "1 while this is wrong.", labels=["fault"])
    for name in FAULTS:
        fault.add_metric([name], name in now.faults)
    yield fault
    yield GaugeMetricFamily(
        "clonespeaker_status_clients", "Programs connected to the local websocket.", now.status_clients
    )
    yield GaugeMetricFamily("clonespeaker_tasks", "Tasks of the event loop; they grow where it leaks.", now.tasks)


def _turns(tally: Tally) -> Iterator[Metric]:
    yield _counter("clonespeaker_turns", "Turns that are over, by how they ended.", "outcome", tally.turns)
    yield _counter("clonespeaker_uploads", "Spoken questions sent whole, by how they were sent.", "kind", tally.uploads)
    stages = _histogram(
        "clonespeaker_turn_stage_seconds",
        "Time from the release to a stage of the turn, which is 0 where it came before the release.",
        labels=["stage"],
    )
    for stage, histogram in tally.stages_s.items():
        _fill(stages, [stage], histogram)
    yield stages
    for name, help_text, histogram in (
        ("turn_connect", "Time from the press to a connection with the clone.", tally.connect_s),
        ("turn_playout_delay", "Time from a reply's first samples to the first one heard.", tally.playout_delay_s),
        ("utterance", "Length of what users said, pre-roll included.", tally.utterances_s),
        ("reply", "Length of what was played of replies.", tally.replies_s),
    ):
        family = _histogram(f"clonespeaker_{name}_seconds", help_text)
        _fill(family, [], histogram)
        yield family


def _mishaps(now: Figures) -> Iterator[Metric]:
    tally = now.tally
    yield _counter("clonespeaker_faults", "Times something began to be wrong.", "fault", tally.faults)
    for name, help_text, count in (
        ("retries", "Requests beyond the first of a turn.", tally.retries),
        ("underruns", "Times a reply ran dry before its end.", tally.underruns),
        (
            "device_underflows",
            "Times the playback device ran dry by itself, as far as it says so.",
            now.device_underflows,
        ),
        ("microphone_overflows", "Times the microphone lost frames before they reached us.", now.microphone_overflows),
        (
            "microphone_lost_samples",
            "Samples overwritten before they were read, on a machine that is too busy.",
            now.microphone_lost_samples,
        ),
    ):
        yield CounterMetricFamily(f"clonespeaker_{name}", help_text, count)


def _counter(name: str, help_text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _histogram(name: str, help_text: str, labels: list[str] | None = None) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, help_text, labels=labels, unit="seconds")


def _fill(family: HistogramMetricFamily, labels: list[str], histogram: Histogram) -> None:
    buckets = [("+Inf" if bound == float("inf") else str(bound), count) for bound, count in histogram.up_to()]
    family.add_metric(labels, buckets, histogram.sum)
