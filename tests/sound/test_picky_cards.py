"""Cards that refuse 44.1 kHz or mono: the nearest that they take, converted."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyaudio
import pytest

from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.portaudio import SoundSystem
from tests.sound.card import RATE_HZ, SoundCard
from tests.sound.conftest import skip_or_fail
from tests.sound.matching import likeness
from tests.sound.running import run_daemon

pytestmark = pytest.mark.sound

SETTINGS = """
pcm_type.picky {{ lib "{library}" }}
pcm.picky_speaker {{ type picky slave "spk" rate {rate_hz} channels {channels} }}
pcm.picky_microphone {{ type picky slave "mic" rate {rate_hz} channels {channels} wired {wired} }}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`picky.c`, built: PyAudio's own build needs compiler and headers, too."""
    if shutil.which("cc") is None or not Path("/usr/include/alsa/asoundlib.h").exists():
        skip_or_fail("no C compiler, or no ALSA headers (libasound2-dev)")
    built = tmp_path_factory.mktemp("picky") / "libpicky.so"
    source = Path(__file__).with_name("picky.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-DPIC", "-O1", "-o", built, source, "-lasound"], check=True, timeout=50)
    return built


def make_picky(card: SoundCard, library: Path, *, rate_hz: int, channels: int, wired: int = -1) -> None:
    """Add them to the card's; to be called before PortAudio looks for devices."""
    forget_what_hung()
    settings = SETTINGS.format(library=library, rate_hz=rate_hz, channels=channels, wired=wired)
    card.alsa_settings.write_text(card.alsa_settings.read_text() + settings)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "wired"),
    [
        pytest.param(48_000, 2, 1, id="48 kHz, stereo, the microphone on the right"),
        pytest.param(16_000, 1, -1, id="16 kHz, mono"),
    ],
)
async def test_a_card_of_one_rate(
    own_card: SoundCard,
    library: Path,
    question: Samples,
    tmp_path: Path,
    rate_hz: int,
    channels: int,
    wired: int,
) -> None:
    make_picky(own_card, library, rate_hz=rate_hz, channels=channels, wired=wired)
    said = question[:RATE_HZ]
    async with run_daemon(
        own_card, tmp_path, microphone={"device": "picky_microphone"}, speaker={"device": "picky_speaker"}
    ) as daemon:
        await daemon.has_listened()
        taken = daemon.app.account.snapshot()["device"]
        mark = own_card.position
        await daemon.hold(said)
        turn = await daemon.turn_over(1)
        heard = await own_card.heard_whole(mark)
    assert taken["microphone"] == {"name": "picky_microphone", "rate_hz": rate_hz, "channels": channels}
    assert taken["speaker"]["rate_hz"] == rate_hz  # PortAudio itself puts one channel on both
    [got] = daemon.utterances()
    assert turn["outcome"] == "answered"
    for one, other in ((said, got), (got, heard)):
        assert likeness(one, other) > 0.99
        assert sounding_frames(other) == pytest.approx(sounding_frames(one), abs=100)
        assert energy_db(other) == pytest.approx(energy_db(one), abs=0.5)


def test_the_right_rate_beside_a_running_stream(own_card: SoundCard, library: Path) -> None:
    """PortAudio loses its refusals then, now and again: what needs none is asked first."""
    make_picky(own_card, library, rate_hz=48_000, channels=2)
    sound = SoundSystem()
    microphone = sound.open_microphone("picky_microphone", period_ms=10, on_block=lambda *_: None)
    try:
        microphone.start()
        for _ in range(20):
            speaker = sound.open_speaker("picky_speaker", period_ms=10, fill=lambda frames, *_: bytes(2 * frames))
            speaker.close()
            assert speaker.rate_hz == 48_000
    finally:
        microphone.close()
        sound.close()


def forget_what_hung() -> None:
    """Where an earlier test's device hung, its PortAudio is initialised still, and would not look anew."""
    for _ in range(10):
        pyaudio.pa.terminate()  # once for each time it was initialised; nothing where it is not


def sounding_frames(samples: Samples) -> int:
    """From the first to the last frame that is loud."""
    loud = np.flatnonzero(np.abs(samples) > 300)
    return int(loud[-1] - loud[0]) + 1 if loud.size else 0


def energy_db(samples: Samples) -> float:
    return 10 * math.log10(float(np.sum(samples.astype(float) ** 2)) + 1)
