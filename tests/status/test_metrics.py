from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from clonespeaker.errors import FAULTS
from clonespeaker.status.metrics import expose
from clonespeaker.tally import Figures, Tally
from clonespeaker.timeline import Timeline
from clonespeaker.turn import Outcome, State
from tests.status.stand_in import figures_of

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PROMETHEUS_2 = (  # what it sends by default
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def busy() -> Figures:
    """After two turns and some trouble."""
    tally = Tally()
    answered = Timeline(
        pressed=8.0, connected=8.04, released=10.0, body_sent=10.004, first_event=10.29, first_audio=10.29,
        first_sound=10.34, drained=13.0, utterance_ms=2_300, reply_ms=2_600, upload="live", retries=1, underruns=2,
        outcome=Outcome.ANSWERED,
    )  # fmt: skip
    tally.count(answered.told())
    tally.count(Timeline(pressed=20.0, upload="live", outcome=Outcome.TAPPED).told())
    tally.faults["offline"] = 3
    return figures_of(
        tally,
        state=State.SPEAKING,
        muted=True,
        mute_switch=True,
        faults=frozenset({"muted", "no-speaker"}),
        status_clients=2,
        tasks=9,
        microphone_overflows=4,
        microphone_lost_samples=441,
        device_underflows=5,
    )


def parse_openmetrics(text: str) -> list[Metric]:
    return list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def series(families: Iterable[Metric]) -> dict[str, float]:
    """Values by name and labels."""
    found = {}
    for family in families:
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_all_is_told() -> None:
    told = series(parse_prometheus(expose(busy(), "")[1]))
    expected = {
        "clonespeaker_build_info{version=1.2.3}": 1,
        "clonespeaker_start_time_seconds": 1_700_000_000,
        "clonespeaker_state{state=speaking}": 1,
        "clonespeaker_state{state=idle}": 0,
        "clonespeaker_muted": 1,
        "clonespeaker_mute_switch": 1,
        "clonespeaker_fault_active{fault=no-speaker}": 1,
        "clonespeaker_fault_active{fault=offline}": 0,
        "clonespeaker_status_clients": 2,
        "clonespeaker_tasks": 9,
        "clonespeaker_turns_total{outcome=answered}": 1,
        "clonespeaker_turns_total{outcome=tapped}": 1,
        "clonespeaker_turns_total{outcome=failed}": 0,
        "clonespeaker_uploads_total{kind=live}": 1,
        "clonespeaker_uploads_total{kind=exact}": 0,
        "clonespeaker_turn_stage_seconds_bucket{le=0.002,stage=body_sent}": 0,
        "clonespeaker_turn_stage_seconds_bucket{le=0.005,stage=body_sent}": 1,
        "clonespeaker_turn_stage_seconds_bucket{le=+Inf,stage=body_sent}": 1,
        "clonespeaker_turn_stage_seconds_count{stage=first_sound}": 1,
        "clonespeaker_turn_connect_seconds_sum": pytest.approx(0.04),
        "clonespeaker_turn_playout_delay_seconds_sum": pytest.approx(0.05),
        "clonespeaker_utterance_seconds_sum": pytest.approx(2.3),
        "clonespeaker_reply_seconds_count": 1,
        "clonespeaker_faults_total{fault=offline}": 3,
        "clonespeaker_retries_total": 1,
        "clonespeaker_underruns_total": 2,
        "clonespeaker_device_underflows_total": 5,
        "clonespeaker_microphone_overflows_total": 4,
        "clonespeaker_microphone_lost_samples_total": 441,
    }
    assert {name: told[name] for name in expected} == expected
    assert sum(value for name, value in told.items() if name.startswith("clonespeaker_state{")) == 1


def test_the_series_are_all_there_before_anything_is_counted() -> None:
    fresh = series(parse_prometheus(expose(figures_of(Tally()), "")[1]))
    later = series(parse_prometheus(expose(busy(), "")[1]))
    assert fresh.keys() == later.keys()
    nonzero = {name for name, value in fresh.items() if value}
    assert nonzero == {
        "clonespeaker_build_info{version=1.2.3}", "clonespeaker_start_time_seconds", "clonespeaker_state{state=idle}"
    }  # fmt: skip
    assert {name.partition("=")[2][:-1] for name in fresh if name.startswith("clonespeaker_fault_active")} == set(
        FAULTS
    )


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
@pytest.mark.parametrize("figures", [busy(), figures_of(Tally())], ids=["busy", "fresh"])
def test_what_promtool_would_check(figures: Figures, accept: str) -> None:
    text = expose(figures, accept)[1]
    helped, typed = re.findall(r"^# HELP (\S+) .*\.$", text, re.M), re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)
    assert helped == [name for name, _ in typed]
    samples = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert [name for name, count in Counter(samples).items() if count > 1] == []
    assert [name for name, count in Counter(helped).items() if count > 1] == []
    for name, kind in typed:
        assert re.fullmatch(r"clonespeaker_[a-z]+(_[a-z]+)*", name)
        assert not re.search(r"_(count|sum|bucket|ms|milliseconds|gauge|counter|histogram)$", name)
        if not accept:
            assert name.endswith("_total") == (kind == "counter")
        if kind == "histogram":
            assert name.endswith("_seconds")


def test_openmetrics_reads_the_same() -> None:
    content_type, text = expose(busy(), OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert series(parse_openmetrics(text)) == series(parse_prometheus(expose(busy(), "")[1]))
    assert "# UNIT clonespeaker_turn_stage_seconds seconds\n" in text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("text/html,*/*;q=0.8", "text/plain"),
        (PROMETHEUS_2, "application/openmetrics-text"),
        ("text/plain; version=new", "text/plain"),
        ("text/plain; version=9.\udcff", "text/plain"),
    ],
)
def test_the_form_that_is_asked_for(accept: str, kind: str) -> None:
    content_type, text = expose(busy(), accept)
    assert content_type.startswith(f"{kind}; version=")
    assert content_type.isascii()
    assert text.endswith("# EOF\n") == (kind != "text/plain")


def test_an_openmetrics_of_no_known_version_gets_something_that_can_be_read() -> None:
    assert "clonespeaker_muted 1.0" in expose(busy(), "application/openmetrics-text; version=new")[1]


def test_labels_are_escaped() -> None:
    odd = figures_of(Tally(), version='1.0 "beta"\\\n{x="y"} é')
    text = expose(odd, "")[1]
    assert 'clonespeaker_build_info{version="1.0 \\"beta\\"\\\\\\n{x=\\"y\\"} é"} 1.0\n' in text
    (build,) = [family for family in parse_openmetrics(expose(odd, OPENMETRICS)[1]) if "build" in family.name]
    assert build.samples[0].labels["version"] == odd.version


def test_who_does_not_scrape_does_not_pay() -> None:
    code = "import sys, clonespeaker.app; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
