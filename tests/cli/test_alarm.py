from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clonespeaker.cli.alarm import RATE_HZ, announcement, is_booting, language_in, was_told
from clonespeaker.config.settings import Settings, Sounds
from clonespeaker.cues import Earcon


def test_tones_then_words() -> None:
    once = announcement("no-key", Settings(), Earcon.ERROR)
    thrice = announcement("no-key", Settings(), Earcon.ERROR, times=3)
    silent = announcement("no-key", Settings(sounds=Sounds(earcons=False, speech=False)), Earcon.ERROR)
    assert silent.size == pytest.approx(0.9 * RATE_HZ, rel=0.01)
    assert once.size > silent.size + RATE_HZ
    assert thrice.size - once.size == pytest.approx(2 * silent.size, abs=10)
    assert np.array_equal(once[: silent.size], silent)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("language: de\nspeaker: {loud: 1}", "de"),
        ("{speaker: {loud: 1}, language: 'fr'}", "fr"),
        ('speaker:\n  volume: x\nlanguage: "es"', "es"),
        ("language: xx", "en"),
        ("# language: de", "en"),
        ("", "en"),
    ],
)
def test_the_language_of_settings_that_cant_be_used(tmp_path: Path, text: str, language: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    assert language_in(tmp_path / "config.yaml") == language
    assert language_in(tmp_path / "gone.yaml") == "en"


@pytest.mark.parametrize(
    ("says", "booting"), [("initializing", True), ("starting", True), ("running", False), ("degraded", False)]
)
def test_whether_the_machine_boots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, booting: bool) -> None:
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\necho {says}\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert is_booting() == booting
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert not is_booting()


def test_a_directory_that_cant_be_written_tells_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "gone"))
    assert not was_told("a")
    assert not was_told("a")
