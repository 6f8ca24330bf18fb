"""The settings as they are to be, while they are being asked for."""

from __future__ import annotations

from typing import Any

import msgspec

from clonespeaker.config.conflicts import conflicts
from clonespeaker.config.edit import leaves
from clonespeaker.config.kinds import KINDS
from clonespeaker.config.secrecy import masked
from clonespeaker.config.settings import Settings


class Draft:
    """Settings, and what is to change in them.

    Attributes:
        changes: values by dotted name.
    """

    def __init__(self, settings: Settings) -> None:
        self._before = leaves(settings)
        self.changes: dict[str, Any] = {}

    @property
    def settings(self) -> Settings:
        """With all changes."""
        return self._with({})

    def set(self, key: str, value: str | None) -> None:
        """Change a setting, or let it be as it was."""
        if value == self._before[key]:
            self.changes.pop(key, None)
        else:
            self.changes[key] = value

    def wrong(self, key: str, value: str) -> str:
        """What is wrong with a value under a key, in words; "" where it fits."""
        if masked(value) != value:
            return "that looks like a secret; only the question for the API key takes one"
        if not KINDS[key].fits(value):
            return f"that is not {KINDS[key].words}"
        return next((words for keys, words in conflicts(self._with({key: value})) if key in keys), "")

    def _with(self, more: dict[str, Any]) -> Settings:
        tree: dict[str, Any] = {}
        for key, value in (self._before | self.changes | more).items():
            section, _, name = key.rpartition(".")
            (tree.setdefault(section, {}) if section else tree)[name] = value
        return msgspec.convert(tree, Settings)
