"""The sound card that the tests of this folder share."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio import wav
from clonespeaker.audio.pcm import Samples
from clonespeaker.cli.demo import shipped_question
from tests.sound.card import SoundCard, missing_programs

REQUIRED = os.environ.get("CLONESPEAKER_TEST_SOUND") == "required"


@contextmanager
def plugged_in() -> Iterator[SoundCard]:
    """A card, and the environment in which PortAudio finds it and nothing else."""
    with tempfile.TemporaryDirectory(prefix="sound-", ignore_cleanup_errors=True) as directory:
        card = SoundCard(Path(directory))
        card.plug_in()
        before = {name: os.environ.get(name) for name in card.environment}
        os.environ.update(card.environment)
        try:
            yield card
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            card.unplug()


def skip_or_fail(why: str) -> None:
    """Skip the test; fail where CLONESPEAKER_TEST_SOUND=required."""
    if REQUIRED:
        pytest.fail(why)
    pytest.skip(why)


def _require_programs() -> None:
    if missing := missing_programs():
        skip_or_fail(f"no sound server: {', '.join(missing)} not installed (make setup installs them)")


@pytest.fixture(scope="session")
def card() -> Iterator[SoundCard]:
    _require_programs()
    with plugged_in() as card:
        yield card


@pytest.fixture
def own_card() -> Iterator[SoundCard]:
    """One to be broken."""
    _require_programs()
    with plugged_in() as card:
        yield card


@pytest.fixture(scope="session")
def question() -> Samples:
    """Four seconds of speech."""
    samples, rate_hz = wav.read(shipped_question().read_bytes())
    assert rate_hz == 44_100
    return samples


@pytest.fixture(scope="session")
def words(question: Samples) -> Samples:
    """The loudest half second of it."""
    frames = 22_050
    energy = np.cumsum(question.astype(float) ** 2)
    at = int(np.argmax(energy[frames:] - energy[:-frames]))
    return question[at : at + frames].copy()
