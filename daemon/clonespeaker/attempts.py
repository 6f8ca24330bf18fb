"""What is sent again, and when; only while no part of a reply has come.

- A live upload that the server refuses for its form (`LIVE_REFUSALS`), or breaks off without a word, goes again as
  exact, at once.
- A conversation that the clone has lost is made anew, once.
- What may pass by itself (no connection, 429, 5xx) is tried again a moment later, `RETRIES` times.

Where a request had gone out whole and no answer came, or a 5xx, the history tells first whether the clone has heard
it: then it is not sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random

from clonespeaker.clone.connection import Request
from clonespeaker.clone.failures import ConnectionBroken
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError

log = logging.getLogger(__name__)

LIVE_REFUSALS = frozenset({400, 411, 413, 415, 422, 501})
"""Statuses by which a server may mean that it takes no body of unknown length, or no WAV with such a header."""

RETRIES = 2
_BACKOFF_S = 0.5  # before the first retry, doubled for each; half of it is left to chance
_RETRY_AFTER_MOST_S = 5.0


class Attempts:
    """Those of one turn.

    Args:
        conversation: that the turn is part of.
        live: whether the first is a live upload.
        may_fall_back: whether an exact one may follow it.

    Attributes:
        live: whether the next one is a live upload.
        refused_live: what the server said to a live upload, where it refused one.
    """

    def __init__(self, conversation: Conversation, *, live: bool, may_fall_back: bool) -> None:
        self._conversation = conversation
        self._may_fall_back = may_fall_back
        self._said_before: list[str] = []  # by the user, as far as the history had it
        self._retries = 0
        self._lost_conversation = False
        self.live = live
        self.refused_live: CloneError | None = None

    async def begin(self) -> None:
        """Note what the history has before the next one. The conversation is known."""
        if self._conversation.is_outdated:
            with contextlib.suppress(CloneError):
                await self._conversation.refresh()
        self._said_before = self._conversation.said_by_user()
        self._conversation.is_outdated = True

    async def prepare_another(self, error: CloneError, request: Request) -> None:
        """Get ready for another attempt after one that ended in `error`, or raise it where none would help."""
        if self.live and self._may_fall_back and request.connected_at is not None and _refuses_live(error):
            await self._require_unheard(error, request)
            self.live, self.refused_live = False, error
            log.info("upload: refused live (%s); sending it whole", error)
        elif error.fault == "no-conversation" and not self._lost_conversation and self._conversation.lost():
            self._lost_conversation = True
        elif error.retryable and self._retries < RETRIES:
            await self._require_unheard(error, request)
            await self._wait(error)
        else:
            raise error

    async def _require_unheard(self, error: CloneError, request: Request) -> None:
        told_nothing = (
            error.status is None or error.status >= 500
        )  # a gateway's 502 says nothing of the clone behind it
        if request.body_sent_at is not None and told_nothing and await self.was_heard():
            raise CloneError("the clone heard it, but its answer was lost", fault="reply-broken") from error

    async def _wait(self, error: CloneError) -> None:
        if (error.retry_after_s or 0.0) > _RETRY_AFTER_MOST_S:
            raise error
        backoff_s = _BACKOFF_S * 2**self._retries * random.uniform(0.5, 1.0)
        pause_s = max(backoff_s, error.retry_after_s or 0.0)
        self._retries += 1
        log.info("clone: %s; trying again in %.1f s", error, pause_s)
        await asyncio.sleep(pause_s)

    async def was_heard(self) -> bool:
        """Whether the clone has got the question: its history has something new by the user.

        Raises:
            CloneError: the history can't be had.
        """
        await self._conversation.refresh()
        return self._conversation.said_by_user() != self._said_before


def _refuses_live(error: CloneError) -> bool:
    return error.status in LIVE_REFUSALS or isinstance(error, ConnectionBroken)
