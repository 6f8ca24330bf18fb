"""A card with a mistake, put into a device: heard."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from clonespeaker.cli.alarm import announcement
from clonespeaker.config.settings import Settings
from clonespeaker.cues import Earcon
from tests.sound.card import SoundCard
from tests.sound.matching import trace

pytestmark = pytest.mark.sound


async def start(root: Path, in_force: str = "") -> subprocess.CompletedProcess[str]:
    """A device's start with settings in force, and on the card a key with nothing in it."""
    (root / "card").mkdir()
    (root / "card" / "clonespeaker.key").write_text("")
    (root / "device").mkdir()
    (root / "device" / "config.yaml").write_text(in_force)
    command = [sys.executable, "-m", "clonespeaker", "provision", f"--from={root / 'card'}", f"--to={root / 'device'}"]
    return await asyncio.to_thread(
        lambda: subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    )


@pytest.mark.parametrize(
    "in_force",
    [
        pytest.param("speaker: {volume: 100}", id="on the speaker in force"),
        pytest.param("speaker: {volume: 100, device: a card that is not there}", id="on another"),
    ],
)
async def test_a_mistake_is_heard(card: SoundCard, tmp_path: Path, in_force: str) -> None:
    mark = card.position
    done = await start(tmp_path, in_force)
    assert done.returncode == 78
    assert "empty" in done.stderr
    assert "no speaker" not in done.stdout
    heard = await card.heard_whole(mark)
    if "not there" in in_force:  # at the volume that a device has when nobody sets it
        assert heard.any()
    else:
        said = await asyncio.to_thread(announcement, "wrong-card", Settings(), Earcon.ERROR, times=3)
        assert trace(said, heard).is_smooth


async def test_a_device_that_is_set_to_silence_is_heard_all_the_same(card: SoundCard, tmp_path: Path) -> None:
    mark = card.position
    await start(tmp_path, "{speaker: {volume: 0}, sounds: {earcons: false}}")
    assert (await card.heard_whole(mark)).any()


async def test_a_sound_server_that_hangs_keeps_nobody(own_card: SoundCard, tmp_path: Path) -> None:
    own_card.freeze()
    try:
        done = await start(tmp_path)
    finally:
        own_card.thaw()
    assert done.returncode == 78
    assert "empty" in done.stderr
    assert "no speaker was found" in done.stdout
    assert (tmp_path / "card" / "clonespeaker-problems.txt").exists()
