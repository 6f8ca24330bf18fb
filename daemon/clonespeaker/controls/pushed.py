"""What a button means, told in its time: gestures by the loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from clonespeaker.controls.gestures import Gesture, Gestures


class Pushed:
    """A button that does things.

    Args:
        deeds: by gesture, what to call; what is not there means nothing.
        repeats: whether a press is done again and again while it is held.
    """

    def __init__(self, deeds: Mapping[Gesture, Callable[[], object]], *, repeats: bool = False) -> None:
        self._deeds = deeds
        self._loop = asyncio.get_running_loop()
        self._gestures = Gestures(
            long_press=Gesture.LONG_PRESS in deeds, double_press=Gesture.DOUBLE_PRESS in deeds, repeats=repeats
        )
        self._timer: asyncio.TimerHandle | None = None

    def on_change(self, down: bool) -> None:
        """It went down, or came up. Loop only."""
        self._go_on(self._gestures.change(down, self._loop.time()))

    def close(self) -> None:
        """What it was about to mean, it means no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait_over(self) -> None:
        self._go_on(self._gestures.wait_over(self._loop.time()))

    def _go_on(self, gesture: Gesture | None) -> None:
        self.close()
        if self._gestures.due_at is not None:
            self._timer = self._loop.call_at(self._gestures.due_at, self._wait_over)
        if gesture is not None and gesture in self._deeds:
            self._deeds[gesture]()
