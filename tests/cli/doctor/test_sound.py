"""What is heard, judged; and devices that a daemon holds. The real path is in tests/sound/test_doctor.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clonespeaker.audio.pcm import Samples, to_int16
from clonespeaker.cli.ask import read_recording
from clonespeaker.cli.demo import shipped_question
from clonespeaker.cli.doctor import loop
from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.cli.doctor.sound import check_devices, judge
from clonespeaker.config.settings import Settings, Speaker
from clonespeaker.errors import DeviceError
from clonespeaker.state import SavedVolume, StateDir
from tests.daemon import SoundOfTest

RATE_HZ = 44_100
RANDOM = np.random.default_rng(1)


def noise(level_dbfs: float, seconds: float = 1.0) -> Samples:
    return to_int16(RANDOM.normal(0, 32_768 * 10 ** (level_dbfs / 20), round(seconds * RATE_HZ)))


@pytest.mark.parametrize(
    ("samples", "result", "words"),
    [
        (np.zeros(RATE_HZ, np.int16), "warning", "no sound at all"),
        (noise(-75), "ok", "at -75 dBFS, noise floor -75 dBFS; speak while"),
        (noise(-60), "ok", "at -60 dBFS, noise floor -60 dBFS"),
        (noise(-30), "warning", "noise all the time"),
        (np.concatenate([noise(-20, 0.5), noise(-60, 0.5)]), "ok", "at -23 dBFS, noise floor -60 dBFS"),
        (
            np.concatenate([noise(-60, 0.5), np.full(441, 32_767, np.int16), noise(-60, 0.5)]),
            "warning",
            "441 samples clip",
        ),
    ],
    ids=["dead", "faint", "quiet", "noisy", "speech", "clipped"],
)
def test_what_a_second_of_sound_says(samples: Samples, result: str, words: str) -> None:
    finding = judge(samples, "Mic")
    assert finding.result == result
    assert words in finding.words
    assert bool(finding.remedy) == (result != "ok")


def recorded(gain: float, at_s: float, background: Samples) -> Samples:
    wide = background.astype(float)
    at = round(at_s * RATE_HZ)
    played = loop.sweep()[: wide.size - at]
    wide[at : at + played.size] += gain * played
    return to_int16(wide)


@pytest.mark.parametrize("at_s", [0.0, 0.068, 0.9])
@pytest.mark.parametrize(("gain", "noise_dbfs"), [(1.0, -96), (0.5, -60), (0.01, -60), (0.02, -40), (0.1, -20)])
def test_a_sweep_is_found_in_noise(gain: float, at_s: float, noise_dbfs: float) -> None:
    found = loop.find(recorded(gain, at_s, noise(noise_dbfs, 1.6)))
    assert found is not None
    assert found.at_s == pytest.approx(at_s, abs=0.001)
    assert found.level_dbfs == pytest.approx(-9.2 + 20 * np.log10(gain), abs=2)


def test_a_sweep_is_found_in_a_room_with_echoes() -> None:
    background = recorded(0.1, 0.1, noise(-55, 1.6))
    for at_s, gain in ((0.11, 0.05), (0.137, 0.06), (0.2, 0.03)):
        background = recorded(gain, at_s, background)
    found = loop.find(background)
    assert found is not None
    assert found.at_s == pytest.approx(0.1, abs=0.001)


def test_no_sweep_is_found_where_there_is_none() -> None:
    question = read_recording(shipped_question())
    click = np.zeros(round(1.6 * RATE_HZ), np.int16)
    click[30_000] = 20_000
    quiet: list[Samples] = [noise(level, 1.6) for level in (-20, -50, -90) for _ in range(10)]
    speech = [question[at : at + click.size] for at in range(0, question.size - click.size, 11_025)]
    tone = [
        to_int16(8_000 * np.sin(2 * np.pi * hz * np.arange(click.size) / RATE_HZ)) for hz in (50, 440, 1_000, 2_000)
    ]
    for samples in (np.zeros(0, np.int16), np.zeros_like(click), click, *quiet, *speech, *tone):
        assert loop.find(samples) is None


async def check(
    sound: SoundOfTest,
    daemon: dict[str, Any] | None = None,
    *,
    with_loop: bool = False,
    volume: int = 80,
    state_dir: Path = Path("/nowhere"),
) -> dict[str, Finding]:
    settings = Settings(speaker=Speaker(volume=volume), state_dir=str(state_dir))
    findings = check_devices(sound, settings, daemon=daemon, with_loop=with_loop)
    return {finding.name: finding async for finding in findings}


DAEMON: dict[str, Any] = {
    "device": {"microphone": {"name": "Mic", "rate_hz": 48_000, "channels": 1}, "speaker": None},
    "causes": {"no-speaker": "the speaker is unplugged"},
}


async def test_devices_that_can_be_used() -> None:
    found = await check(SoundOfTest())
    assert set(found) == {"microphone", "speaker"}
    assert "no sound at all" in found["microphone"].words
    assert found["speaker"].result == "ok"
    assert (await check(SoundOfTest(), volume=0))["speaker"].result == "warning"


async def test_the_volume_is_the_one_in_force(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.update(volume=SavedVolume(level=70, instead_of=80))
    remembered = await check(SoundOfTest(), state_dir=tmp_path)
    assert "volume 70 (set by hand; speaker.volume is 80)" in remembered["speaker"].words
    assert "volume 60 (set by hand" in (await check(SoundOfTest(), {"volume": 60}, state_dir=tmp_path))["speaker"].words
    changed = await check(SoundOfTest(), volume=90, state_dir=tmp_path)
    assert changed["speaker"].words.endswith("volume 90")


async def test_one_that_fails_does_not_keep_from_the_other() -> None:
    sound = SoundOfTest()
    sound.refused["microphone"] = DeviceError("microphone", "busy (held by firefox, process 812)", busy=True)
    found = await check(sound, with_loop=True)
    assert (found["microphone"].result, found["microphone"].words) == ("failed", "busy (held by firefox, process 812)")
    assert found["speaker"].result == "ok"
    assert found["loop"].words.startswith("not tried")


async def test_what_a_daemon_holds_is_asked_of_the_daemon() -> None:
    sound = SoundOfTest()
    sound.plugged.clear()  # PortAudio does not list what another program holds
    sound.refresh()
    found = await check(sound, DAEMON)
    assert found["microphone"].result == "ok"
    assert found["microphone"].words.startswith("in use by the daemon: Mic, 48000 Hz, 1 channel(s)")
    assert (found["speaker"].result, found["speaker"].words) == (
        "failed",
        "the daemon can't use it: the speaker is unplugged",
    )


async def test_a_loop_that_is_open() -> None:
    found = await check(SoundOfTest(), with_loop=True)
    assert found["loop"].result == "failed"
    assert "did not hear" in found["loop"].words
    assert "cancels its own echo" in found["loop"].remedy
