from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clonespeaker.cli.setup.writing import require_writable, write_key, write_settings
from clonespeaker.errors import ClonespeakerError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("write", "before", "after"),
    [
        ("settings", None, 0o644),
        ("settings", 0o640, 0o640),
        ("settings", 0o666, 0o666),
        ("key", None, 0o600),
        ("key", 0o644, 0o640),  # others must not read it
        ("key", 0o640, 0o640),
        ("key", 0o400, 0o400),
    ],
)
def test_modes(tmp_path: Path, write: str, before: int | None, after: int) -> None:
    path = tmp_path / "new" / "file"
    if before is not None:
        path.parent.mkdir()
        path.write_text("before")
        path.chmod(before)
    umask = os.umask(0o077)  # has no say
    try:
        if write == "key":
            write_key(path, "dsk-1")
        else:
            write_settings(path, b"board:\n")
    finally:
        os.umask(umask)
    assert mode(path) == after
    assert path.read_text() == ("dsk-1\n" if write == "key" else "board:\n")
    assert os.listdir(path.parent) == ["file"]


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(ClonespeakerError, match=f"{name} is no file .*; name a file with --key-to"):
            require_writable(tmp_path / name, "--key-to")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("write", [lambda path: write_key(path, "k"), lambda path: write_settings(path, b"s")])
def test_owners_stay(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "file"
    path.touch()
    os.chown(path, 12, 34)
    write(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (12, 34)


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("board:\n")
    script = (
        "import resource, signal, sys; from pathlib import Path; from clonespeaker.cli.setup.writing import *;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4));"
        "write_settings(Path(sys.argv[1]), b'# more than that\\n')"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, timeout=30, check=False)
    assert f"{path} can't be written (File too large)" in done.stderr
    assert path.read_text() == "board:\n"
    assert os.listdir(tmp_path) == ["config.yaml"]


def test_what_can_not_be_written_is_told_first(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b" / "config.yaml", "--config")
    with pytest.raises(ClonespeakerError, match="is a directory; name a file in it with --config"):
        require_writable(tmp_path, "--config")
    (tmp_path / "file").touch()
    with pytest.raises(ClonespeakerError, match="file can't be written by this user; run it with sudo"):
        require_writable(tmp_path / "file" / "config.yaml", "--config")
