"""The doctor's ear: on the real path, with the speaker in the microphone's hearing, and without."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.cli.doctor.sound import check_cards, check_devices
from clonespeaker.config.settings import Settings
from tests.sound.card import SoundCard

pytestmark = pytest.mark.sound


@contextmanager
def air(card: SoundCard) -> Iterator[None]:
    """What is played is heard."""
    module = pactl(card, "load-module", "module-loopback", "source=speaker.monitor", "sink=mic", "latency_msec=60")
    try:
        yield
    finally:
        pactl(card, "unload-module", module.strip())


def pactl(card: SoundCard, *arguments: str) -> str:
    environment = os.environ | card.environment
    return subprocess.run(
        ["pactl", *arguments], env=environment, capture_output=True, text=True, timeout=20, check=True
    ).stdout


@pytest.fixture
async def sound(own_card: SoundCard) -> AsyncIterator[SoundSystem]:
    sound = SoundSystem()
    yield sound
    sound.close()


async def examine(sound: SoundSystem, *, with_loop: bool = False) -> dict[str, Finding]:
    return {
        finding.name: finding
        async for finding in check_devices(sound, Settings(), daemon=None, with_loop=with_loop)
    }  # fmt: skip


async def test_cards_with_their_rates(sound: SoundSystem) -> None:
    (finding,) = [finding async for finding in check_cards(sound)]
    assert finding.result == "ok"
    assert "default (records at" in finding.words
    assert "44100" in finding.words


async def test_a_microphone_that_hears_nothing(sound: SoundSystem) -> None:
    found = await examine(sound)
    assert (found["microphone"].result, found["speaker"].result) == ("warning", "ok")
    assert "no sound at all" in found["microphone"].words


async def test_the_loop(sound: SoundSystem, own_card: SoundCard) -> None:
    assert (await examine(sound, with_loop=True))["loop"].result == "failed"
    with air(own_card):
        finding = (await examine(sound, with_loop=True))["loop"]
    assert finding.result == "ok", finding
    assert "the microphone hears the speaker: at -2" in finding.words  # -10 dBFS, at a volume of 80


async def test_speech_is_no_loop(sound: SoundSystem, own_card: SoundCard, question: Samples) -> None:
    speaking = asyncio.create_task(own_card.speak(question))
    await own_card.speech_begins(own_card.microphone_position)
    found = await examine(sound, with_loop=True)
    await speaking
    assert found["microphone"].result == "ok"
    assert found["loop"].result == "failed"
