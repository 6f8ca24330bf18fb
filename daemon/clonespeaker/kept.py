"""What people have set, the volume and the mute, kept over restarts.

- Saved a moment after the last change, so that a hand that turns and turns writes once; and not while a turn goes on,
  for somebody waits then. A power cut in that moment forgets it.
- What was set holds until the setting that it replaced is itself changed; so it is saved together with that.
- A muted device stays muted: whoever muted it does not want to be heard because the power was away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from clonespeaker.state import SavedVolume, State, StateDir

log = logging.getLogger(__name__)

SAVED_AFTER_S = 1.5


class Kept:
    """What holds from the start on, and is to hold after the next one.

    Args:
        state: where it is kept.
        saved: what was there at the start.
        configured_volume: the setting, 0–100.
        at_rest: whether nobody waits for anything.

    Attributes:
        volume: what holds, 0–100.
        muted: likewise.
        configured_volume: may be changed.
    """

    def __init__(self, state: StateDir, saved: State, *, configured_volume: int, at_rest: Callable[[], bool]) -> None:
        self._state = state
        self._at_rest = at_rest
        self._changed = asyncio.Event()
        self._saved = (saved.volume, saved.muted)
        self.configured_volume = configured_volume
        self.muted = saved.muted
        self.volume = saved.volume_instead_of(configured_volume)
        if self._now() != self._saved:  # the setting was changed meanwhile; should it be changed back, that counts, too
            self._changed.set()
        if self.muted:
            log.info("muted, as before the restart")

    def note(self, *, volume: int, muted: bool) -> None:
        """Somebody has set something. Loop only."""
        self.volume, self.muted = volume, muted
        self._changed.set()

    async def run(self) -> None:
        """Save what is noted, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await asyncio.sleep(SAVED_AFTER_S)
            if not self._at_rest():
                self._changed.set()
            elif not self._changed.is_set():
                await self.save()

    async def save(self) -> None:
        """Save what has not been saved yet. Failing is a warning."""
        now = self._now()
        if now != self._saved:
            self._saved = now
            await asyncio.to_thread(self._state.update, volume=now[0], muted=now[1])

    def _now(self) -> tuple[SavedVolume | None, bool]:
        by_hand = self.volume != self.configured_volume
        return SavedVolume(level=self.volume, instead_of=self.configured_volume) if by_hand else None, self.muted
