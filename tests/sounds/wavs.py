"""WAV files made for tests."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from clonespeaker.audio import wav
from clonespeaker.audio.pcm import Samples


def noise(name: str, seconds: float = 0.4, rate_hz: int = 44_100) -> Samples:
    """Of which no piece is like another, and another one for each name."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return random.integers(-6_000, 6_000, round(seconds * rate_hz)).astype(np.int16)


def write_wav(path: Path, samples: Samples, rate_hz: int = 44_100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav.write_header(2 * samples.size, rate_hz=rate_hz) + samples.tobytes())
