from __future__ import annotations

import os
from pathlib import Path

import pytest

from clonespeaker.provision.folder import Folder


def test_a_file_is_written_whole_with_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with Folder(tmp_path / "new", missing_mode=0o755) as folder:
            folder.write_all([("config.yaml", b"one", 0o644)])
            folder.write_all([("config.yaml", b"two", 0o644), ("api-key", b"key", 0o600)])
    finally:
        os.umask(before)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "new").iterdir()}
    assert modes == {"config.yaml": "0o644", "api-key": "0o600"}  # and no config.yaml.new
    assert (tmp_path / "new" / "config.yaml").read_bytes() == b"two"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755


def test_where_one_file_cant_be_written_all_stay_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "first").write_text("old")
    with Folder(tmp_path) as folder, pytest.raises(OSError, match="No such file"):
        folder.write_all([("first", b"new", 0o644), ("nowhere/second", b"new", 0o600)])
    assert os.listdir(tmp_path) == ["first"]
    assert (tmp_path / "first").read_text() == "old"


def test_a_leftover_of_a_run_that_was_cut_off_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "api-key.new").write_text("half")
    (tmp_path / "api-key.new").chmod(0o644)
    with Folder(tmp_path) as folder:
        folder.write_all([("api-key", b"whole", 0o600)])
    assert [path.name for path in tmp_path.iterdir()] == ["api-key"]
    assert (tmp_path / "api-key").stat().st_mode & 0o777 == 0o600


def test_links_are_followed_neither_to_read_nor_to_write(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.write_text("precious")
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "link.new").symlink_to(outside)
    with Folder(inside) as folder:
        with pytest.raises(OSError, match="symbolic"):
            folder.read("link", 100)
        with pytest.raises(OSError, match="symbolic"):
            folder.overwrite("link")
        folder.write("link", b"mine")
    assert outside.read_text() == "precious"
    assert (inside / "link").read_text() == "mine"
    assert not (inside / "link").is_symlink()


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with Folder(tmp_path) as folder, pytest.raises(OSError, match="not a file"):
        folder.read("pipe", 100)


def test_what_is_overwritten_is_zeros_of_the_same_length(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"dsk-secret\n" * 1_000)
    with Folder(tmp_path) as folder:
        folder.overwrite("key")
        folder.overwrite("nothing")
    assert (tmp_path / "key").read_bytes() == bytes(11_000)
    assert os.listdir(tmp_path) == ["key"]


def test_no_more_is_read_than_asked_for(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 100)
    with Folder(tmp_path) as folder:
        assert folder.read("large", 10) == b"x" * 10
        assert folder.read("large", 1_000) == b"x" * 100
        assert folder.read("none", 10) is None


def test_files_are_all_but_directories(tmp_path: Path) -> None:
    (tmp_path / "clonespeaker").mkdir()
    (tmp_path / "a").write_text("")
    (tmp_path / "dangling").symlink_to("nowhere")
    with Folder(tmp_path) as folder:
        assert sorted(folder.files()) == ["a", "dangling"]
        assert folder.is_writable
