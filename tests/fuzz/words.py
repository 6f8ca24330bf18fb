"""Words from outside: headers, and what people are told."""

from __future__ import annotations

SAID_MOST = 1_000
"""Characters of a message."""


def as_header(raw: bytes) -> str:
    """As an HTTP library may decode one: what is no text becomes lone surrogates."""
    return raw.decode("utf-8", "surrogateescape")


def check_words(text: str) -> None:
    """A message is fit for a journal and a terminal: short, on one line, nothing that steers either."""
    assert 0 < len(text) <= SAID_MOST
    assert text.isprintable(), ascii(text)
