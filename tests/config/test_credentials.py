from __future__ import annotations

import logging
from pathlib import Path

import pytest

from clonespeaker.config.credentials import mask_key, read_api_key, read_status_token
from clonespeaker.config.settings import Clone, Settings, Status
from clonespeaker.errors import ConfigError

KEY = "dsk-0123456789abcdef"


def with_key_file(path: Path) -> Settings:
    return Settings(clone=Clone(api_key_file=str(path)))


def test_where_the_key_comes_from(tmp_path: Path) -> None:
    environ = {"CLONESPEAKER_API_KEY": "from-environment\n", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_api_key(Settings(), environ) == "from-environment"
    (tmp_path / "api-key").write_text("from-credential\n")
    assert read_api_key(Settings(), environ) == "from-credential"
    (tmp_path / "file").write_text("  from-file\n\n")
    assert read_api_key(with_key_file(tmp_path / "file"), environ) == "from-file"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, r"clone\.api_key_file: .*/key can't be read \(No such file or directory\)"),
        (b"", r"clone\.api_key_file: .*/key: empty; put the secret there"),
        (b" \n", r"clone\.api_key_file: .*/key: empty; put the secret there"),
        (b"quite secret", "holds blanks or letters that no secret has"),
        (b"quite\nsecret", "holds blanks or letters that no secret has"),
        ("quite-secrét".encode(), "holds blanks or letters that no secret has"),
        (b"quite-secret\xff", "holds blanks or letters that no secret has"),
    ],
)
def test_what_can_not_be_a_key(tmp_path: Path, data: bytes | None, expected: str) -> None:
    if data is not None:
        (tmp_path / "key").write_bytes(data)
    with pytest.raises(ConfigError, match=expected) as caught:
        read_api_key(with_key_file(tmp_path / "key"), {"CLONESPEAKER_API_KEY": KEY})
    assert "quite" not in str(caught.value)


@pytest.mark.parametrize("environ", [{}, {"CLONESPEAKER_API_KEY": ""}, {"CREDENTIALS_DIRECTORY": "/nowhere"}])
def test_no_key_at_all(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"no API key: put it alone in a file and name that in clone\.api_key_file"):
        read_api_key(Settings(), environ)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_key_that_everyone_may_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warned: bool
) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        assert read_api_key(with_key_file(path), {}) == KEY
    assert ("everyone on this machine may read" in caplog.text) is warned
    assert KEY not in caplog.text


def test_status_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    settings = Settings(status=Status(token_file=str(path)))
    assert read_status_token(Settings()) is None
    with pytest.raises(ConfigError, match=r"status\.token_file: .*/token can't be read"):
        read_status_token(settings)
    path.write_text("open-sesame\n")
    assert read_status_token(settings) == "open-sesame"


@pytest.mark.parametrize(
    ("key", "shown"), [(KEY, "dsk-****cdef"), ("dsk-short", "dsk-****"), ("x" * 20, "****xxxx"), ("", "****")]
)
def test_masked_keys(key: str, shown: str) -> None:
    assert mask_key(key) == shown
