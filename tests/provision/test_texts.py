from __future__ import annotations

import pytest

from clonespeaker.provision.texts import done_text, problems_text

WHEN = {"when": "2026-11-24 20:10", "version": "0.1.0"}
PROBLEMS = [
    "clonespeaker.yaml:3: clone.slg: no such setting; did you mean slug?",
    "clonespeaker.key: empty " + "x y " * 40,
]


@pytest.mark.parametrize(
    "data",
    [problems_text(PROBLEMS, taken=False, **WHEN), problems_text(PROBLEMS, taken=True, **WHEN), done_text(**WHEN)],
)
def test_the_oldest_notepad_shows_them(data: bytes) -> None:
    text = data.decode("utf-8-sig")
    assert text.encode("utf-8-sig") == data
    assert data.count(b"\n") == data.count(b"\r\n") > 10
    assert max(map(len, text.splitlines())) <= 80
    assert "2026-11-24 20:10" in text
    assert "clonespeaker 0.1.0" in text


def test_problems_are_listed_for_people() -> None:
    text = problems_text(PROBLEMS, taken=False, **WHEN).decode("utf-8-sig")
    assert "1. clonespeaker.yaml, line 3: clone.slg: no such setting" in text
    assert "2. clonespeaker.key: empty" in text
    assert "Nothing was taken over" in text


def test_what_could_not_be_cleared_away_is_told_as_taken() -> None:
    text = problems_text(PROBLEMS[:1], taken=True, **WHEN).decode("utf-8-sig")
    assert "is in force" in text
    assert "Nothing was taken over" not in text
