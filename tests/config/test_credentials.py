from __future__ import annotations

import logging
from pathlib import Path

import pytest

from clonespeaker.config.credentials import mask_key, read_api_key, read_status_tokens, token_to_show
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
        read_api_key(Settings(), environ, service_key=Path("/nowhere/api-key"))


def test_by_hand_the_service_s_key_is_found(tmp_path: Path) -> None:
    service_key = tmp_path / "api-key"
    service_key.write_text("from-service\n")
    assert read_api_key(Settings(), {}, service_key=service_key) == "from-service"
    assert read_api_key(Settings(), {"CLONESPEAKER_API_KEY": "mine"}, service_key=service_key) == "mine"
    (tmp_path / "file").write_text("from-file")
    assert read_api_key(with_key_file(tmp_path / "file"), {}, service_key=service_key) == "from-file"


def test_who_may_not_read_the_service_s_key_is_told_how(tmp_path: Path) -> None:
    service_key = tmp_path / "api-key"
    service_key.symlink_to(tmp_path / "nowhere")  # there, but out of reach, for root as well
    with pytest.raises(ConfigError, match=r"/api-key can't be read by this user: run it with sudo, or name a key"):
        read_api_key(Settings(), {}, service_key=service_key)


@pytest.mark.parametrize(
    ("mode", "warned"),
    [
        (0o600, []),
        (0o640, []),
        (0o660, []),
        (0o604, ["everyone on this machine may read"]),
        (0o602, ["everyone on this machine may change"]),
        (0o646, ["everyone on this machine may read", "everyone on this machine may change"]),
    ],
)
def test_a_key_that_everyone_may_read_or_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warned: list[str]
) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        assert read_api_key(with_key_file(path), {}) == KEY
    assert [record.getMessage() for record in caplog.records] == [
        f"clone.api_key_file: {words} {path}; run: chmod o= {path}" for words in warned
    ]


@pytest.mark.parametrize(("mode", "warned"), [(0o770, False), (0o777, True), (0o702, True), (0o1777, False)])
def test_a_key_that_everyone_may_replace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warned: bool
) -> None:
    directory, link = tmp_path / "open", tmp_path / "key"
    directory.mkdir()
    (directory / "key").write_text(KEY)
    (directory / "key").chmod(0o600)
    directory.chmod(mode)
    link.symlink_to(directory / "key")  # what counts is where it really is
    with caplog.at_level(logging.WARNING):
        assert read_api_key(with_key_file(link), {}) == KEY
    assert (f"everyone on this machine may replace {link}; run: chmod o-w {directory}" in caplog.text) is warned
    assert len(caplog.records) == warned


def test_a_file_without_an_end(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds blanks or letters that no secret has"):
        read_api_key(with_key_file(Path("/dev/zero")), {})


# Tokens


@pytest.fixture
def two_tokens(tmp_path: Path) -> Settings:
    (tmp_path / "token").write_text("open-sesame\n")
    (tmp_path / "read-token").write_text("look-sesame\n")
    return Settings(
        status=Status(token_file=str(tmp_path / "token"), read_token_file=str(tmp_path / "read-token")),
    )


def test_status_tokens(tmp_path: Path, two_tokens: Settings) -> None:
    path = tmp_path / "token"
    assert read_status_tokens(Settings()) == (None, None)
    assert read_status_tokens(two_tokens) == ("open-sesame", "look-sesame")
    assert read_status_tokens(Settings(status=Status(token_file=str(path)))) == ("open-sesame", None)
    path.unlink()
    with pytest.raises(ConfigError, match=r"status\.token_file: .*/token can't be read"):
        read_status_tokens(two_tokens)
    path.write_text("open-sesame")
    (tmp_path / "read-token").write_text("")
    with pytest.raises(ConfigError, match=r"status\.read_token_file: .*/read-token: empty"):
        read_status_tokens(two_tokens)


def test_tokens_that_are_the_same(tmp_path: Path, two_tokens: Settings) -> None:
    (tmp_path / "read-token").write_text(" open-sesame")
    with pytest.raises(ConfigError, match=r"holds the same token as .*/token; who may only follow") as caught:
        read_status_tokens(two_tokens)
    assert "sesame" not in str(caught.value)


def test_what_commands_show(tmp_path: Path, two_tokens: Settings) -> None:
    for to_control in (True, False):
        assert token_to_show(Settings(), to_control=to_control) is None
        assert token_to_show(two_tokens, to_control=to_control) == "open-sesame"
    (tmp_path / "token").unlink()  # as good as one that this user may not read, which root may not have
    assert token_to_show(two_tokens, to_control=False) == "look-sesame"
    with pytest.raises(ConfigError, match=r"status\.token_file: .*/token can't be read"):
        token_to_show(two_tokens, to_control=True)
    (tmp_path / "read-token").unlink()
    with pytest.raises(ConfigError, match=r"status\.read_token_file: .*/read-token can't be read"):
        token_to_show(two_tokens, to_control=False)


@pytest.mark.parametrize(
    ("key", "shown"), [(KEY, "dsk-****cdef"), ("dsk-short", "dsk-****"), ("x" * 20, "****xxxx"), ("", "****")]
)
def test_masked_keys(key: str, shown: str) -> None:
    assert mask_key(key) == shown
