"""`sounds`: what a device sounds by itself: how long, how loud, where from; played, and prompts made ahead of time."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from clonespeaker.audio.convert import at_rate
from clonespeaker.audio.lkfs import SPEECH_LKFS, loudness_lkfs
from clonespeaker.audio.pcm import SILENCE_DBFS
from clonespeaker.cli.terminal import complain, say, say_json, table
from clonespeaker.config.load import load
from clonespeaker.cues import Earcon
from clonespeaker.errors import EXIT_FAILED, EXIT_USAGE, ClonespeakerError
from clonespeaker.sounds.pack import write_pack
from clonespeaker.sounds.repertoire import Repertoire, Sound
from clonespeaker.words import LANGUAGES, load_words

Row = tuple[str, str, float | None, float | None, float | None, str]
"""Name, kind, seconds, LKFS, highest sample in dBFS, where from."""

_FIELDS = ("name", "kind", "seconds", "lkfs", "peak_dbfs", "source")


def main(options: argparse.Namespace) -> int:
    """List them, play one, or make the package's prompts."""
    if options.make is not None:
        for language in LANGUAGES:
            words = load_words(language).prompts().values()
            try:
                path = write_pack(options.make, language, [text for sentences in words for text in sentences])
            except OSError as error:
                raise ClonespeakerError(
                    f"{options.make} can't be written ({error.strerror}); name another directory, or make room"
                ) from error
            say(f"{path}: {path.stat().st_size:,} bytes")
        return 0
    settings = load(options.config, os.environ).settings
    language, directory = options.language or settings.language, settings.sounds.directory
    prompts = load_words(language).prompts()
    repertoire = Repertoire(lambda: prompts, language, directory=Path(directory) if directory else None)
    if options.play is not None:
        from clonespeaker.cli.alarm import RATE_HZ, sound_on_one_of

        sounds = named(options.play, repertoire, prompts)
        if not sounds:
            complain(f"clonespeaker: there is no sound {options.play}; `clonespeaker sounds` lists all that there are")
            return EXIT_USAGE
        samples = np.concatenate([at_rate(sound.samples, sound.rate_hz, RATE_HZ) for sound in sounds])
        return 0 if sound_on_one_of(samples, [settings.speaker]) else EXIT_FAILED
    rows = [*earcon_rows(repertoire), *_prompt_rows(repertoire, prompts)]
    if options.json:
        say_json([dict(zip(_FIELDS, row, strict=True)) for row in rows])
    else:
        head = ("", "", "s", "LKFS", "dBFS", "from")
        say(table([head, *(tuple("–" if cell is None else str(cell) for cell in row) for row in rows)]))
        say(f"LKFS: loudness to the ear, speech is at {SPEECH_LKFS:g}; dBFS: the highest sample")
    broken = [*repertoire.broken_files()]
    for path, problem in broken:
        complain(f"clonespeaker: {path}: {problem}; the built-in sound is used")
    for path, problem in repertoire.unknown_files():
        complain(f"clonespeaker: {path}: {problem}")
    return EXIT_FAILED if broken else 0


def earcon_rows(repertoire: Repertoire) -> Iterator[Row]:
    """All earcons."""
    for earcon in Earcon:
        yield _row(earcon.value, "earcon", repertoire.earcon(earcon))


def _prompt_rows(repertoire: Repertoire, prompts: dict[str, tuple[str, ...]]) -> Iterator[Row]:
    for name in prompts:
        sound = repertoire.prompt(name)
        yield _row(name, "prompt", sound) if sound else (name, "prompt", None, None, None, "install espeak-ng")


def _row(name: str, kind: str, sound: Sound) -> Row:
    peak = int(np.abs(sound.samples.astype(np.int32)).max(initial=0))
    peak_dbfs = 20 * math.log10(peak / 32_768) if peak else SILENCE_DBFS
    lkfs = loudness_lkfs(sound.samples, sound.rate_hz)
    return name, kind, round(sound.length_s, 2), round(lkfs, 1), round(peak_dbfs, 1), sound.source


def named(name: str, repertoire: Repertoire, prompts: dict[str, tuple[str, ...]]) -> list[Sound]:
    """An earcon, a prompt, or one after the other where both are called that."""
    sounds = [repertoire.earcon(Earcon(name))] if name in list(Earcon) else []
    prompt = repertoire.prompt(name) if name in prompts else None
    return [*sounds, *([prompt] if prompt else [])]
