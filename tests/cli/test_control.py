"""`talk`, `press`, `release`, `cancel`, `mute`, `unmute`: commands that succeed, at a daemon that hears and sounds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run
from tests.daemon import SPEECH, Daemon, running

LONG_SPEECH = np.tile(SPEECH, 600)  # a minute: commands take their time to start


async def command(run: Run, daemon: Daemon, *arguments: str) -> str:
    """What it says; it succeeds, and has nothing to complain about."""
    done = await asyncio.to_thread(run, *arguments, "--url", f"ws://127.0.0.1:{daemon.app.port}/")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


async def test_talk_holds_the_button_and_says_the_answer(run: Run, tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        daemon.clone.reply_text = "Good morning."
        daemon.sound.hear(LONG_SPEECH)
        assert await command(run, daemon, "talk", "--for", "800ms") == "Good morning.\n"
        (turn,) = daemon.told("turn")
        assert turn["outcome"] == "answered"
        assert turn["utterance_ms"] > 800
        assert daemon.clone.received[-1].pcm
        assert daemon.sound.peak > 0  # it sounded, too


@pytest.mark.parametrize(("ending", "outcome"), [("release", "answered"), ("cancel", "cancelled")])
async def test_a_press_is_ended(run: Run, tmp_path: Path, ending: str, outcome: str) -> None:
    async with running(tmp_path) as daemon:
        daemon.sound.hear(LONG_SPEECH)
        assert await command(run, daemon, "press") == ""
        assert daemon.state == "listening"
        assert await command(run, daemon, ending) == ""
        assert (await daemon.event("turn"))["outcome"] == outcome


async def test_a_microphone_is_closed_and_opened_again(run: Run, tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        assert await command(run, daemon, "mute") == ""
        assert daemon.app.appliance.dials.muted
        assert await command(run, daemon, "unmute") == ""
        assert not daemon.app.appliance.dials.muted
