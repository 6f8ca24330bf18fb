"""The user's hand: a button, or a program that stands for it, as events of a turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from clonespeaker.errors import ClonespeakerError
from clonespeaker.news import News
from clonespeaker.turn import Event, Pressed, PressRefused, Released, State, Tapped, Turn


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
        turn: where the device stands.
        refusal: why a press can't be obeyed now, if so.

    Attributes:
        pressed_at: when the last press was that meant something, in monotonic seconds.
        is_down: whether the button is.
    """

    def __init__(
        self,
        post: Callable[[Event], None],
        news: News,
        habits: Habits,
        *,
        turn: Callable[[], Turn],
        refusal: Callable[[], ClonespeakerError | None],
    ) -> None:
        self._post = post
        self._news = news
        self._turn = turn
        self._refusal = refusal
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

    def press(self) -> None:
        """The button went down, or something stands for it."""
        if self.habits.tap_mode and self._is_listening():
            self._post(self._released())
        else:
            self._press(until_quiet=self.habits.tap_mode)

    def release(self) -> None:
        """The button came up, or something stands for it."""
        if not self.habits.tap_mode:
            self._post(self._released())

    def talk(self, seconds: float) -> None:
        """Press, and release after `seconds`; silence does not end it sooner."""
        number = self._turn().number + 1  # the release is meant for this turn alone
        release = Released(number) if seconds * 1_000 >= self.habits.min_hold_ms else Tapped(number)
        if self._press():
            asyncio.get_running_loop().call_later(seconds, lambda: self._post(release))

    def stuck(self, why: str) -> None:
        """The button is down and should not be; until it comes up."""
        self.is_down = True
        self._news.begin_fault(
            ClonespeakerError(f"the button {why}. Let it go; if nobody holds it, it is stuck", fault="button-stuck")
        )

    def _is_listening(self) -> bool:
        return self._turn().state is State.LISTENING

    def _press(self, *, until_quiet: bool = False) -> bool:
        """Whether it could be obeyed."""
        error = self._refusal()
        if not self._is_listening():  # there a second press means nothing
            self.pressed_at = time.monotonic()
        self._post(Pressed(until_quiet=until_quiet) if error is None else PressRefused(error=error))
        return error is None

    def _released(self) -> Event:
        held_ms = (time.monotonic() - self.pressed_at) * 1_000
        return Tapped() if held_ms < self.habits.min_hold_ms else Released()
