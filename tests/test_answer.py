from __future__ import annotations

from clonespeaker.answer import TEXT_MOST_CHARACTERS, Answer
from clonespeaker.audio.pcm import Samples
from clonespeaker.clone.reply import Citation, Final, Token
from clonespeaker.errors import CloneError
from clonespeaker.timeline import Timeline


class Listener:
    """Notes what is told."""

    def __init__(self) -> None:
        self.captions: list[tuple[str, bool]] = []

    def on_wait(self, error: CloneError) -> None: ...

    def on_answer(self) -> None: ...

    def on_caption(self, text: str, *, final: bool) -> None:
        self.captions.append((text, final))

    def on_picture(self, url: str) -> None: ...

    def on_citations(self, citations: tuple[Citation, ...]) -> None: ...

    def on_play(self, samples: Samples) -> None: ...

    def on_first_sound(self) -> None: ...


def answer_to(listener: Listener) -> Answer:
    return Answer(None, None, audience=listener, timeline=Timeline(), raw_rate_hz=44_100)


async def test_text_without_end_is_told_up_to_a_bound() -> None:
    listener = Listener()
    answer = answer_to(listener)
    token = "x" * 1_000
    for _ in range(TEXT_MOST_CHARACTERS // len(token) + 500):
        await answer.take(Token(token))
    assert len(listener.captions) == TEXT_MOST_CHARACTERS // len(token) + 1, "beyond it, nothing new is told"
    assert listener.captions[-1] == ("x" * TEXT_MOST_CHARACTERS + " …", False)
    await answer.take(Final())
    assert listener.captions[-1] == ("x" * TEXT_MOST_CHARACTERS + " …", True)


async def test_a_final_text_has_the_same_bound() -> None:
    listener = Listener()
    await answer_to(listener).take(Final("y" * 2 * TEXT_MOST_CHARACTERS))
    assert listener.captions == [("y" * TEXT_MOST_CHARACTERS + " …", True)]


async def test_a_text_of_just_the_bound_is_whole() -> None:
    listener = Listener()
    answer = answer_to(listener)
    await answer.take(Token("x" * TEXT_MOST_CHARACTERS))
    await answer.take(Final())
    assert listener.captions == [("x" * TEXT_MOST_CHARACTERS, False), ("x" * TEXT_MOST_CHARACTERS, True)]
