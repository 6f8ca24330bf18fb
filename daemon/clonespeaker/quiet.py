"""What is done where nobody does anything: hints end, the speaker's device sleeps, the next visitor begins afresh."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from clonespeaker.audio.speaker import Speaker
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError, DeviceError
from clonespeaker.memory import give_back
from clonespeaker.news import News

log = logging.getLogger(__name__)

_REST_AFTER_S = 10.0  # of quiet, the speaker's device may sleep
_HINTS_END_AFTER_S = 20.0  # of quiet, likewise


class Quiet:
    """The time between turns. Event loop only.

    Args:
        speaker: may sleep.
        conversation: ends after `new_conversation_after_s` seconds of it, 0: never.
        news: forgets its hints.
        is_at_rest: whether nobody speaks.
        start: runs what takes time.
    """

    def __init__(
        self,
        speaker: Speaker,
        conversation: Conversation,
        news: News,
        *,
        new_conversation_after_s: Callable[[], float],
        is_at_rest: Callable[[], bool],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._speaker = speaker
        self._conversation = conversation
        self._news = news
        self._new_conversation_after_s = new_conversation_after_s
        self._is_at_rest = is_at_rest
        self._start = start
        self._timers: list[asyncio.TimerHandle] = []
        self._resting: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Nobody does anything from now on."""
        self._timers.append(_later(_HINTS_END_AFTER_S, self._news.end_hints))
        self.rest_later()
        if after_s := self._new_conversation_after_s():
            self._timers.append(_later(after_s, lambda: self._start(self._renew())))

    def rest_later(self) -> None:
        """The device itself has sounded until now."""
        if self._resting is not None:
            self._resting.cancel()
        self._resting = _later(_REST_AFTER_S, lambda: self._start(self._rest()))

    def end(self) -> None:
        """Somebody does something."""
        for timer in (self._resting, *self._timers):
            if timer is not None:
                timer.cancel()
        self._timers.clear()

    async def _rest(self) -> None:
        if not self._is_at_rest():
            return
        with contextlib.suppress(DeviceError):  # it hangs; who keeps the devices sees that
            await self._speaker.in_thread(self._speaker.rest)
        await asyncio.to_thread(give_back)

    async def _renew(self) -> None:
        if self._conversation.is_fresh:
            return
        try:
            await self._conversation.end()
        except CloneError as error:
            log.warning("conversation: none yet for the next visitor, whose first question makes it: %s", error)


def _later(seconds: float, call: Callable[[], object]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, call)
