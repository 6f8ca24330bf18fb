"""The table of what is seen and heard, and the words beside it."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest

from clonespeaker.config.settings import Settings
from clonespeaker.cues import FAULTS, MUTED, STATES, Cue, cue, gravest
from clonespeaker.errors import FAULTS as NAMES
from clonespeaker.turn import State
from clonespeaker.words import LANGUAGES, load_words


def test_everything_has_a_cue() -> None:
    assert set(FAULTS) == set(NAMES)
    assert set(STATES) == set(State)


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_has_words(language: str) -> None:
    words = load_words(language)
    assert list(words.states) == [*State, "muted"]
    assert set(words.faults) == set(FAULTS)
    sentences = [text for fault in words.faults.values() for text in (fault.what, fault.remedy)]
    assert all(text.endswith(".") and text == text.strip() for text in sentences)


def test_programs_and_visitors_are_told_the_same() -> None:
    assert {name: words.what for name, words in load_words("en").faults.items()} == NAMES


def test_each_language_can_be_set() -> None:
    assert get_args(get_type_hints(Settings)["language"]) == LANGUAGES


@pytest.mark.parametrize(
    ("state", "muted", "faults", "expected"),
    [
        (State.IDLE, False, [], STATES[State.IDLE]),
        (State.IDLE, True, [], MUTED),
        (State.IDLE, True, ["offline"], FAULTS["offline"]),
        (State.IDLE, True, ["no-sound", "too-quiet"], MUTED),
        (State.IDLE, False, ["offline", "refused"], FAULTS["refused"]),
        (State.LISTENING, False, ["offline"], STATES[State.LISTENING]),
        (State.SPEAKING, True, [], STATES[State.SPEAKING]),
        (State.STARTING, False, [], STATES[State.STARTING]),
        (State.STARTING, False, ["no-speaker"], FAULTS["no-speaker"]),
    ],
)
def test_which_holds(state: State, muted: bool, faults: list[str], expected: Cue) -> None:
    assert cue(state, muted=muted, faults=faults) is expected


def test_the_gravest() -> None:
    assert gravest([]) is None
    assert gravest(["busy", "no-microphone"]) == "no-microphone"
