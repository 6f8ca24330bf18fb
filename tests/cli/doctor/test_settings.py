from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.cli.doctor.settings import check_key, check_settings, check_state, check_tokens
from clonespeaker.config.load import load
from clonespeaker.config.settings import Clone, Settings, Status

KEY = "dsk-0123456789abcdef"


def results(findings: list[Finding]) -> list[str]:
    return [finding.result for finding in findings]


def test_settings_and_who_may_change_them(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("clone: {slug: my-clone}\n")
    file.chmod(0o644)
    (finding,) = check_settings(load(file, {}))
    assert (finding.result, finding.words) == ("ok", str(file))
    file.chmod(0o646)
    _, finding = check_settings(load(file, {}))
    assert finding.result == "warning"
    assert finding.remedy == f"chmod o-w {file}"
    file.write_text("clone: {}\n")
    file.chmod(0o644)
    (finding,) = check_settings(load(file, {}))
    assert finding.result == "failed"
    assert "clone.slug: not set" in finding.words


def test_what_a_setting_needs_and_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("clone: {slug: my-clone}\nmicrophone: {auto_gain: true}\n")
    assert results(list(check_settings(load(file, {})))) == ["ok"]
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)  # as if it were not there
    (finding,) = check_settings(load(file, {}))
    assert finding.result == "failed"
    assert "pip install 'clonespeaker[voice]'" in finding.words


def test_a_key_and_who_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o600)
    settings = Settings(clone=Clone(api_key_file=str(file)))
    (finding,) = check_key(settings, {})
    assert (finding.result, finding.words) == ("ok", f"dsk-****cdef, from {file}")
    file.chmod(0o644)
    findings = list(check_key(settings, {}))
    assert results(findings) == ["ok", "warning"]
    assert f"run: chmod o= {file}" in findings[1].words
    file.unlink()
    (finding,) = check_key(settings, {})
    assert finding.result == "failed"
    (finding,) = check_key(Settings(), {"CLONESPEAKER_API_KEY": KEY})
    assert finding.words == "dsk-****cdef, from the environment"


def test_tokens(tmp_path: Path) -> None:
    (finding,) = check_tokens(Settings())
    assert finding.result == "ok"
    token = tmp_path / "token"
    settings = Settings(status=Status(token_file=str(token)))
    (finding,) = check_tokens(settings)
    assert (finding.result, "can't be read" in finding.words) == ("failed", True)
    token.write_text("a-token-of-tests")
    token.chmod(0o604)
    findings = list(check_tokens(settings))
    assert results(findings) == ["ok", "warning"]
    assert "a-token-of-tests" not in str(findings)


def test_a_credential_of_the_service_is_there_only_while_it_runs() -> None:
    path = "/run/credentials/clonespeaker.service/status-token"
    (finding,) = check_tokens(Settings(status=Status(token_file=path)))
    assert finding.result == "warning"
    assert "sudo" in finding.remedy


@pytest.mark.parametrize("name", ["state", "state/below"])
def test_the_state_directory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert check_state(Settings(state_dir=str(path))).result == "ok"
    assert not list(tmp_path.iterdir())
    path.mkdir(parents=True)
    assert check_state(Settings(state_dir=str(path))).words == f"{path} can be written"
    assert not list(path.iterdir())
    path.chmod(0o777)
    assert check_state(Settings(state_dir=str(path))).remedy == f"chmod o-w {path}"
    path.rmdir()
    path.touch()
    finding = check_state(Settings(state_dir=str(path)))
    assert (finding.result, finding.words) == ("failed", f"{path} can't be written (Not a directory)")
    assert "set state_dir" in finding.remedy
