"""`clonespeaker sounds`, and what the doctor says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clonespeaker.cli.doctor.sounds import check_sounds
from clonespeaker.cli.sounds import named
from clonespeaker.config.settings import Settings, Sounds
from clonespeaker.cues import Earcon
from clonespeaker.sounds.repertoire import Repertoire
from clonespeaker.words import LANGUAGES, load_words
from tests.cli.conftest import Run
from tests.sounds.wavs import noise, write_wav


def test_all_are_listed(run: Run) -> None:
    done = run("sounds", "--json", "--language", "es")
    rows = json.loads(done.stdout)
    assert done.returncode == 0
    assert [row["name"] for row in rows] == [*Earcon, *load_words("es").prompts()]
    assert all(row["seconds"] > 0 and -35 < row["lkfs"] < -18 and row["peak_dbfs"] < 0 for row in rows)
    assert "LKFS" in run("sounds").stdout


def test_a_broken_file_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "error.wav").write_bytes(b"")
    done = run("sounds", CLONESPEAKER_SOUNDS__DIRECTORY=str(tmp_path))
    assert done.returncode == 1
    assert f"{tmp_path / 'error.wav'}: this WAV file is empty" in done.stderr


def test_nothing_is_called_that(run: Run) -> None:
    done = run("sounds", "--play", "strat")
    assert (done.returncode, "no sound strat" in done.stderr) == (2, True)


def test_an_earcon_and_a_prompt_of_one_name_are_played_one_after_the_other() -> None:
    prompts = load_words("en").prompts()
    repertoire = Repertoire(lambda: prompts, "en")
    for name in ("offline", "muted", "ready"):
        assert named(name, repertoire, prompts) == [repertoire.earcon(Earcon(name)), repertoire.prompt(name)]
    assert named("busy", repertoire, prompts) == [repertoire.prompt("busy")]
    assert named("stop", repertoire, prompts) == [repertoire.earcon(Earcon.STOP)]


def test_the_packages_files_are_made(run: Run, tmp_path: Path) -> None:
    assert run("sounds", "--make", str(tmp_path / "made")).returncode == 0
    assert {path.stem for path in (tmp_path / "made").iterdir()} == set(LANGUAGES)
    assert sum(path.stat().st_size for path in (tmp_path / "made").iterdir()) < 5_000_000


@pytest.mark.parametrize("line", ["sounds --make /proc/nope", "sounds --make file"])
def test_where_the_packages_files_can_not_be_made(shell: Run, tmp_path: Path, line: str) -> None:
    (tmp_path / "file").touch()
    done = shell(f"clonespeaker {line}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"clonespeaker: {line.split()[-1]} can't be written (")
    assert done.stderr.endswith("name another directory, or make room\n")
    assert done.stderr.count("\n") == 1


def said(settings: Settings) -> list[tuple[str, str]]:
    return [(finding.result, f"{finding.words} → {finding.remedy}") for finding in check_sounds(settings)]


def test_the_doctor_tells_where_they_come_from() -> None:
    ((result, words),) = said(Settings())
    assert result == "ok"
    assert words.startswith(f"earcons built in ({len(Earcon)}); prompts in en by espeak-ng (")
    ((_, words),) = said(Settings(sounds=Sounds(earcons=False, speech=False)))
    assert words == "earcons off (sounds.earcons); faults are not said in words (sounds.speech) → "


def test_the_doctor_tells_of_files(tmp_path: Path) -> None:
    write_wav(tmp_path / "start.wav", noise("x"))
    write_wav(tmp_path / "strat.wav", noise("x"))
    (tmp_path / "stop.wav").write_bytes(b"x" * 100)
    write_wav(tmp_path / "muted.wav", noise("x", seconds=4.0))
    broken, long, unknown, rest = said(Settings(sounds=Sounds(directory=str(tmp_path))))
    assert {result for result, _ in (broken, long, unknown, rest)} == {"warning"}
    assert "stop.wav: this is not a WAV" in broken[1]
    assert "→ save it anew, as a WAV" in broken[1]
    assert "muted.wav: is 4.0 s long → shorten it to 3 s at most" in long[1]
    assert "strat.wav: nothing is called that → did you mean start.wav?" in unknown[1]
    assert f"of the files in {tmp_path}, 3 can't be used" in rest[1]
    assert "from files (1)" in rest[1]
    ((result, words), _) = said(Settings(sounds=Sounds(directory=str(tmp_path / "gone"))))
    assert (result, "no directory" in words) == ("warning", True)


def test_the_doctor_misses_espeak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ((result, words),) = said(Settings())
    assert (result, "can't be said" in words) == ("warning", True)
