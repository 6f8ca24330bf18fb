from __future__ import annotations

from typing import Any

import pytest

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.cli.doctor.keys import check_keys
from clonespeaker.config.settings import Key, Settings
from clonespeaker.controls.plugged import Plugged

PRESENTER = Plugged("Presenter", "/dev/input/event3", "/dev/input/event3", frozenset({104, 109}), True)
LOCKED = Plugged("Keyboard", "/dev/input/event4", "/dev/input/event4", frozenset({109}), False)


async def check(*keys: dict[str, Any], plugged: list[Plugged]) -> list[Finding]:
    settings = Settings(keys=tuple(Key(**key) for key in keys))
    return [finding async for finding in check_keys(settings, press_s=None, find=lambda: plugged)]


@pytest.mark.parametrize(
    ("key", "plugged", "result", "words"),
    [
        ({"key": "KEY_PAGEDOWN"}, [PRESENTER], "ok", "KEY_PAGEDOWN: on Presenter (/dev/input/event3)"),
        ({"key": "KEY_PAGEDOWN", "device": "pedal"}, [PRESENTER], "warning", "KEY_PAGEDOWN of pedal: nothing that"),
        ({"key": "KEY_PAGEDOWN"}, [LOCKED], "warning", "on Keyboard (/dev/input/event4), which can't be read"),
        ({"key": "KEY_PAGEDOWN"}, [LOCKED, PRESENTER], "ok", "on Keyboard (/dev/input/event4), Presenter ("),
        ({"key": "KEY_A"}, [], "warning", "KEY_A: nothing that is plugged in has it"),
    ],
)
async def test_where_a_key_is(key: dict[str, Any], plugged: list[Plugged], result: str, words: str) -> None:
    (finding,) = await check({"press": "talk", **key}, plugged=plugged)
    assert finding.result == result
    assert words in finding.words


async def test_no_keys_no_words() -> None:
    assert await check(plugged=[PRESENTER]) == []
