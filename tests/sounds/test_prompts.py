"""What espeak-ng says, in all languages; and in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio.lkfs import SPEECH_LKFS, loudness_lkfs
from clonespeaker.errors import MediaError
from clonespeaker.sounds.espeak import RATE_HZ, faded, speak
from clonespeaker.sounds.pack import compress, expand, pack_of, read_pack, write_pack
from clonespeaker.sounds.repertoire import PROMPT_MOST_S, Repertoire
from clonespeaker.words import LANGUAGES, load_words
from tests.sounds.wavs import noise


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_is_said(language: str) -> None:
    prompts = load_words(language).prompts()
    repertoire = Repertoire(lambda: prompts, language, packs=Path("/nowhere"))
    said = {name: repertoire.prompt(name) for name in prompts}
    for name, sound in said.items():
        assert sound is not None, name
        assert sound.source == "by espeak-ng"
        assert 1.5 < sound.length_s < PROMPT_MOST_S / 2, name
        assert SPEECH_LKFS - 1.5 < loudness_lkfs(sound.samples, sound.rate_hz) < SPEECH_LKFS + 0.5, name
        assert np.abs(sound.samples.astype(int)).max() < 32_000, name
        assert abs(int(sound.samples[0])) < 50 > abs(int(sound.samples[-1])), name
    assert len({sound.samples.tobytes() for sound in said.values() if sound}) == len(prompts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_has_no_name_twice(language: str) -> None:
    words = load_words(language)
    assert not words.faults.keys() & words.alone.keys()
    assert words.alone.keys() == load_words("en").alone.keys()
    sentences = [sentence for each in words.prompts().values() for sentence in each]
    assert all(sentence.endswith(".") for sentence in sentences)


def test_silence_at_its_ends_is_cut_off() -> None:
    said = speak("Hello.", "en")
    loud = np.flatnonzero(np.abs(said.astype(int)) > 300)
    assert loud[0] < 0.06 * RATE_HZ
    assert said.size - loud[-1] < 0.1 * RATE_HZ


def test_the_same_sentence_is_said_otherwise_elsewhere() -> None:
    assert speak("Information", "fr").tobytes() != speak("Information", "de").tobytes()


def test_a_language_that_espeak_has_not() -> None:
    with pytest.raises(MediaError, match="can't speak"):
        speak("Hello.", "xx-nowhere")


def test_without_espeak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MediaError, match="install it"):
        speak("Hello.", "en")
    repertoire = Repertoire(lambda: {"hello": ("Hello.",)}, "en", packs=tmp_path)
    assert (repertoire.prompt("hello"), repertoire.source("hello")) == (None, None)


def test_an_espeak_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "espeak-ng").write_text("#!/bin/sh\necho no data >&2\nexit 3\n")
    (tmp_path / "espeak-ng").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MediaError, match="no data"):
        speak("Hello.", "en")


def test_in_a_file(tmp_path: Path) -> None:
    path = write_pack(tmp_path, "de", ["Guten Tag.", "Auf Wiedersehen.", "Guten Tag."])
    assert path == pack_of("de", tmp_path)
    kept, said = read_pack(path, "Guten Tag."), speak("Guten Tag.", "de")
    assert kept is not None
    lost = kept.astype(float) - said
    assert np.sqrt((lost**2).mean()) < 10 ** (-32 / 20) * np.sqrt((said.astype(float) ** 2).mean())
    assert read_pack(path, "Was sonst?") is None
    assert [each.name for each in tmp_path.iterdir()] == ["de.npz"]


@pytest.mark.parametrize("data", [None, b"", b"no zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_none(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "en.npz").write_bytes(data)
    assert read_pack(tmp_path / "en.npz", "Hello.") is None


def test_files_go_before_espeak_and_what_they_lack_is_spoken(tmp_path: Path) -> None:
    write_pack(tmp_path, "en", ["Hello."])
    sentences = {"old": ("Hello.",), "new": ("Hello.", "There is something new.")}
    repertoire = Repertoire(lambda: sentences, "en", packs=tmp_path)
    old, new = repertoire.prompt("old"), repertoire.prompt("new")
    assert old is not None
    assert new is not None
    assert (old.source, new.source) == ("in the package", "by espeak-ng")
    assert (repertoire.source("old"), repertoire.source("new")) == ("in the package", "by espeak-ng")
    assert np.array_equal(new.samples[: old.samples.size], old.samples)


def test_companded_samples_come_back_within_two_percent() -> None:
    samples = np.array([-32_768, -20_000, -300, -1, 0, 1, 300, 5_000, 32_767], np.int16)
    assert np.all(np.abs(expand(compress(samples)).astype(int) - samples) <= np.abs(samples.astype(int)) * 0.025 + 6)


def test_ends_are_faded_and_the_rest_is_as_it_was() -> None:
    samples = noise("x")
    soft = faded(samples, 44_100)
    assert np.array_equal(soft[441:-441], samples[441:-441])
    assert abs(int(soft[0])) < 20 > abs(int(soft[-1]))
