from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio import wav
from clonespeaker.errors import MediaError
from clonespeaker.simulate import voice
from clonespeaker.simulate.voice import Encoding, encode, resample, sound, speak, tone

av = pytest.importorskip("av")

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
SAMPLES = np.arange(-2_205, 2_205, dtype=np.int16)  # 100 ms


def test_a_tone_begins_and_ends_in_silence() -> None:
    samples = tone(0.5)
    assert samples.dtype == np.int16
    assert len(samples) == 22_050
    assert samples[0] == samples[-1] == 0
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * 2 == pytest.approx(voice.TONE_HZ, abs=2)


def test_echo_gives_the_recording_back_and_a_tone_where_there_is_none() -> None:
    assert sound("echo", "unused", SAMPLES.tobytes(), tone_s=1.0).tobytes() == SAMPLES.tobytes()
    assert len(sound("echo", "unused", b"", tone_s=0.25)) == 11_025
    assert len(sound("tone", "unused", SAMPLES.tobytes(), tone_s=0.25)) == 11_025


@needs_espeak
def test_speech_lasts_longer_the_more_there_is_to_say() -> None:
    short, long = speak("Yes."), speak("-v is no option here. It is what this voice says, and then some more.")
    assert short.dtype == np.int16
    assert voice.RATE_HZ / 10 < len(short) < len(long)
    assert np.abs(long).max() > 3_000


@needs_espeak
def test_auto_speaks_where_it_can() -> None:
    assert np.array_equal(sound("auto", "Yes.", SAMPLES.tobytes(), tone_s=1.0), speak("Yes."))


def test_without_espeak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sound("auto", "Yes.", SAMPLES.tobytes(), tone_s=1.0).tobytes() == SAMPLES.tobytes()
    with pytest.raises(MediaError, match=r"can't speak.*echo"):
        speak("Yes.")


def test_resampling_keeps_the_length_in_time() -> None:
    assert resample(SAMPLES, 44_100, 44_100) is SAMPLES
    assert len(resample(SAMPLES, 44_100, 24_000)) == 2_400


@pytest.mark.parametrize("snippet_bytes", [None, 1, 333, 100_000])
def test_raw_snippets_are_the_samples(snippet_bytes: int | None) -> None:
    snippets = encode(SAMPLES, encoding="raw", rate_hz=44_100, snippet_ms=30, snippet_bytes=snippet_bytes)
    assert b"".join(each.data for each in snippets) == SAMPLES.tobytes()
    assert sum(each.duration_s for each in snippets) == pytest.approx(0.1)
    assert len(snippets[0].data) == min(snippet_bytes or 2_646, len(SAMPLES) * 2)


def test_wav_first_has_one_header() -> None:
    snippets = encode(SAMPLES, encoding="wav-first", rate_hz=24_000, snippet_ms=30)
    assert [each.data[:4] == b"RIFF" for each in snippets] == [True, False, False, False]
    samples, rate_hz = wav.read(b"".join(each.data for each in snippets))
    assert (len(samples), rate_hz) == (2_400, 24_000)


def test_wav_each_has_a_header_each() -> None:
    snippets = encode(SAMPLES, encoding="wav-each", rate_hz=44_100, snippet_ms=30)
    assert np.array_equal(np.concatenate([wav.read(each.data)[0] for each in snippets]), SAMPLES)


@pytest.mark.parametrize("rate_hz", [24_000, 44_100])
def test_mp3_snippets_begin_with_a_sync_word(rate_hz: int) -> None:
    snippets = encode(tone(1.0), encoding="mp3", rate_hz=rate_hz, snippet_ms=200)
    assert all(each.data[0] == 0xFF and each.data[1] & 0xE0 == 0xE0 for each in snippets)
    assert snippets[0].duration_s == pytest.approx(0.2, abs=0.02)
    with av.open(io.BytesIO(b"".join(each.data for each in snippets))) as container:
        decoded_frames = sum(frame.samples for frame in container.decode(audio=0))
    assert decoded_frames / rate_hz == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("encoding", ["raw", "wav-first", "wav-each", "mp3"])
def test_without_a_snippet_length_all_is_in_one(encoding: Encoding) -> None:
    (snippet,) = encode(tone(1.0), encoding=encoding, rate_hz=44_100)
    assert snippet.duration_s == pytest.approx(1.0, abs=0.1)
