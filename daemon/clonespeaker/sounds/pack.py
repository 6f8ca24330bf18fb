"""Sentences of one language, spoken ahead of time, in one file.

A zip with a member for each sentence (numpy's `npz`), named after the text itself: a file that is older than the words
is never wrong, it only lacks what is new. A sample is a byte, companded like a telephone's (µ-law, ITU-T G.711: what it
loses is 38 dB below the voice). It is not deflated: a Debian package compresses better than a zip.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clonespeaker.audio.pcm import Samples, to_int16
from clonespeaker.sounds.espeak import RATE_HZ, speak

HERE = Path(__file__).parent
"""Where the package has them, where it has any: the Debian package does."""

_MU = 255.0


def pack_of(language: str, directory: Path = HERE) -> Path:
    """The file of a language."""
    return directory / f"{language}.npz"


def write_pack(directory: Path, language: str, sentences: Iterable[str]) -> Path:
    """Have `sentences` spoken, and write them down. Blocks. Raises MediaError, and OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    path = pack_of(language, directory)
    spoken: dict[str, Any] = {_name(text): compress(speak(text, language)) for text in sorted(set(sentences))}
    with path.with_suffix(".part").open("wb") as file:
        np.savez(file, **spoken)
    path.with_suffix(".part").replace(path)
    return path


def read_pack(path: Path, sentence: str) -> Samples | None:
    """What is in it for a sentence, mono at `espeak.RATE_HZ`; None where nothing is, or no file, or a broken one."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as pack:
            return expand(pack[_name(sentence)])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def compress(samples: Samples) -> npt.NDArray[np.int8]:
    """16 bits a sample → 8."""
    wave = samples / 32_768.0
    small: npt.NDArray[np.int8] = np.rint(np.sign(wave) * np.log1p(_MU * np.abs(wave)) / np.log1p(_MU) * 127).astype(
        np.int8
    )
    return small


def expand(small: npt.NDArray[np.int8]) -> Samples:
    """The way back."""
    wave = small.astype(np.float64) / 127
    return to_int16(np.sign(wave) * np.expm1(np.abs(wave) * np.log1p(_MU)) / _MU * 32_768.0)


def _name(sentence: str) -> str:
    return hashlib.sha256(f"{RATE_HZ} {sentence}".encode()).hexdigest()[:16]
