from __future__ import annotations

import json
import os
import stat
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from clonespeaker.simulate.server import SimulatedClone
from tests.cli.conftest import Run


def write_wav(path: Path, *, rate_hz: int = 44_100, channels: int = 1, width: int = 2, seconds: float = 0.5) -> Path:
    at_s = np.arange(round(rate_hz * seconds)) / rate_hz
    tone = np.repeat(np.sin(2 * np.pi * 440 * at_s) * 0.5, channels)
    samples = ((tone + 1) * 127).astype(np.uint8) if width == 1 else (tone * 32_767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate_hz, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def test_text_in_text_and_voice_out(run: Run, tmp_path: Path) -> None:
    done = run("ask", "Who are you?", "--out", "reply.wav")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Who are you?" in done.stdout
    with wave.open(str(tmp_path / "reply.wav")) as reply:
        assert reply.getparams()[:3] == (1, 2, 44_100)
        assert reply.getnframes() == round(0.3 * 44_100)


def test_everything_as_one_line_of_json(run: Run, clone: SimulatedClone) -> None:
    clone.citations = [{"url": "https://example.org/a", "title": "A", "text": "a", "type": "web"}]
    clone.image_url = "https://example.org/a.jpg"
    done = run("ask", "hello", "--reply", "text", "--no-stream", "--json")
    answer = json.loads(done.stdout)
    assert answer["citations"] == clone.citations
    assert answer["image_url"] == clone.image_url
    assert (answer["timeline"]["http_status"], answer["timeline"]["outcome"]) == (200, "answered")
    assert clone.received[-1].fields["stream"] is False


def test_a_picture_is_sent_along(run: Run, clone: SimulatedClone) -> None:
    assert run("ask", "What is this?", "--image-url", "https://example.org/a.jpg", "--reply", "text").returncode == 0
    assert clone.received[-1].fields["image_url"] == "https://example.org/a.jpg"


@pytest.mark.parametrize(
    "form",
    [{"width": 1}, {"channels": 2}, {"rate_hz": 48_000}, {"rate_hz": 8_000, "channels": 2}],
    ids=["8-bit", "stereo", "48 kHz", "8 kHz stereo"],
)
def test_any_wav_arrives_as_the_clone_wants_it(
    run: Run, clone: SimulatedClone, tmp_path: Path, form: dict[str, int]
) -> None:
    done = run("ask", "--wav", str(write_wav(tmp_path / "in.wav", **form)), "--reply", "text")
    assert (done.returncode, done.stderr) == (0, "")
    heard = np.frombuffer(clone.received[-1].pcm or b"", "<i2")
    assert heard.size == pytest.approx(0.5 * 44_100, abs=50)
    spectrum = np.abs(np.fft.rfft(heard))
    assert int(np.argmax(spectrum)) * 44_100 / heard.size == pytest.approx(440, abs=3)
    assert 0.45 < np.abs(heard[1_000:-1_000].astype(int)).max() / 32_768 < 0.55


def test_a_float_wav_and_a_truncated_one_arrive(run: Run, clone: SimulatedClone, tmp_path: Path) -> None:
    samples = np.linspace(-0.5, 0.5, 4_410, dtype="<f4")
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + samples.nbytes, b"WAVE", b"fmt ", 16, 3, 1, 44_100, 176_400, 4, 32,
        b"data", samples.nbytes,
    )  # fmt: skip
    (tmp_path / "float.wav").write_bytes(header + samples.tobytes()[:-3])
    assert run("ask", "--wav", "float.wav", "--reply", "text").returncode == 0
    heard = np.frombuffer(clone.received[-1].pcm or b"", "<i2")
    assert (heard.size, heard[0]) == (4_409, -16_384)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"ID3 this is an mp3", "not a WAV"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "cut short"),
        (None, "can't be read (No such file or directory)"),
    ],
    ids=["empty", "no WAV", "header alone", "missing"],
)
def test_what_is_no_wav_is_refused_in_words(
    run: Run, clone: SimulatedClone, tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "in.wav").write_bytes(content)
    done = run("ask", "--wav", "in.wav")
    assert done.returncode == 1
    assert "in.wav" in done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not clone.received


