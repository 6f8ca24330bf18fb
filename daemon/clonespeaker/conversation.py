"""The conversation that the device is in: found again after a restart, made when there is none, renewed.

At the start the configured conversation, else the saved one, is looked up in the clone's history: still there, it
goes on. Otherwise, and whenever the clone has lost it, a new one is made by slug.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.records import Message
from clonespeaker.errors import CloneError
from clonespeaker.state import SavedConversation, StateDir

log = logging.getLogger(__name__)

KEPT_MESSAGES = 100
"""Messages of the conversation kept for screens, the newest."""


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
        """Of the conversation going on; None before the first."""
        self.messages: list[Message] = []
        """What was said in it, as far as the history has it, oldest first."""
        self._said, self._known = 0, 0  # how often something may have been said, and up to where `messages` has it
        self.on_change: Callable[[], None] = lambda: None
        """Called when `id` has changed."""
        if memory is not None:
            saved = memory.load().conversation
            if saved is not None and saved == self._to_save(saved.conversation_id):
                self._known_ids.append(saved.conversation_id)

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
                    messages = await self._client.history(candidate, include_citations=True)
                except CloneError as error:
                    if error.fault not in ("no-conversation", "rejected"):
                        raise
                    if self._slug is None:
                        raise
                    log.warning("conversation: %s is gone, a new one begins: %s", candidate, error)
                    self._known_ids.pop(0)
                else:
                    return await self._enter(candidate, messages, "goes on")
            return await self._make()

    async def renew(self) -> None:
        """Begin a new one.

        Raises:
            CloneError: as `current`; the old one goes on then.
        """
        async with self._making:
            await self._make()

    def lost(self, conversation_id: str) -> bool:
        """The clone does not know that one any more, as an answer has shown; whether another can be made.

        Where another goes on by now, it does.
        """
        if self._slug is None:
            return False
        if conversation_id == self.id:
            self.id, self._known_ids = None, []
        return True

    def note_said(self) -> None:
        """Something may be said from here on."""
        self._said += 1

    @property
    def is_outdated(self) -> bool:
        """Whether something may have been said since `messages` were looked up."""
        return self._known < self._said

    def said_by_user(self) -> list[str]:
        """What the user said in it, as far as `messages` has it, oldest first."""
        return [message.text for message in self.messages if message.sender == "USER" and message.text]

    async def refresh(self) -> list[Message]:
        """Look the history up again; returns what it has. Raises CloneError."""
        conversation_id = self.id
        if conversation_id is not None:
            said = self._said  # what is said from here on may come too late for this look
            messages = await self._client.history(conversation_id, include_citations=True)
            if self.id == conversation_id and said >= self._known:  # nor renewed or looked up meanwhile
                self.messages, self._known = messages[-KEPT_MESSAGES:], said
        return self.messages

    async def _make(self) -> str:
        if self._slug is None:
            raise CloneError(
                "a new conversation needs to know with whom: set clone.slug to the clone's name",
                fault="no-conversation",
            )
        made = await self._client.new_conversation(
            self._slug, instance_slug=self._instance_slug, user_email=self._user_email
        )
        return await self._enter(made.conversation_id, made.messages, "begins")

    async def _enter(self, conversation_id: str, messages: list[Message], how: str) -> str:
        self.id, self.messages, self._known_ids = conversation_id, messages[-KEPT_MESSAGES:], []
        self._known = self._said
        log.info("conversation: %s %s", conversation_id, how)
        self.on_change()
        if self._memory is not None:
            # In a thread: an SD card may take a second to sync.
            await asyncio.to_thread(self._memory.update, conversation=self._to_save(conversation_id))
        return conversation_id  # not `self.id`: it may be lost by now

    def _to_save(self, conversation_id: str) -> SavedConversation:
        return SavedConversation(
            conversation_id=conversation_id,
            base_url=self._client.base_url,
            slug=self._slug,
            instance_slug=self._instance_slug,
            user_email=self._user_email,
        )
