"""The conversation that the device is in: found again after a restart, made when there is none, renewed.

At the start the configured conversation, else the saved one, is looked up in the clone's history: still there, it
goes on. Otherwise, and whenever the clone has lost it, a new one is made by slug.

What was said in it comes as a whole, however much that is, and only screens want it. So it never stands in the way:
where the clone knows the conversation, but its lines can't be had soon, it goes on without them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.failures import ContentLost
from clonespeaker.clone.records import Message
from clonespeaker.errors import CloneError
from clonespeaker.state import SavedConversation, StateDir

log = logging.getLogger(__name__)

KEPT_MESSAGES = 100
"""Messages of the conversation kept for screens, the newest."""

_SOON_S = 5.0  # for all messages, while somebody may wait
_LATE_S = 120.0  # while nobody does


class Conversation:
    """One device's conversation with one clone.

    Args:
        client: the clone.
        memory: where its id outlives a restart; None: nowhere.
        slug: the clone's, for making a conversation.
        instance_slug: as the API has it.
        user_email: makes conversations personal.
        conversation_id: an existing conversation, configured.
    """

    def __init__(
        self,
        client: CloneClient,
        memory: StateDir | None,
        *,
        slug: str | None,
        instance_slug: str | None = None,
        user_email: str | None = None,
        conversation_id: str | None = None,
    ) -> None:
        self._client = client
        self._memory = memory
        self._slug = slug
        self._instance_slug = instance_slug
        self._user_email = user_email
        self._known_ids = [conversation_id] if conversation_id else []
        self._making = asyncio.Lock()
        self.id: str | None = None
        """Of the conversation going on; None where there is none yet, or none any more."""
        self.messages: list[Message] = []
        """What was said in it, as far as the history has it, oldest first."""
        self.asked_at = 0.0
        """When `messages` were asked for, in monotonic seconds."""
        self._said, self._known = 0, 0  # how often something may have been said, and up to where `messages` has it
        self.on_change: Callable[[], None] = lambda: None
        """Called when `id` has changed."""
        if memory is not None:
            saved = memory.load().conversation
            if saved is not None and saved == self._to_save(saved.conversation_id):
                self._known_ids.append(saved.conversation_id)
        self.is_fresh = not self._known_ids
        """Whether nobody can have said anything in it yet."""

    async def current(self) -> str:
        """Its id. Where there is none yet, one is found again or made.

        Raises:
            CloneError: the clone can't be reached, refuses, or knows neither conversation nor slug.
        """
        async with self._making:
            if self.id is not None:
                return self.id
            while self._known_ids:
                candidate = self._known_ids[0]
                try:
                    return await self._find_again(candidate)
                except CloneError as error:
                    if error.fault not in ("no-conversation", "rejected"):
                        raise
                    if self._slug is None:
                        raise
                    log.warning("conversation: %s is gone, a new one begins: %s", candidate, error)
                    self._known_ids.pop(0)
            return await self._make()

    async def renew(self) -> None:
        """Begin a new one.

        Raises:
            CloneError: as `current`; the old one goes on then.
        """
        async with self._making:
            await self._make()

    async def end(self) -> None:
        """Whoever was in it has gone: begin a new one. Where that fails, `current` does it; the old one is forgotten.

        Raises:
            CloneError: as `current`.
        """
        async with self._making:
            try:
                await self._make()
            except CloneError:
                self._leave()
                await self._save(None)
                raise

    def lost(self, conversation_id: str) -> bool:
        """The clone does not know that one any more, as an answer has shown; whether another can be made.

        Where another goes on by now, it does. On the disk it stays: after a restart it is asked for once more.
        """
        if self._slug is None:
            return False
        if conversation_id == self.id:
            self._leave()
        return True

    def note_said(self) -> None:
        """Something may be said from here on."""
        self._said += 1
        self.is_fresh = False

    @property
    def is_outdated(self) -> bool:
        """Whether something may have been said that `messages` do not have."""
        return self._known < self._said

    def said_by_user(self) -> list[str]:
        """What the user said in it, as far as `messages` has it, oldest first."""
        return [message.text for message in self.messages if message.sender == "USER" and message.text]

    async def refresh(self, *, for_screens: bool = False) -> list[Message]:
        """Look the history up again; returns what it has.

        Args:
            for_screens: with citations, and as long as that may take; else soon, or not at all.

        Raises:
            ContentLost: the clone knows the conversation, but what was said in it can't be had.
            CloneError: as `current`.
        """
        conversation_id = self.id
        if conversation_id is not None:
            asked_at = time.monotonic()
            said = self._said  # what is said from here on may come too late for this look
            messages = await self._client.history(
                conversation_id,
                include_citations=for_screens,
                newest=KEPT_MESSAGES,
                within_s=_LATE_S if for_screens else _SOON_S,
            )
            if self.id == conversation_id and said >= self._known:  # nor renewed or looked up meanwhile
                self.messages, self._known, self.asked_at = messages, said, asked_at
        return self.messages

    async def _find_again(self, conversation_id: str) -> str:
        messages: list[Message] | None = None
        try:
            messages = await self._client.history(
                conversation_id, include_citations=True, newest=KEPT_MESSAGES, within_s=_SOON_S
            )
        except ContentLost as error:
            log.warning("conversation: what was said in %s is not known yet: %s", conversation_id, error)
        self.is_fresh = messages is not None and all(message.sender == "CLONE" for message in messages)
        return await self._enter(conversation_id, messages, "goes on")

    async def _make(self) -> str:
        if self._slug is None:
            raise CloneError(
                "a new conversation needs to know with whom: set clone.slug to the clone's name",
                fault="no-conversation",
            )
        made = await self._client.new_conversation(
            self._slug, instance_slug=self._instance_slug, user_email=self._user_email
        )
        self.is_fresh = True
        return await self._enter(made.conversation_id, made.messages[-KEPT_MESSAGES:], "begins")

    async def _enter(self, conversation_id: str, messages: list[Message] | None, how: str) -> str:
        """It goes on from here; its messages, or None where they are not known yet."""
        self.id, self.messages, self._known_ids = conversation_id, messages or [], []
        self._known = self._said - (messages is None)
        log.info("conversation: %s %s", conversation_id, how)
        self.on_change()
        await self._save(self._to_save(conversation_id))
        return conversation_id  # not `self.id`: it may be lost by now

    def _leave(self) -> None:
        self.id, self.messages, self._known_ids = None, [], []
        self._known = self._said
        self.is_fresh = True
        self.on_change()

    async def _save(self, conversation: SavedConversation | None) -> None:
        if self._memory is not None:
            # In a thread: an SD card may take a second to sync.
            await asyncio.to_thread(self._memory.update, conversation=conversation)

    def _to_save(self, conversation_id: str) -> SavedConversation:
        return SavedConversation(
            conversation_id=conversation_id,
            base_url=self._client.base_url,
            slug=self._slug,
            instance_slug=self._instance_slug,
            user_email=self._user_email,
        )
