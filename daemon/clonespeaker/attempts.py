"""What is sent again, and when; only while no part of a reply has come.

- A live upload that the server refuses for its form (`LIVE_REFUSALS`), or breaks off without a word, goes again as
  exact, at once. Of one that breaks off when all of it is out, the form was not the cause (a server that restarts,
  say), and nothing is concluded for the next.
- A conversation that the clone has lost is made anew, once.
- Where no connection could be had, the question is kept and tried again, while the user still speaks and for
  `retry_for_s` after; the pauses grow to two seconds.
- What may pass by itself at the clone's end (no answer, 409, 429, 5xx) is tried again `RETRIES` times within the same
  time. A `Retry-After` is honoured; one that is longer than the time left is told instead.

Where a request had gone out whole and no answer came, or a 5xx, the history tells first whether the clone has heard
it (`asked` has the rules): then it is not sent again. As long as the history can't be had, nothing is. In another
conversation, a new one that was wanted meanwhile, nobody has heard it yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable

from clonespeaker.asked import Asked, Sending
from clonespeaker.clone.connection import Request
from clonespeaker.clone.failures import ConnectionBroken
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError

log = logging.getLogger(__name__)

LIVE_REFUSALS = frozenset({400, 411, 413, 415, 422, 501})
"""Statuses by which a server may mean that it takes no body of unknown length, or no WAV with such a header."""

RETRIES = 2
_BACKOFF_S = 0.5  # before the first retry, doubled for each; half of it is left to chance
_BACKOFF_MOST_S = 2.0


class Attempts:
    """Those of one turn.

    Args:
        conversation: that the turn is part of.
        asked: what was asked in it before, and whether that was heard.
        text: of the question; None: it is spoken.
        live: whether the first is a live upload.
        may_fall_back: whether an exact one may follow it.
        retry_for_s: how long after its end a question is tried again.
        question_ended_at: when that was, in monotonic seconds; None while the user speaks.
        on_wait: told what went wrong; its words say how often that was tried, and when it is tried again.

    Attributes:
        live: whether the next one is a live upload.
        refused_live: what the server said to a live upload, where it refused one, or broke it off.
        heard: the clone has got the question, though no answer came.
    """

    def __init__(
        self,
        conversation: Conversation,
        asked: Asked,
        *,
        text: str | None,
        live: bool,
        may_fall_back: bool,
        retry_for_s: float,
        question_ended_at: Callable[[], float | None],
        on_wait: Callable[[CloneError], None],
    ) -> None:
        self._conversation = conversation
        self._asked = asked
        self._text = text
        self._may_fall_back = may_fall_back
        self._retry_for_s = retry_for_s
        self._question_ended_at = question_ended_at
        self._on_wait = on_wait
        self._conversation_id = ""  # of the last one
        self._sendings: list[Sending] = []
        self._looking: asyncio.Task[None] | None = None
        self._tried = 0
        self._reached = 0  # of those, how many got as far as the clone
        self._lost_conversation = False
        self._may_have_heard = False
        self.live = live
        self.refused_live: CloneError | None = None
        self.heard = False

    def begin(self, conversation_id: str, request: Request) -> None:
        """The next one is about to go out. Nothing is waited for."""
        self._conversation_id = conversation_id
        self._sendings.append(self._asked.begin(conversation_id, self._text, request))
        if self._asked.is_in_the_dark and self._looking is None:
            self._looking = asyncio.create_task(self._look())

    def end(self) -> None:
        """There is none any more."""
        if self._looking is not None:
            self._looking.cancel()

    def answered(self) -> None:
        """The clone answers the last one."""
        self._asked.answered(self._sendings[-1])

    async def prepare_another(self, error: CloneError, request: Request) -> None:
        """Get ready for another attempt after one that ended in `error`, or raise it where none would help."""
        told_nothing = error.status is None or error.status >= 500  # a gateway's 502 says nothing of the clone behind
        self._may_have_heard = self._may_have_heard or (request.body_sent_at is not None and told_nothing)
        if not told_nothing and self._sendings and self._sendings[-1].request is request:
            self._asked.refused(self._sendings[-1])
        if self.live and self._may_fall_back and request.connected_at is not None and _refuses_live(error):
            self.live = False
            if error.status is not None or request.body_sent_at is None:
                self.refused_live = error
            log.info("upload: live did not go (%s); sending it whole", error)
        elif error.fault == "no-conversation" and not self._lost_conversation and self._lost():
            self._lost_conversation = True
        elif error.retryable:
            await self._wait(error, reached=request.connected_at is not None or _reached(error))
        else:
            raise error
        # Before each further one: the clone may be slow to write down what it has heard.
        while self._may_have_heard:
            try:
                self.heard = await self.was_heard()
                break
            except CloneError as unknown:
                if not unknown.retryable:
                    raise
                await self._wait(unknown, reached=_reached(unknown))
        if self.heard:
            raise CloneError("the clone heard it, but its answer was lost", fault="reply-broken") from error

    def _lost(self) -> bool:
        return self._conversation.lost(self._conversation_id)

    async def _look(self) -> None:
        with contextlib.suppress(CloneError):
            await self._asked.look_up()

    async def _wait(self, error: CloneError, *, reached: bool) -> None:
        pause_s = min(_BACKOFF_S * 2**self._tried, _BACKOFF_MOST_S) * random.uniform(0.5, 1.0)
        pause_s = max(pause_s, error.retry_after_s or 0.0)
        self._tried += 1
        self._reached += reached
        waits_too_long = (error.retry_after_s or 0.0) > self._retry_for_s  # also while the user still speaks
        if self._reached > RETRIES or waits_too_long or pause_s > self._left_s():
            raise error if self._tried == 1 else error.with_words(f"tried {_times(self._tried)}")
        self._on_wait(error.with_words(f"tried {_times(self._tried)}, again in {pause_s:.1f} s"))
        await asyncio.sleep(pause_s)

    def _left_s(self) -> float:
        ended_at = self._question_ended_at()
        return float("inf") if ended_at is None else ended_at + self._retry_for_s - time.monotonic()

    async def was_heard(self) -> bool:
        """Whether the clone has got the question, in the conversation going on.

        Raises:
            CloneError: the history can't be had.
        """
        if self._conversation.id != self._conversation_id:
            return False  # renewed meanwhile, or lost
        await self._asked.look_up()
        return any(each.is_heard for each in self._sendings if each.conversation_id == self._conversation_id)


def _reached(error: CloneError) -> bool:
    """Whether somebody was there, if only to hang up."""
    return error.status is not None or isinstance(error, ConnectionBroken)


def _refuses_live(error: CloneError) -> bool:
    return error.status in LIVE_REFUSALS or isinstance(error, ConnectionBroken)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
