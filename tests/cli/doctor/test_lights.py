from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.cli.doctor.lights import check_lights, looks
from clonespeaker.config.settings import Lights, Settings
from clonespeaker.cues import FAULTS, MUTED, STATES
from clonespeaker.lights.encoding import apa102
from clonespeaker.lights.strip import Strip
from tests.lights.reading import read_apa102

RING = Settings(lights=Lights(kind="apa102", count=3, brightness=100, spi="98.7"))


class Recorded:
    """A wire that keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = 0

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.closed += 1


async def check(settings: Settings, **arguments: Any) -> list[Finding]:
    return [finding async for finding in check_lights(settings, **{"daemon": None, **arguments})]


async def test_none_are_wanted() -> None:
    assert await check(Settings()) == [Finding("lights", "ok", "lights.kind is none")]


async def test_a_port_that_is_not_there() -> None:
    (finding,) = await check(RING)
    assert finding.result == "failed"
    assert "/dev/spidev98.7 can't be opened" in finding.words
    assert "dtparam=spi=on" in finding.words


@pytest.mark.parametrize(
    ("lights", "show_s", "result", "words", "remedy"),
    [
        ({"trouble": ""}, None, "ok", "apa102, 3 lamps, in use by the daemon", ""),
        ({"trouble": ""}, 2.0, "warning", "apa102, 3 lamps, in use by the daemon", "stop clonespeaker first"),
        ({"trouble": "no such port"}, None, "failed", "no such port", ""),
        (None, None, "ok", "apa102, 3 lamps, in use by the daemon", ""),
    ],
)
async def test_a_daemon_that_holds_them(
    lights: dict[str, str] | None, show_s: float | None, result: str, words: str, remedy: str
) -> None:
    (finding,) = await check(RING, daemon={"device": {"lights": lights}}, show_s=show_s)
    assert (finding.result, finding.words) == (result, words)
    assert remedy in finding.remedy


async def test_each_look_is_shown() -> None:
    wire, asked = Recorded(), list[str]()
    found = await check(
        RING,
        show_s=0.2,
        ask=asked.append,
        opener=lambda: Strip(wire, lambda frame: apa102(frame, "bgr"), lamps=3),
    )
    assert found == [Finding("lights", "ok", "apa102, 3 lamps")]
    assert wire.closed == 2
    assert [words.partition(",")[0] for words in asked] == [f"lights: {name.split(', ')[0]}" for name in looks()]
    shown = [read_apa102(each, 3) for each in wire.sent]
    assert not shown[-1].any()
    hues = {tuple(np.rint(frame.sum(axis=0) / frame.max() * 2)) for frame in shown if frame.max() > 0.5}
    assert len(hues) >= 3


def test_all_is_shown() -> None:
    named = {name for names in looks() for name in names.split(", ")}
    assert named == {*STATES, *FAULTS, "muted"}
    assert list(looks().values())[: len(STATES)] == list(STATES.values())
    assert MUTED in looks().values()
