"""What is heard where no daemon runs: a card with a mistake, no key, what keeps a daemon from starting."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clonespeaker.cli.alarm import announcement
from clonespeaker.config.settings import Settings, Speaker
from clonespeaker.cues import Earcon
from tests.sound.card import SoundCard
from tests.sound.matching import share

pytestmark = pytest.mark.sound


async def start(root: Path, in_force: str = "") -> subprocess.CompletedProcess[str]:
    """A device's start with settings in force, and on the card a key with nothing in it."""
    (root / "card").mkdir()
    (root / "card" / "clonespeaker.key").write_text("")
    (root / "device").mkdir()
    (root / "device" / "config.yaml").write_text(in_force)
    command = [sys.executable, "-m", "clonespeaker", "provision", f"--from={root / 'card'}", f"--to={root / 'device'}"]
    return await asyncio.to_thread(finish, command)


def finish(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. What its sound device had to say is said here, too: `takes.py` listens to it."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)
    sys.stderr.write(done.stderr)
    return done


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
        assert share(said, heard) > 0.7
        assert np.abs(heard).max() == np.abs(said).max()


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


@pytest.fixture
def booting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As systemd would start a unit in the middle of a boot."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "systemctl").write_text("#!/bin/sh\necho starting\nexit 1\n")
    (tmp_path / "bin" / "systemctl").chmod(0o755)
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))


def provision(root: Path) -> subprocess.CompletedProcess[str]:
    for name in ("card", "device"):
        (root / name).mkdir(exist_ok=True)
    command = [sys.executable, "-m", "clonespeaker", "provision", f"--from={root / 'card'}", f"--to={root / 'device'}"]
    return finish(command)


@pytest.mark.usefixtures("booting")
async def test_a_device_without_a_key_says_so_once_a_boot_in_its_language(card: SoundCard, tmp_path: Path) -> None:
    (tmp_path / "device").mkdir()
    (tmp_path / "device" / "config.yaml").write_text("{speaker: {volume: 100}, language: fr}")
    mark = card.position
    assert (await asyncio.to_thread(provision, tmp_path)).returncode == 0
    heard = await card.heard_whole(mark)
    french = Settings(speaker=Speaker(volume=100), language="fr")
    said = await asyncio.to_thread(announcement, "no-key", french, Earcon.ERROR)
    assert share(said, heard) > 0.7
    mark = card.position
    assert (await asyncio.to_thread(provision, tmp_path)).returncode == 0
    assert not (await card.heard_whole(mark)).any()


@pytest.mark.usefixtures("booting")
async def test_what_is_taken_over_is_heard(card: SoundCard, tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "clonespeaker.key").write_text("dsk-of-a-test\n")
    (tmp_path / "card" / "clonespeaker.yaml").write_text("{clone: {slug: x}, speaker: {volume: 100}}\n")
    mark = card.position
    done = await asyncio.to_thread(provision, tmp_path)
    assert done.returncode == 0, done.stderr
    heard = await card.heard_whole(mark)
    said = await asyncio.to_thread(announcement, "ready", Settings(speaker=Speaker(volume=100)), Earcon.READY)
    assert share(said, heard) > 0.7


@pytest.mark.usefixtures("booting")
@pytest.mark.parametrize(
    ("settings", "name", "code"),
    [
        pytest.param("{language: de, speaker: {loudness: 11}}", "wrong-settings", 78, id="wrong settings"),
        pytest.param("language: de\nclone: {slug: x}\nbutton: {pin: GPIO17}\n", "no-button", 1, id="no button"),
    ],
)
async def test_a_daemon_that_cant_start_says_why_once(
    card: SoundCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, name: str, code: int
) -> None:
    (tmp_path / "config.yaml").write_text(settings)
    monkeypatch.setenv("CLONESPEAKER_API_KEY", "dsk-of-a-test")
    monkeypatch.setenv("CLONESPEAKER_STATUS__PORT", "0")
    monkeypatch.setenv("CLONESPEAKER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "lgpio")
    command = [sys.executable, "-m", "clonespeaker", "run", "--config", str(tmp_path / "config.yaml")]

    def run() -> subprocess.CompletedProcess[str]:
        return finish(command, cwd=tmp_path)

    mark = card.position
    done = await asyncio.to_thread(run)
    assert done.returncode == code, done.stderr
    heard = await card.heard_whole(mark)
    said = await asyncio.to_thread(announcement, name, Settings(language="de"), Earcon.ERROR)
    assert share(said, heard) > 0.7
    mark = card.position
    assert (await asyncio.to_thread(run)).returncode == code
    assert not (await card.heard_whole(mark)).any()
