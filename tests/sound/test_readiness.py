"""Everything is ready before it is needed: between letting go and hearing the clone, nothing is opened."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from clonespeaker.simulate.server import SimulatedClone
from tests.sound.card import SoundCard

pytestmark = pytest.mark.sound


async def watched(card: SoundCard, state_dir: Path, clone: SimulatedClone) -> list[list[str]]:
    """Two turns of a fresh daemon: what it imported, opened, connected or started while the user waited."""
    url = await clone.start()
    daemon = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.sound.watched", url, clone.api_key, str(state_dir)),
        env=os.environ | card.environment,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await daemon.communicate()
    await clone.stop()
    assert daemon.returncode == 0
    turns: list[list[str]] = json.loads(printed)
    return turns


async def test_nothing_is_opened_between_release_and_first_sound(card: SoundCard, tmp_path: Path) -> None:
    clone = SimulatedClone(voice="tone", tone_s=0.3, think_s=0.3)
    assert await watched(card, tmp_path, clone) == [[], []]


async def test_a_decoder_is_loaded_once_and_before_it_is_needed_from_then_on(card: SoundCard, tmp_path: Path) -> None:
    clone = SimulatedClone(voice="tone", tone_s=0.3, think_s=0.3, encoding="mp3")
    first, second = await watched(card, tmp_path, clone)
    assert any(what.startswith("import av") for what in first)  # nobody knew that it answers in MP3
    assert second == []
    assert await watched(card, tmp_path, clone) == [[], []]
