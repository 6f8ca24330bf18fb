"""Which questions the clone has heard: what has gone out from here, counted against what its history has.

A question whose body has gone out whole may come into the history late, or never; one of a turn that was cancelled may
come while the next is on its way. So what is new in the history is taken for what is outstanding: text for the same
text, anything else for the oldest spoken question. A question has been heard when something new was left for it.

Outstanding is what went out whole in this conversation and was not refused in words, until the history has it; until
a later one is answered; or until a look into the history, `LATE_S` after it went out, does not show it.

Where nobody knows what was said before, the first look tells, if it comes before the question is out. Later it may
have the question in it: text is known by its words, and what is being answered is the last. Anything else counts as
not heard, for an answer to what was asked twice is better than none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from clonespeaker.clone.connection import Request
from clonespeaker.clone.records import Message
from clonespeaker.conversation import Conversation

LATE_S = 10.0
"""A clone takes no longer to write down what it has heard."""


@dataclass(slots=True, eq=False)
class Sending:
    """A question on its way, once.

    Attributes:
        conversation_id: where it goes.
        text: what it says; None: it is spoken.
        request: that takes it there.
        is_heard: the history has it.
    """

    conversation_id: str
    text: str | None
    request: Request
    is_heard: bool = False

    @property
    def is_out(self) -> bool:
        """The clone has all of it, or answers without."""
        return self.request.body_sent_at is not None or self.request.first_event_at is not None


class Asked:
    """The questions that were sent in the conversation going on."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._conversation_id: str | None = None
        self._known: Counter[str] | None = None  # what the user has said, as far as it is accounted for
        self._looked_before = 0.0  # when the last look was asked for that says nothing of this conversation
        self._sendings: list[Sending] = []  # what is not accounted for, oldest first

    def begin(self, conversation_id: str, text: str | None, request: Request) -> Sending:
        """One is about to be sent. The conversation is known, and it is the only one on its way."""
        if conversation_id != self._conversation_id:
            self._conversation_id, self._sendings = conversation_id, []
            self._known = None if self._conversation.is_outdated else Counter(map(_mark, self._said()))
            self._looked_before = self._conversation.asked_at
        self._account()
        self._conversation.note_said()
        sending = Sending(conversation_id, text, request)
        self._sendings = [*self._outstanding(), sending]
        return sending

    @property
    def is_in_the_dark(self) -> bool:
        """Nobody knows what was said in the conversation before."""
        return self._known is None

    def refused(self, sending: Sending) -> None:
        """The clone has said that it does not take it."""
        self._sendings = [each for each in self._sendings if each is not sending]

    def answered(self, sending: Sending) -> None:
        """It is answered: what went out before is in the history by now, or never will be."""
        if sending in self._sendings:
            del self._sendings[: self._sendings.index(sending)]

    async def look_up(self) -> None:
        """Look into the history. Raises CloneError."""
        await self._conversation.refresh()
        self._account()

    def _account(self) -> None:
        """Take what is new in the history for what is outstanding."""
        conversation = self._conversation
        if conversation.id != self._conversation_id or (self._known is None and not self._has_looked()):
            return
        said = self._said()
        new = self._new_in(said)
        for message in new:
            self._take_for_one(message)
        if new or self._known is None:  # else it may be an older state: some servers have several copies
            self._known = Counter(map(_mark, said))
        too_late = conversation.asked_at - LATE_S
        self._sendings = [each for each in self._sendings if (each.request.body_sent_at or too_late) >= too_late]

    def _has_looked(self) -> bool:
        return self._conversation.asked_at > self._looked_before

    def _new_in(self, said: list[Message]) -> list[Message]:
        if self._known is None:
            return [each for each in said[-1:] if self._is_answering or _plain(each.text or "") in self._texts()]
        known, new = self._known.copy(), []
        for message in said:
            if known[_mark(message)] > 0:
                known[_mark(message)] -= 1
            else:
                new.append(message)
        return new

    def _take_for_one(self, message: Message) -> None:
        text = _plain(message.text or "")
        outstanding = self._outstanding()
        fitting = [each for each in outstanding if each.text is not None and _plain(each.text) == text]
        for sending in (fitting or [each for each in outstanding if each.text is None])[:1]:
            sending.is_heard = True
            self._sendings.remove(sending)

    @property
    def _is_answering(self) -> bool:
        return any(each.request.first_event_at is not None for each in self._sendings)

    def _texts(self) -> set[str]:
        return {_plain(each.text) for each in self._outstanding() if each.text is not None}

    def _outstanding(self) -> list[Sending]:
        return [each for each in self._sendings if each.is_out]

    def _said(self) -> list[Message]:
        return [message for message in self._conversation.messages if message.sender == "USER"]


def _mark(message: Message) -> str:
    """What tells one message from others; its text may be written later than it was heard."""
    return message.created_at or message.text or ""


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
