from __future__ import annotations

import msgspec
import pytest

from clonespeaker import wiring
from clonespeaker.config.changes import AT_ONCE, changed, take_at_once
from clonespeaker.config.settings import Button, Clone, Settings, Speaker
from tests.config.settings_text import read

OTHERS = {
    "clone.reply": "text",
    "clone.upload": "exact",
    "clone.image_url": "https://example.org/camera.jpg",
    "clone.retry_for_s": 5,
    "clone.new_conversation_after_s": 120,
    "microphone.pre_roll_ms": 100,
    "microphone.min_hold_ms": 100,
    "microphone.max_seconds": 30,
    "speaker.read_ahead_s": 10,
    "speaker.lead_in_ms": 100,
    "speaker.volume": 10,
    "speaker.reply_rate_hz": 24_000,
    "button.mode": "tap",
    "button.end_after_ms": 1_500,
    "lights.brightness": 10,
    "lights.quiet_hours": "22:00-07:00",
    "lights.quiet_brightness": 0,
    "sounds.earcons": False,
    "sounds.start": True,
    "sounds.speech": False,
    "kiosk.title": "Ask Ada",
    "kiosk.text_percent": 120,
    "kiosk.theme": "dark",
    "kiosk.controls": False,
}
"""Each with a value that is not the default."""


def with_other(name: str) -> Settings:
    section, _, key = name.partition(".")
    return msgspec.convert({section: {key: OTHERS[name]}}, Settings)


def test_what_differs() -> None:
    after = Settings(clone=Clone(slug="x"), speaker=Speaker(volume=1), button=Button(pin="GPIO4"), state_dir="/srv")
    assert changed(Settings(), after) == ["clone.slug", "speaker.volume", "button.pin", "state_dir"]
    assert changed(after, after) == []


def test_what_takes_effect_and_what_waits() -> None:
    after = Settings(clone=Clone(slug="x", reply="text"), speaker=Speaker(volume=1), button=Button(pin="GPIO4"))
    assert take_at_once(Settings(), after) == Settings(clone=Clone(reply="text"), speaker=Speaker(volume=1))


def test_another_board_waits_for_a_restart_with_all_that_it_fills_in() -> None:
    after = read("board: aiy-voice-hat-v1")
    assert changed(Settings(), after) == [
        *("microphone.device", "speaker.device", "button.pin", "lights.kind", "lights.pins", "board"),
    ]
    assert take_at_once(Settings(), after) == Settings()


def test_all_have_another_value_here() -> None:
    assert OTHERS.keys() == AT_ONCE


@pytest.mark.parametrize("name", OTHERS)
def test_all_that_take_effect_at_once_reach_somebody(name: str) -> None:
    after = take_at_once(Settings(), with_other(name))
    assert changed(Settings(), after) == [name]
    reached = [each(after) != each(Settings()) for each in (wiring.habits, wiring.manner, wiring.screen)]
    reached.append(wiring.brightness(after.lights) != wiring.brightness(Settings().lights))
    by_hand = {"speaker.read_ahead_s", "speaker.lead_in_ms", "speaker.volume"}
    assert any(reached) != (name in by_hand)
