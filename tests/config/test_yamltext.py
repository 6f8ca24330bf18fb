from __future__ import annotations

import pytest

from tests.config.settings_text import check_mistake, problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clone:\n\tslug: a", "config.yaml:2: a tab; indent with spaces"),
        ("clone:\n  slug: a: b", "config.yaml:2: a colon too many, or wrong indentation; "),
        ("clone:\n  slug: 'a\n  reply: b\n", "config.yaml:2: a quotation mark that is never closed"),
        ("clone: [1,", "config.yaml:1: a bracket that is never closed"),
        ("clone:\n  slug: [a\n  reply: b\n", "config.yaml:2: a bracket that is never closed, or a missing comma"),
        ("clone:\n  slug: a\n reply: b", "config.yaml:3: the indentation fits no line above"),
        ("clone:\n  slug: a\nreply\n", "config.yaml:3: a line without a colon"),
        ("clone: *x", "config.yaml:1: a * that names nothing"),
        ("clone:\n  slug: @x", "config.yaml:2: a value that begins with a special character; put it in quotes"),
        ("clone:\n---\nclone:", "config.yaml:2: a second document (---)"),
        ("clone:\n  slug: \x07", "config.yaml:2: a character that text files can't hold"),
        ('slug: "\\Uffffffff"', "config.yaml:1: something that is no YAML"),
        ("[" * 20000, "config.yaml:1: lists or sections nested too deeply"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    check_mistake(text, expected)


def test_text_that_is_not_utf8() -> None:
    assert problems(b"clone:\n  slug: M\xfcnchen\n") == ["config.yaml:2: not UTF-8 text; save the file as UTF-8"]
