"""A question asked to find out what a server takes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.cli.doctor.upload import check_remembered, judge_uplink, measure
from clonespeaker.config.settings import Clone, Settings
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.state import SavedUpload, State, StateDir

HERE = "https://api.example"


def remembered(state_dir: Path, upload: str, live: bool | None, age_days: float = 1, at: str = HERE) -> Finding:
    found_at = time.time() - age_days * 86_400
    saved = None if live is None else SavedUpload(base_url=at, live=live, found_at=found_at)
    StateDir(state_dir).save(State(upload=saved))
    return check_remembered(Settings(clone=Clone(base_url=HERE, upload=upload), state_dir=str(state_dir)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("upload", "live", "age_days", "result", "words"),
    [
        ("auto", None, 1, "ok", "not known yet"),
        ("auto", True, 1, "ok", "took a question while it was spoken"),
        ("auto", False, 1, "warning", "so answers come later"),
        ("auto", False, 8, "ok", "the next one is tried live"),
        ("live", False, 1, "failed", "refused"),
    ],
)
def test_what_is_remembered(
    tmp_path: Path, upload: str, live: bool | None, age_days: float, result: str, words: str
) -> None:
    finding = remembered(tmp_path, upload, live, age_days)
    assert (finding.name, finding.result) == ("upload", result)
    assert words in finding.words
    if live is not True and result != "ok":
        assert "clonespeaker doctor --upload" in finding.remedy


def test_another_server_s_choice_says_nothing(tmp_path: Path) -> None:
    assert "not known yet" in remembered(tmp_path, "auto", False, at="https://elsewhere.example").words


async def measured(
    state_dir: Path, fault: str | None = None, **settings: Any
) -> tuple[SimulatedClone, dict[str, Finding]]:
    clone = SimulatedClone()
    clone.fault = fault
    clone.think_s, clone.rate_limit_per_minute = 0, None
    url = await clone.start()
    try:
        wanted = Settings(clone=Clone(**{"base_url": url, "slug": "my-clone"} | settings), state_dir=str(state_dir))
        found = {finding.name: finding async for finding in measure(wanted, clone.api_key)}
    finally:
        await clone.stop()
        await asyncio.sleep(0.05)  # the connection is given up right after
    return clone, found


async def test_a_server_that_takes_live(tmp_path: Path) -> None:
    clone, found = await measured(tmp_path)
    assert [finding.result for finding in found.values()] == ["ok", "ok"]
    assert "measured now, and remembered" in found["upload"].words
    (received,) = clone.received
    assert received.live
    assert received.fields["response_type"] == "text"
    assert len(received.pcm) > 300_000
    saved = StateDir(tmp_path).load()
    assert saved.upload is not None
    assert saved.upload.live
    assert saved.conversation is None  # the device's own is another
    assert "Mbit/s; speech needs 0.95" in found["uplink"].words


async def test_a_server_that_refuses_live(tmp_path: Path) -> None:
    clone, found = await measured(tmp_path, "refuse-live")
    assert [request.live for request in clone.received] == [True, False]
    assert found["upload"].result == "warning"
    assert "measured now, and remembered for a week" in found["upload"].words
    assert "uplink" in found
    saved = StateDir(tmp_path).load().upload
    assert saved is not None
    assert not saved.live


async def test_what_only_breaks_off_is_not_remembered(tmp_path: Path) -> None:
    _, found = await measured(tmp_path, "reset-live")
    assert "measured now; not remembered" in found["upload"].words
    assert StateDir(tmp_path).load().upload is None


async def test_who_wants_live_is_told_that_it_is_refused(tmp_path: Path) -> None:
    _, found = await measured(tmp_path, "refuse-live", upload="live")
    assert list(found) == ["upload"]
    assert found["upload"].result == "failed"
    assert "clone.upload: auto" in found["upload"].remedy


async def test_who_wants_exact_is_told_what_is_missed(tmp_path: Path) -> None:
    _, found = await measured(tmp_path, upload="exact")
    assert found["upload"].result == "warning"
    assert "clone.upload: auto" in found["upload"].remedy


async def test_a_clone_that_is_not_ready(tmp_path: Path) -> None:
    _, found = await measured(tmp_path, "status-403-prerequisites")
    assert found["upload"].result == "failed"
    assert "at least one document" in found["upload"].remedy


async def test_no_slug_no_conversation_of_its_own(tmp_path: Path) -> None:
    _, found = await measured(tmp_path, slug=None)
    assert found["upload"].remedy == "set clone.slug"


@pytest.mark.parametrize(
    ("mbits", "result", "words"),
    [
        (0.48, "warning", "0.48 Mbit/s; speech needs 0.95 while it is spoken: after 10 s of speech, 10 s more pass"),
        (0.96, "warning", "just enough"),
        (1.2, "ok", "1.20 Mbit/s"),
        (310.4, "ok", "310 Mbit/s"),
    ],
)
def test_what_an_uplink_is_good_for(mbits: float, result: str, words: str) -> None:
    finding = judge_uplink(mbits)
    assert finding.result == result
    assert words in finding.words
