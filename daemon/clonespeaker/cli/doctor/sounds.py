"""What is sounded besides the clone: earcons, and faults in words."""

from __future__ import annotations

import os.path
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.config.settings import Settings
from clonespeaker.cues import Earcon
from clonespeaker.sounds.repertoire import Repertoire
from clonespeaker.words import load_words


def check_sounds(settings: Settings) -> Iterator[Finding]:
    """Which earcons and prompts are in force; files that can't be used."""
    sounds, language = settings.sounds, settings.language
    directory = Path(sounds.directory) if sounds.directory else None
    prompts = load_words(language).prompts()
    repertoire = Repertoire(lambda: prompts, language, directory=directory)
    if directory is not None and not os.path.isdir(directory):
        yield Finding(
            "sounds", "warning", f"sounds.directory: there is no directory {directory}", "make it, or empty it"
        )
    unused = [*repertoire.broken_files(), *repertoire.unknown_files()]
    for path, problem in unused:
        what, _, remedy = problem.rpartition("; ")
        yield Finding("sounds", "warning", f"{path}: {what}", remedy)
    sources = Counter(_kind(repertoire.earcon(earcon).source) for earcon in Earcon)
    words = f"earcons {_in_words(sources) if sounds.earcons else 'off (sounds.earcons)'}"
    if unused:
        words = f"of the files in {directory}, {len(unused)} can't be used, as told above; {words}"
    result: Literal["ok", "warning"] = "warning" if unused else "ok"
    if not sounds.speech:
        yield Finding("sounds", result, f"{words}; faults are not said in words (sounds.speech)")
        return
    said = {name: repertoire.source(name) for name in prompts}
    missing = [name for name, source in said.items() if source is None]
    words += f"; prompts in {language} {_in_words(Counter(_kind(source) for source in said.values() if source))}"
    if missing:
        yield Finding("sounds", "warning", f"{words}; {len(missing)} can't be said", "sudo apt install espeak-ng")
    else:
        yield Finding("sounds", result, words)


def _kind(source: str) -> str:
    return "from files" if source.startswith("/") else source


def _in_words(sources: Counter[str]) -> str:
    return ", ".join(f"{source} ({count})" for source, count in sources.items()) or "none"
