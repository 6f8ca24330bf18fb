"""What people have set, kept in real files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clonespeaker import kept as kept_module
from clonespeaker.kept import Kept
from clonespeaker.state import SavedVolume, State, StateDir
from tests.peers import until


class CountingStateDir(StateDir):
    """One that counts how often it writes."""

    writes = 0

    def save(self, state: State) -> None:
        super().save(state)
        self.writes += 1


@asynccontextmanager
async def keeping(kept: Kept) -> AsyncIterator[None]:
    task = asyncio.create_task(kept.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def by_hand(level: int, instead_of: int) -> State:
    return State(volume=SavedVolume(level=level, instead_of=instead_of))


@pytest.mark.parametrize(
    ("saved", "configured", "expected"),
    [
        (State(), 80, 80),
        (by_hand(20, instead_of=80), 80, 20),
        (by_hand(0, instead_of=80), 80, 0),
        (by_hand(20, instead_of=80), 60, 60),
    ],
)
async def test_which_volume_holds(tmp_path: Path, saved: State, configured: int, expected: int) -> None:
    kept = Kept(StateDir(tmp_path), saved, configured_volume=configured, at_rest=lambda: True)
    assert kept.volume == expected


async def test_a_hand_that_turns_and_turns_writes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_module, "SAVED_AFTER_S", 1.0)
    state = CountingStateDir(tmp_path)
    kept = Kept(state, State(), configured_volume=80, at_rest=lambda: True)
    async with keeping(kept):
        for volume in range(79, 40, -1):
            kept.note(volume=volume, muted=False)
            await asyncio.sleep(0)
        assert state.writes == 0
        await until(lambda: state.writes)
        await kept.save()
        assert state.load() == by_hand(41, instead_of=80)
        assert state.writes == 1


async def test_what_was_set_back_leaves_nothing(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.save(by_hand(20, instead_of=80))
    kept = Kept(state, state.load(), configured_volume=80, at_rest=lambda: True)
    kept.note(volume=80, muted=False)
    await kept.save()
    assert state.load() == State()


async def test_nothing_is_saved_while_a_turn_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_module, "SAVED_AFTER_S", 0.01)
    state, asked, at_rest = StateDir(tmp_path), 0, False

    def is_at_rest() -> bool:
        nonlocal asked
        asked += 1
        return at_rest

    kept = Kept(state, State(), configured_volume=80, at_rest=is_at_rest)
    async with keeping(kept):
        kept.note(volume=10, muted=True)
        await until(lambda: asked > 3)
        assert state.load() == State()
        at_rest = True
        await until(lambda: state.load().muted)


async def test_a_mute_is_told_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "clonespeaker")
    assert Kept(StateDir(tmp_path), State(muted=True), configured_volume=80, at_rest=lambda: True).muted
    assert "muted, as before" in caplog.text
