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


@pytest.mark.parametrize("encoding", ["raw", "mp3"])
async def test_nothing_is_opened_between_release_and_first_sound(
    card: SoundCard, tmp_path: Path, encoding: str
) -> None:
    clone = SimulatedClone(voice="tone", tone_s=0.3, think_s=0.3)
    clone.encoding = encoding  # type: ignore[assignment]
    url = await clone.start()
    daemon = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.sound.watched", url, clone.api_key, str(tmp_path)),
        env=os.environ | card.environment,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await daemon.communicate()
    await clone.stop()
    assert daemon.returncode == 0
    first, second = json.loads(printed)
    assert second == []
    # The decoders, once, in a thread of their own while the clone thinks.
    assert all(what.startswith(("import", "open", "_thread.start")) for what in first)
    assert any("av" in what for what in first)
