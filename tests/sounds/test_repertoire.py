"""What there is to sound, and files in its place."""

from __future__ import annotations

import logging
import wave
from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio import earcons
from clonespeaker.cues import Earcon
from clonespeaker.errors import MediaError
from clonespeaker.sounds.repertoire import EARCON_MOST_S, Repertoire, read_file
from tests.sounds.wavs import noise, write_wav

SENTENCES: dict[str, tuple[str, ...]] = {"offline": ("Hello.",), "busy": ("Not now.",)}


def repertoire(directory: Path | None = None) -> Repertoire:
    return Repertoire(lambda: SENTENCES, "de", directory=directory, packs=Path("/nowhere"))


@pytest.mark.parametrize("earcon", Earcon)
def test_built_in(earcon: Earcon) -> None:
    sound = repertoire().earcon(earcon)
    assert np.array_equal(sound.samples, earcons.make(earcon))
    assert (sound.rate_hz, sound.source) == (earcons.RATE_HZ, "built in")


def test_a_file_takes_its_place_and_keeps_its_level(tmp_path: Path) -> None:
    write_wav(tmp_path / "start.wav", noise("start"))
    sound = repertoire(tmp_path).earcon(Earcon.START)
    assert sound.source == str(tmp_path / "start.wav")
    assert np.array_equal(sound.samples[441:-441], noise("start")[441:-441])
    assert repertoire(tmp_path).earcon(Earcon.STOP).source == "built in"


def test_a_prompts_file_lies_under_its_language_and_an_earcons_does_not(tmp_path: Path) -> None:
    write_wav(tmp_path / "offline.wav", noise("earcon"))
    write_wav(tmp_path / "de" / "offline.wav", noise("prompt"))
    write_wav(tmp_path / "en" / "busy.wav", noise("another language"))
    here = repertoire(tmp_path)
    prompt = here.prompt("offline")
    assert prompt is not None
    assert prompt.samples.tobytes() != here.earcon(Earcon.OFFLINE).samples.tobytes()
    assert here.source("offline") == str(tmp_path / "de" / "offline.wav")
    assert here.source("busy") == "by espeak-ng"


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000, 96_000])
def test_any_rate_and_channels(tmp_path: Path, rate_hz: int) -> None:
    samples = noise("stereo", seconds=0.2, rate_hz=rate_hz)
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setparams((2, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(np.repeat(samples, 2).tobytes())
    sound = read_file(tmp_path / "x.wav", 3)
    assert sound.rate_hz == rate_hz
    assert sound.length_s == pytest.approx(0.2)
    assert np.array_equal(sound.samples[1_000:-1_000], samples[1_000:-1_000])


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_bytes(b"RIFFxxxx"), "cut short"),
        (lambda path: path.write_bytes(b"ID3 an MP3"), "not a WAV"),
        (
            lambda path: write_wav(path, noise("long", seconds=EARCON_MOST_S + 0.1)),
            "3.1 s long; shorten it to 3 s",
        ),
        (lambda path: path.mkdir(), "can't be read"),
    ],
)
def test_a_file_that_cant_be_used_is_told_and_the_built_in_sound_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: object, why: str
) -> None:
    make(tmp_path / "stop.wav")  # type: ignore[operator]
    here = repertoire(tmp_path)
    with caplog.at_level(logging.WARNING):
        here.load()
    (told,) = caplog.messages
    assert f"{tmp_path / 'stop.wav'}: " in told
    assert why in told
    assert here.earcon(Earcon.STOP).source == "built in"
    assert [path for path, _ in here.broken_files()] == [tmp_path / "stop.wav"]


def test_a_broken_prompts_file_likewise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "busy.wav").write_bytes(b"nothing of the kind, but long enough")
    here = repertoire(tmp_path)
    with caplog.at_level(logging.WARNING):
        here.load()
    assert "busy.wav" in caplog.text
    prompt = here.prompt("busy")
    assert prompt is not None
    assert prompt.source == "by espeak-ng"


def test_a_directory_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        repertoire(tmp_path / "gone").load()
    assert "is no directory" in caplog.text


def test_a_file_that_is_called_what_nothing_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_wav(tmp_path / "strat.wav", noise("x"))
    write_wav(tmp_path / "busy.wav", noise("x"))
    write_wav(tmp_path / "bell.wav", noise("x"))
    write_wav(tmp_path / "de" / "offline.wav", noise("x"))
    assert list(repertoire(tmp_path).unknown_files()) == [
        (tmp_path / "bell.wav", "nothing is called that; clonespeaker sounds lists the names"),
        (tmp_path / "busy.wav", "nothing is called that; did you mean de/busy.wav?"),
        (tmp_path / "strat.wav", "nothing is called that; did you mean start.wav?"),
    ]
    assert not list(repertoire().unknown_files())
    with caplog.at_level(logging.WARNING):
        repertoire(tmp_path).load()
    assert "strat.wav: nothing is called that; did you mean start.wav?" in caplog.messages[-1]


def test_a_file_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.wav").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(MediaError, match="larger than"):
        read_file(tmp_path / "x.wav", 3)


def test_a_directory_that_may_not_be_looked_into(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # The service sees no /home: the kernel refuses to say what is there. Root is refused nothing but names like this.
    here = repertoire(tmp_path / ("x" * 300))
    here.load()
    assert here.earcon(Earcon.STOP).source == "built in"
    assert here.source("busy") == "by espeak-ng"
    assert list(here.unknown_files()) == []
    assert "is no directory that this user sees" in caplog.text
