"""What is said and shown to whoever stands in front of the device, in the languages that the package has.

A file for each language, `words/LANGUAGE.yaml`; a test holds all of them to the same keys. Visitors read and hear it:
no words of technicians, and nothing to do that a visitor can't.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta

LANGUAGES = ("en", "de", "fr", "es")

Text = Annotated[str, Meta(min_length=1)]


class FaultWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault, told to a visitor.

    Attributes:
        what: a sentence of the device's own.
        remedy: another one: what to do, or whom to tell.
    """

    what: Text
    remedy: Text


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of one language.

    Attributes:
        name: the language's own name.
        states: by the status protocol's names, and `muted`.
        faults: by the names of `errors.FAULTS`.
        alone: what is said where no daemon runs, by names of its own.
        page: what only the kiosk page says.
    """

    name: Text
    states: dict[Text, Text]
    faults: dict[Text, FaultWords]
    alone: dict[Text, FaultWords]
    page: dict[Text, Text]

    def prompts(self) -> dict[str, tuple[str, ...]]:
        """All that may be said aloud: name → its sentences."""
        return {name: (words.what, words.remedy) for name, words in (self.faults | self.alone).items()}


def load_words(language: str) -> Words:
    """One of `LANGUAGES`."""
    text = Path(__file__).with_name(f"{language}.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), Words)
