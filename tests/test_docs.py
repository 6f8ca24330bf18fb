"""Merges that kept both sides of a paragraph."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_ALIKE = 60  # characters that a line begins with


@pytest.mark.parametrize("name", ["CHANGELOG.md", "CONTRIBUTING.md", "README.md", "config/config.yaml"])
def test_nothing_is_told_twice(name: str) -> None:
    beginnings = Counter(line.strip()[:_ALIKE] for line in (ROOT / name).read_text().splitlines())
    assert [words for words, count in beginnings.items() if count > 1 and len(words) == _ALIKE] == []
