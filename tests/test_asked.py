"""What was sent, counted against what the history has."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from clonespeaker.asked import LATE_S, Asked, Sending
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import Request
from clonespeaker.clone.records import Message
from clonespeaker.conversation import Conversation
from tests.peers import connected


class Said:
    """A conversation whose history a test writes; it reaches nobody."""

    def __init__(self, client: CloneClient) -> None:
        self.conversation = Conversation(client, None, slug="my-clone")
        self.conversation.id = "A"
        self.asked = Asked(self.conversation)

    def send(self, text: str | None = None, *, is_out: bool = True, ago_s: float = 0.0) -> Sending:
        request = Request(body_sent_at=time.monotonic() - ago_s if is_out else None)
        assert self.conversation.id is not None
        return self.asked.begin(self.conversation.id, text, request)

    def write(self, *texts: str) -> None:
        """The clone writes down what it has heard; that shows at the next look."""
        at = len(self.conversation.messages)
        new = [Message(text, "USER", created_at=str(number)) for number, text in enumerate(texts, at)]
        self.conversation.messages = [*self.conversation.messages, *new]

    def look(self, *, after_s: float = 0.0) -> None:
        self.conversation.asked_at = time.monotonic() + after_s
        self.asked._account()


@pytest.fixture
async def said() -> AsyncIterator[Said]:
    async with connected("http://127.0.0.1:9") as client:
        yield Said(client)


@pytest.mark.parametrize("text", [None, "Hello"])
def test_one_is_heard_when_something_new_is_there(said: Said, text: str | None) -> None:
    said.write("long ago")
    sending = said.send(text)
    said.look()
    assert not sending.is_heard
    said.write(" hello\n")
    said.look()
    assert sending.is_heard


def test_what_comes_late_is_the_older_one(said: Said) -> None:
    first, second = said.send(), said.send()
    said.write("one")
    said.look()
    assert (first.is_heard, second.is_heard) == (True, False)
    said.write("two")
    said.look()
    assert second.is_heard


@pytest.mark.parametrize("order", [("Hello", "something spoken"), ("something spoken", "Hello")])
def test_text_is_known_by_its_words(said: Said, order: tuple[str, str]) -> None:
    spoken, written = said.send(), said.send("Hello")
    said.write(order[0])
    said.look()
    assert (spoken.is_heard, written.is_heard) == (order[0] != "Hello", order[0] == "Hello")
    said.write(order[1])
    said.look()
    assert spoken.is_heard
    assert written.is_heard


def test_other_words_are_somebody_elses(said: Said) -> None:
    sending = said.send("Hello")
    said.write("Good day")
    said.look()
    assert not sending.is_heard


def test_the_same_words_twice(said: Said) -> None:
    said.conversation.messages = [Message("Yes", "USER")]  # without a time
    sending = said.send("Yes")
    said.look()
    assert not sending.is_heard
    said.conversation.messages = [*said.conversation.messages, Message("Yes", "USER")]
    said.look()
    assert sending.is_heard


def test_what_broke_off_is_waited_for_by_nobody(said: Said) -> None:
    said.send(is_out=False)
    second = said.send()
    said.write("two")
    said.look()
    assert second.is_heard


def test_nor_is_what_was_refused(said: Said) -> None:
    said.asked.refused(said.send())
    second = said.send()
    said.write("two")
    said.look()
    assert second.is_heard


def test_an_answer_ends_the_waiting_for_what_went_out_before(said: Said) -> None:
    said.send()
    second = said.send()
    said.asked.answered(second)
    said.write("two")
    said.look()
    assert second.is_heard


def test_what_is_answered_before_all_of_it_is_out_has_been_heard(said: Said) -> None:
    first = said.send(is_out=False)
    first.request.first_event_at = time.monotonic()
    said.asked.answered(first)
    second = said.send()
    said.write("one")
    said.look()
    assert not second.is_heard


def test_a_look_long_after_ends_it_too(said: Said) -> None:
    said.send(ago_s=LATE_S + 1)
    said.look()
    second = said.send()
    said.write("two")
    said.look()
    assert second.is_heard


def test_but_none_that_was_asked_for_soon_after(said: Said) -> None:
    said.send(ago_s=LATE_S - 2)
    said.look(after_s=-1)
    second = said.send(ago_s=-LATE_S)
    said.write("one")
    said.look(after_s=LATE_S)
    assert not second.is_heard


def test_an_older_state_of_the_history_says_nothing(said: Said) -> None:
    said.write("one", "two")
    sending = said.send()
    newest = said.conversation.messages
    said.conversation.messages = newest[:1]
    said.look()
    said.conversation.messages = newest
    said.look()
    assert not sending.is_heard


def test_a_history_that_is_cut_to_its_newest(said: Said) -> None:
    said.write(*map(str, range(100)))
    sending = said.send()
    said.write("new")
    said.conversation.messages = said.conversation.messages[1:]
    said.look()
    assert sending.is_heard


def test_another_conversation_knows_nothing_of_it(said: Said) -> None:
    first = said.send()
    said.conversation.id, said.conversation.messages = "B", []
    said.write("there")
    said.look()
    second = said.send()
    said.look()
    assert not first.is_heard
    assert not second.is_heard


def in_the_dark(said: Said) -> None:
    """What was said before can't be had."""
    said.conversation.note_said()


def test_a_first_look_in_time_tells_what_was_said_before(said: Said) -> None:
    in_the_dark(said)
    sending = said.send(is_out=False)
    said.write("long ago")
    was_in_the_dark = said.asked.is_in_the_dark
    said.look()
    assert (was_in_the_dark, said.asked.is_in_the_dark) == (True, False)
    sending.request.body_sent_at = time.monotonic()
    said.look()
    assert not sending.is_heard
    said.write("new")
    said.look()
    assert sending.is_heard


@pytest.mark.parametrize("text", [None, "Hello", "long ago"])
def test_a_first_look_that_comes_too_late_tells_what_it_can(said: Said, text: str | None) -> None:
    in_the_dark(said)
    sending = said.send(text)
    said.write("long ago", "Hello")
    said.look()
    assert sending.is_heard == (text == "Hello")
    said.write(text or "new")
    said.look()
    assert sending.is_heard


def test_a_first_look_while_it_is_answered(said: Said) -> None:
    in_the_dark(said)
    sending = said.send()
    sending.request.first_event_at = time.monotonic()
    said.asked.answered(sending)
    said.write("long ago", "new")
    said.look()
    assert sending.is_heard


def test_a_clone_that_never_hears_is_not_waited_for_without_end(said: Said) -> None:
    for _ in range(1_000):
        said.send(ago_s=LATE_S + 1)
        said.look()
    assert said.asked._sendings == []
