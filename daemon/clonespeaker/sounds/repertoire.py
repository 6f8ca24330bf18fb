"""All that a device can sound besides the clone, and where each of it comes from.

An earcon: `DIRECTORY/start.wav` where the settings name a directory and it has one, else the one made here.
A prompt, the first of these that there is:

1. `DIRECTORY/LANGUAGE/offline.wav`;
2. its sentences from the package's own files (`pack`);
3. its sentences spoken on demand, where espeak-ng is installed; what has been spoken once is kept.

A file that can't be used is told, and what comes next is taken in its place. Everything here blocks, and may be called
from any thread.
"""

from __future__ import annotations

import difflib
import logging
import os.path
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from clonespeaker.audio import earcons, wav
from clonespeaker.audio.pcm import Samples
from clonespeaker.cues import Earcon
from clonespeaker.errors import MediaError
from clonespeaker.sounds import espeak
from clonespeaker.sounds.pack import HERE, pack_of, read_pack

log = logging.getLogger(__name__)

EARCON_MOST_S, PROMPT_MOST_S = 3.0, 20.0
"""The longest files; what is longer is taken for a mistake, and not played."""

_LONGEST_BYTES = 32 << 20
_PAUSE_S = 0.25  # between two sentences


@dataclass(frozen=True, slots=True)
class Sound:
    """Something to be sounded.

    Attributes:
        samples: mono, their ends faded.
        rate_hz: theirs.
        source: where it comes from, for people.
    """

    samples: Samples
    rate_hz: int
    source: str

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.samples.size / self.rate_hz


class Repertoire:
    """What one device can sound.

    Args:
        sentences: loads what prompts say, by their names, in the device's language.
        language: that is in; one of `words.LANGUAGES`.
        directory: of WAV files that take the place of what is built in; None: none.
        packs: the directory of the package's prompts.
    """

    def __init__(
        self,
        sentences: Callable[[], dict[str, tuple[str, ...]]],
        language: str,
        *,
        directory: Path | None = None,
        packs: Path = HERE,
    ) -> None:
        self._load_sentences = sentences
        self._language = language
        self._directory = directory
        self._packs = packs
        self._earcons: dict[Earcon, Sound] = {}
        self._prompts: dict[str, Sound] = {}
        self._one_at_a_time = threading.Lock()

    @cached_property
    def _sentences(self) -> dict[str, tuple[str, ...]]:
        return self._load_sentences()

    def load(self) -> None:
        """Make and read all that is needed at once, and tell in the journal what can't be used."""
        if self._directory is not None and not os.path.isdir(self._directory):
            log.warning("sounds: %s is no directory that this user sees; the built-in sounds are used", self._directory)
        for earcon in Earcon:
            self.earcon(earcon)
        for path, problem in self.broken_files():
            log.warning("sounds: %s: %s; the built-in sound is used", path, problem)
        for path, problem in self.unknown_files():
            log.warning("sounds: %s: %s", path, problem)

    def earcon(self, earcon: Earcon) -> Sound:
        """One of them."""
        found = self._earcons.get(earcon)  # not behind a prompt that is being spoken
        if found is None:
            made = Sound(earcons.make(earcon), earcons.RATE_HZ, "built in")
            found = self._earcons[earcon] = self._from_file(self._file(earcon), EARCON_MOST_S) or made
        return found

    def prompt(self, name: str) -> Sound | None:
        """What is said under this name; None where there is nothing that could say it."""
        with self._one_at_a_time:
            found = self._prompts.get(name)
            if found is None:
                found = self._from_file(self._file(name), PROMPT_MOST_S) or self._spoken(name)
                if found is not None:  # else espeak-ng may be installed meanwhile
                    self._prompts[name] = found
            return found

    def source(self, name: str) -> str | None:
        """Where a prompt comes from, without having it spoken; None where nothing could say it."""
        if self._from_file(self._file(name), PROMPT_MOST_S) is not None:
            return str(self._file(name))
        pack = pack_of(self._language, self._packs)
        if all(read_pack(pack, sentence) is not None for sentence in self._sentences[name]):
            return "in the package"
        return "by espeak-ng" if espeak.is_installed() else None

    def broken_files(self) -> Iterator[tuple[Path, str]]:
        """Files in the directory that would be used and can't be; why, and what to do."""
        for name, longest_s in [*((e, EARCON_MOST_S) for e in Earcon), *((n, PROMPT_MOST_S) for n in self._sentences)]:
            path = self._file(name)
            if path is not None and os.path.exists(path):
                try:
                    read_file(path, longest_s)
                except MediaError as error:
                    yield path, str(error)

    def unknown_files(self) -> Iterator[tuple[Path, str]]:
        """WAV files in the directory that nothing is named after, and what may be meant."""
        if self._directory is None:
            return
        names = [f"{name}.wav" for name in Earcon] + [f"{self._language}/{name}.wav" for name in self._sentences]
        directories = [each for each in (self._directory, self._directory / self._language) if os.path.isdir(each)]
        for path in sorted(path for each in directories for path in each.glob("*.wav")):
            name = path.relative_to(self._directory).as_posix()
            if name not in names:
                namesakes = [each for each in names if each.rpartition("/")[2] == path.name]
                near = namesakes or difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean {near[0]}?" if near else "clonespeaker sounds lists the names"
                yield path, f"nothing is called that; {hint}"

    def _file(self, name: Earcon | str) -> Path | None:
        if self._directory is None:
            return None
        return (self._directory if isinstance(name, Earcon) else self._directory / self._language) / f"{name}.wav"

    def _from_file(self, path: Path | None, longest_s: float) -> Sound | None:
        if path is None or not os.path.exists(path):  # pathlib's raises where it may not look
            return None
        try:
            return read_file(path, longest_s)
        except MediaError:
            return None  # `load` has told

    def _spoken(self, name: str) -> Sound | None:
        pieces: list[Samples] = []
        source = "in the package"
        for sentence in self._sentences[name]:
            samples = read_pack(pack_of(self._language, self._packs), sentence)
            if samples is None:
                source = "by espeak-ng"
                try:
                    samples = espeak.speak(sentence, self._language)
                except MediaError as error:
                    log.info("sounds: %s can't be said: %s", name, error)
                    return None
            pieces += [np.zeros(round(_PAUSE_S * espeak.RATE_HZ), np.int16)] if pieces else []
            pieces.append(samples)
        return Sound(np.concatenate(pieces), espeak.RATE_HZ, source)


def read_file(path: Path, longest_s: float) -> Sound:
    """A WAV of any rate and channels, its level as it is.

    Raises:
        MediaError: it can't be read, or is longer than that; with what to do.
    """
    try:
        if path.stat().st_size > _LONGEST_BYTES:
            raise MediaError(f"is larger than {_LONGEST_BYTES >> 20} MB; shorten it to {longest_s:g} s at most")
        data = path.read_bytes()
    except OSError as error:
        raise MediaError(f"can't be read ({error.strerror}); it must be a file that all may read") from error
    try:
        samples, rate_hz = wav.read(data)
    except MediaError as error:
        raise MediaError(f"{error}; save it anew, as a WAV of 16 bits") from error
    length_s = samples.size / rate_hz
    if length_s > longest_s:
        raise MediaError(f"is {length_s:.1f} s long; shorten it to {longest_s:g} s at most")
    return Sound(espeak.faded(samples, rate_hz), rate_hz, str(path))
