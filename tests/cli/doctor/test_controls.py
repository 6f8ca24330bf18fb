from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from clonespeaker.cli.doctor.controls import check_button, check_detector, judge
from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.config.settings import Button, Settings

SETTINGS = Settings(button=Button(pin="GPIO17"))


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory()
    yield factory
    factory.reset()


async def check(factory: Any = None, press_s: float | None = None, daemon: Any = None) -> list[Finding]:
    return [
        finding
        async for finding in check_button(SETTINGS, daemon=daemon, press_s=press_s, factory=factory)
    ]  # fmt: skip


async def test_its_level(factory: MockFactory) -> None:
    (finding,) = await check(factory)
    assert (finding.result, finding.words) == ("ok", "GPIO17 is up")


async def test_presses_with_bounces_are_counted(factory: MockFactory) -> None:
    """Each of their edges; what these say, by the times between them, is looked at below."""
    asked: list[str] = []
    pin = factory.pin("GPIO17")

    def press() -> None:
        for _ in range(2 * 4):
            pin.drive_low()
            pin.drive_high()

    def ask(words: str) -> None:
        asked.append(words)
        asyncio.get_running_loop().call_soon(press)  # once it listens

    checks = check_button(SETTINGS, daemon=None, press_s=0.05, ask=ask, factory=factory)
    level, presses = [finding async for finding in checks]
    assert level.words == "GPIO17 is up"
    assert asked == ["press the button some times, for 0.05 s"]
    assert presses.name == "presses"
    movements, bounces = re.findall(r"(\d+) (?:movements|bounces)", presses.words)
    assert int(movements) + int(bounces) == 16
    assert ", the longest chatter" in presses.words


@pytest.mark.parametrize(
    ("edges_ms", "result", "words"),
    [
        ([], "failed", "GPIO17 did not move"),
        ([0, 200], "ok", "2 movements (a press has two), 0 bounces"),
        ([0, 1, 2, 200], "ok", "2 bounces, the longest chatter 2.0 ms"),
        (
            [*range(7), 106, *range(206, 213), 312],
            "ok",
            "4 movements (a press has two), 12 bounces, the longest chatter 6.0 ms",
        ),
        ([0, 10, 25, 300, 310], "warning", "3 bounces, the longest chatter 25.0 ms; button.bounce_ms is 15"),
    ],
    ids=["none", "clean", "within", "two presses", "beyond"],
)
def test_what_edges_say(edges_ms: Sequence[float], result: str, words: str) -> None:
    finding = judge([at / 1_000 for at in edges_ms], pin="GPIO17", bounce_ms=15)
    assert finding.result == result
    assert words in finding.words


def test_a_remedy_fits_the_worst_chatter() -> None:
    assert judge([0, 0.01, 0.02, 0.3], pin="GPIO17", bounce_ms=15).remedy.startswith("button.bounce_ms: 31")


async def test_a_pin_that_the_daemon_holds(factory: MockFactory) -> None:
    with gpiozero.DigitalInputDevice("GPIO17", pull_up=True, pin_factory=factory):
        await held(factory)


async def held(factory: MockFactory) -> None:
    assert (await check(factory))[0].result == "failed"
    assert (await check(factory, daemon={"causes": {}}))[0] == Finding("button", "ok", "GPIO17, in use by the daemon")
    (finding,) = await check(factory, daemon={"causes": {"button-stuck": "has been down for 60 s"}})
    assert (finding.result, "has been down for 60 s" in finding.words) == ("warning", True)
    (finding,) = await check(factory, daemon={"causes": {}}, press_s=1.0)
    assert "stop clonespeaker" in finding.remedy


async def test_no_gpio_is_wanted() -> None:
    settings = Settings(button=Button(source="none"))
    (finding,) = [finding async for finding in check_button(settings, daemon=None, press_s=None)]
    assert finding.result == "ok"


@pytest.mark.parametrize(
    ("button", "words"),
    [
        ({}, None),
        ({"mode": "tap", "end_after_ms": 0}, None),
        ({"mode": "tap"}, "800 ms of it end a question, heard by Silero's model"),
        ({"mode": "tap", "detector": "energy"}, "800 ms of it end a question, heard by the level alone"),
    ],
)
def test_what_hears_silence(button: dict[str, Any], words: str | None) -> None:
    assert [finding.words for finding in check_detector(Settings(button=Button(**button)))] == (
        [words] if words else []
    )
