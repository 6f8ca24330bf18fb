"""The clone, looked for while nobody talks with it: at the start, and as long as something is wrong with it.

So a fault ends when its cause does, not with the next question; and a visitor is told that there is no network before
having asked anything. Who the clone is, screens want to know, and nothing else does: where that can't be had, it is
asked again, and that is no fault.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.failures import ContentLost
from clonespeaker.clone.records import CloneProfile
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError
from clonespeaker.news import News

log = logging.getLogger(__name__)

_AGAIN_AFTER_S = (1.0, 60.0)  # at the start: the first pause, which doubles, and the longest
_AFTER_A_TURN_S = 5.0  # its fault is to be read, or heard, before it may be over
_WHO_AGAIN_AFTER_S = (5.0, 3_600.0)  # likewise, for who it is


class Lookout:
    """Looks for one clone.

    Args:
        client: the clone.
        conversation: is found or made ahead of the first press.
        news: is told.
        slug: the clone's, where it is known.
        at_rest: whether no turn is going on; those find out by themselves.

    Attributes:
        profile: who the clone is, as far as it is known.
    """

    def __init__(
        self,
        client: CloneClient,
        conversation: Conversation,
        news: News,
        *,
        slug: str | None,
        at_rest: Callable[[], bool],
    ) -> None:
        self._client = client
        self._conversation = conversation
        self._news = news
        self._slug = slug
        self._at_rest = at_rest
        self.profile = CloneProfile(slug=slug)

    async def run(self) -> None:
        """Look, until cancelled."""
        await self._look_until_it_is_well(_AGAIN_AFTER_S[0])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._learn_who_it_is())
            while True:
                await self._news.troubled.wait()
                await self._leave_it_alone()
                await self._look_until_it_is_well(_AFTER_A_TURN_S)

    async def _leave_it_alone(self) -> None:
        """As long as it wants; in short steps, for an answer may end that, and another trouble begin."""
        await asyncio.sleep(_AFTER_A_TURN_S)
        while self._news.left_alone_s:  # noqa: ASYNC110  # what may end it is not one event
            await asyncio.sleep(min(_AFTER_A_TURN_S, self._news.left_alone_s))

    async def _look_until_it_is_well(self, first_s: float) -> None:
        pause_s = first_s
        while True:
            if not self._at_rest():
                pause_s = first_s
            elif await self._is_well(pause_s):
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _AGAIN_AFTER_S[1])

    async def _is_well(self, pause_s: float) -> bool:
        try:
            await self._look()
        except CloneError as error:
            if self._at_rest():
                self._news.end_faults_of_the_clone(but=error.fault)
                self._news.begin_fault(error.with_words(f"again in {pause_s:.0f} s"))
            return False
        if self._at_rest():
            self._news.end_faults_that_passed()
        return True

    async def _look(self) -> None:
        is_new = self._conversation.id is None
        conversation_id = await self._conversation.current()
        if is_new and not self._conversation.is_outdated:
            return
        try:
            await self._conversation.refresh(for_screens=True)
        except ContentLost as error:
            log.warning("conversation: it goes on, but what was said in it can't be had: %s", error)
        except CloneError as error:
            if error.fault != "no-conversation" or not self._conversation.lost(conversation_id):
                raise
            await self._conversation.current()

    async def _learn_who_it_is(self) -> None:
        pause_s, most_s = _WHO_AGAIN_AFTER_S
        is_told = False
        while self._slug:
            try:
                self.profile = await self._client.profile(self._slug)
                self._news.publish("clone", **msgspec.to_builtins(self.profile))
                return
            except CloneError as error:
                if not is_told:
                    log.warning("screens don't know who the clone is: %s", error)
                is_told = True
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, most_s)