@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        ({"CLONESPEAKER_API_KEY": "dsk-wrong-key-0123456789"}, 77, "refused the API key (401)"),
        ({"CLONESPEAKER_API_KEY": None}, 78, "CLONESPEAKER_API_KEY"),
        ({"CLONESPEAKER_CLONE__SLUG": "nobody"}, 1, "clone.slug"),
        ({"CLONESPEAKER_CLONE__SLUG": None}, 78, "clone.slug"),
        ({"CLONESPEAKER_CLONE__BASE_URL": "http://127.0.0.1:1"}, 69, "can't connect to http://127.0.0.1:1"),
        ({"CLONESPEAKER_CLONE__SULG": "x"}, 78, "did you mean CLONESPEAKER_CLONE__SLUG?"),
    ],
    ids=["wrong key", "no key", "wrong slug", "no slug", "nobody there", "misspelt setting"],
)
def test_what_a_user_can_do_wrong_is_told_without_a_traceback(
    run: Run, variables: dict[str, str | None], code: int, words: str
) -> None:
    done = run("ask", "hello", "--reply", "text", **variables)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "dsk-wrong-key-0123456789" not in done.stderr


def test_missing_prerequisites_in_the_apis_own_words(run: Run, clone: SimulatedClone) -> None:
    clone.prerequisites_met = False
    done = run("ask", "hello", "--reply", "text")
    assert done.returncode == 77
    assert "purpose" in done.stderr
    assert "document" in done.stderr


def test_without_a_speaker_the_answer_comes_as_text(run: Run) -> None:
    done = run("ask", "Who are you?")
    assert done.returncode == 0
    assert "no speaker found" in done.stderr
    assert "Who are you?" in done.stdout


@pytest.mark.parametrize(
    "line",
    [
        r"ask $'\xff\xfe'",
        r"ask hello --image-url $'http://example.org/\xff'",
        r"say $'caf\xe9' --url ws://127.0.0.1:1/",
        r"simulate --host $'\xff'",
    ],
)
def test_text_that_is_no_utf_8_is_refused(shell: Run, clone: SimulatedClone, line: str) -> None:
    done = shell(f"clonespeaker {line}")
    assert done.returncode == 2
    assert "is not UTF-8; see `locale`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not clone.received


def test_a_file_may_be_called_anything(shell: Run, tmp_path: Path) -> None:
    done = shell(r"clonespeaker ask hello --out $'\xff.wav' --json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["out"] == "\N{REPLACEMENT CHARACTER}.wav"
    assert os.listdir(os.fsencode(tmp_path)).count(b"\xff.wav") == 1


def test_letters_that_the_other_side_does_not_know_are_replaced(run: Run) -> None:
    done = run("ask", "hello → あ", "--reply", "text", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "hello ? ?" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("text", "--wav", "x.wav")], ids=["neither", "both"])
def test_text_or_a_recording_not_both(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("ask", *arguments).returncode == 2


@pytest.mark.parametrize("command", ["ask hello", "demo --json"])
def test_what_is_no_file_is_not_written_over(shell: Run, clone: SimulatedClone, tmp_path: Path, command: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = shell(f"clonespeaker {command} --out pipe")
    assert done.returncode == 1
    assert done.stderr == "clonespeaker: pipe is no file but a device or the like; name a file to be written\n"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert not clone.received


@pytest.mark.parametrize("command", ["ask hello", "demo --json"])
def test_on_a_full_disk_the_recording_before_stays(shell: Run, tmp_path: Path, command: str) -> None:
    before = write_wav(tmp_path / "reply.wav").read_bytes()
    done = shell(f"ulimit -f 8; clonespeaker {command} --out reply.wav")
    assert done.returncode == 1
    assert done.stderr == "clonespeaker: reply.wav can't be written (File too large)\n"
    assert done.stdout  # the answer's text, and the turn
    assert (tmp_path / "reply.wav").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))
