"""One button's ups and downs, made gestures: a press, a long press, a double press.

The rules in prose:

- A button that means one thing acts at once, when it goes down; the volume goes on changing while it is held.
- Where a long press means something, a press counts when the button comes up; the long one as soon as it is reached.
- Where a double press means something, a press waits until it is clear that no second one follows; the second one
  counts when it goes down. So a button with a double press is a little slow, and one with neither is not.
- What has counted counts once, however long the button is held after that.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto

LONG_S = 0.8
DOUBLE_S = 0.4
"""From the first press to the second."""

REPEATS_AFTER_S, REPEATS_EVERY_S = 0.5, 0.2


class Gesture(StrEnum):
    """By the names in the settings."""

    PRESS = "press"
    LONG_PRESS = "long_press"
    DOUBLE_PRESS = "double_press"


class _Phase(Enum):
    UP = auto()
    HELD = auto()  # not clear yet what it means
    BETWEEN = auto()  # up again, and a second press may follow
    SPENT = auto()  # down, but it has counted
    REPEATING = auto()


class Gestures:
    """The rules above, told of changes and times.

    Args:
        long_press: whether one means something.
        double_press: whether one does.
        repeats: whether a press counts again and again while it is held; only where it means one thing alone.
    """

    def __init__(self, *, long_press: bool = False, double_press: bool = False, repeats: bool = False) -> None:
        self._long_press = long_press
        self._double_press = double_press
        self._repeats = repeats and not long_press and not double_press
        self._phase = _Phase.UP
        self._down_at = 0.0
        self.due_at: float | None = None
        """When to call `wait_over`; None: no need."""

    def change(self, down: bool, now: float) -> Gesture | None:
        """The button went down, or came up, at `now` in seconds. What that means, if anything."""
        return self._go_down(now) if down else self._come_up(now)

    def wait_over(self, now: float) -> Gesture | None:
        """It is `due_at`. What that means."""
        self.due_at = None
        match self._phase:
            case _Phase.HELD if self._long_press:
                self._phase = _Phase.SPENT
                return Gesture.LONG_PRESS
            case _Phase.HELD:
                self._phase = _Phase.SPENT
                return Gesture.PRESS
            case _Phase.BETWEEN:
                self._phase = _Phase.UP
                return Gesture.PRESS
            case _Phase.REPEATING:
                self.due_at = now + REPEATS_EVERY_S
                return Gesture.PRESS
        return None

    def _go_down(self, now: float) -> Gesture | None:
        self.due_at = None
        if self._phase is _Phase.BETWEEN:
            self._phase = _Phase.SPENT
            return Gesture.DOUBLE_PRESS
        self._down_at = now
        if self._long_press or self._double_press:
            self._phase = _Phase.HELD
            self.due_at = now + (LONG_S if self._long_press else DOUBLE_S)
            return None
        self._phase = _Phase.REPEATING if self._repeats else _Phase.SPENT
        self.due_at = now + REPEATS_AFTER_S if self._repeats else None
        return Gesture.PRESS

    def _come_up(self, now: float) -> Gesture | None:
        if self._phase is not _Phase.HELD:
            self._phase, self.due_at = _Phase.UP, None
            return None
        if self._double_press and now < self._down_at + DOUBLE_S:
            self._phase, self.due_at = _Phase.BETWEEN, self._down_at + DOUBLE_S
            return None
        self._phase, self.due_at = _Phase.UP, None
        return Gesture.PRESS
