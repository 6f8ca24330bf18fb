"""The user's hand: a button, or a program that stands for it, as events of a turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from clonespeaker.errors import ClonespeakerError
from clonespeaker.news import News
from clonespeaker.turn import Action, Event, Pressed, Released, State, Tapped, Turn

Effect = tuple[Event, tuple[Action, ...]]
"""What an event was when it was obeyed, for a press may have been refused by then; and what was done about it."""

Obeyed = asyncio.Future[Effect | None]
"""Done once an event has been obeyed; None: the end came first. Whoever only wants it obeyed need not wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a device takes what its user does. Others may take their place at any time.

    Attributes:
        pre_roll_ms: what of before the press belongs to an utterance.
        min_hold_ms: a press shorter than this sends nothing.
        max_seconds: the longest recording.
        tap_mode: a press begins the recording, the next one ends it; releases mean nothing.
        end_after_ms: in tap mode, quiet after speech that ends it, too; 0: none does.
        earcons_on: whether earcons are heard.
        start_on: whether one tells that it listens; what is said before it has been heard does not count.
        speech_on: whether faults are spoken.
        new_conversation_after_s: quiet after which the next visitor has a new conversation; 0: never.
    """

    pre_roll_ms: float = 300
    min_hold_ms: float = 250
    max_seconds: float = 60
    tap_mode: bool = False
    end_after_ms: float = 0
    earcons_on: bool = True
    start_on: bool = False
    speech_on: bool = True
    new_conversation_after_s: float = 0


class Hand:
    """What is pressed, and for how long.

    Args:
        post: takes the events.
        news: is told of a button that is stuck.
        habits: may be changed at any time.
        turn: where the device stands; events that wait to be obeyed may change that.

    Attributes:
        pressed_at: when the last press was that meant something, in monotonic seconds.
        is_down: whether the button is.
    """

    def __init__(
        self,
        post: Callable[[Event], Obeyed],
        news: News,
        habits: Habits,
        *,
        turn: Callable[[], Turn],
    ) -> None:
        self._post = post
        self._news = news
        self._turn = turn
        self.habits = habits
        self.pressed_at = 0.0
        self.is_down = False

    def on_button(self, down: bool) -> None:
        """The button went down, or came up."""
        self.is_down = down
        if down:
            self.press()
        else:
            self._news.end_fault("button-stuck")
            self.release()

    def press(self) -> Obeyed:
        """The button went down, or something stands for it."""
        if self.habits.tap_mode and self._is_listening():
            return self._post(self._released())
        return self._press(Pressed(until_quiet=self.habits.tap_mode))

    def release(self) -> Obeyed | None:
        """The button came up, or something stands for it; None where that means nothing."""
        return None if self.habits.tap_mode else self._post(self._released())

    def talk(self, seconds: float) -> Obeyed:
        """Press, and release after `seconds`; silence does not end it sooner."""
        return self._press(Pressed(lasts_s=seconds))

    def stuck(self, why: str) -> None:
        """The button is down and should not be; until it comes up."""
        self.is_down = True
        self._news.begin_fault(
            ClonespeakerError(f"the button {why}. Let it go; if nobody holds it, it is stuck", fault="button-stuck")
        )

    def _is_listening(self) -> bool:
        return self._turn().state is State.LISTENING

    def _press(self, pressed: Pressed) -> Obeyed:
        if not self._is_listening():  # there a second press means nothing
            self.pressed_at = time.monotonic()
        return self._post(pressed)

    def _released(self) -> Event:
        return self.let_go(time.monotonic() - self.pressed_at)

    def let_go(self, held_s: float, turn: int | None = None) -> Event:
        """What it means to let go after so many seconds; of `turn` alone, where that is given."""
        return Tapped(turn) if held_s * 1_000 < self.habits.min_hold_ms else Released(turn)
