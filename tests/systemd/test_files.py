"""The unit files as they are: needs systemd's programs, not systemd itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
NOT_INSTALLED = "Command clonespeaker is not executable: No such file or directory"

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], env=os.environ | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["clonespeaker.service", "clonespeaker-provision.service"])
def test_little_is_left_open(name: str) -> None:
    """1.5 of 10; usual audio daemons are at 7.5 and above."""
    ended = analyze("security", "--offline=yes", "--threshold=15", UNITS / name)
    assert ended.returncode == 0, ended.stdout[-200:] + ended.stderr


@pytest.mark.parametrize(
    "name", ["clonespeaker.service", "clonespeaker-provision.service", "clonespeaker-user.service"]
)
def test_systemd_understands_every_line(name: str, tmp_path: Path) -> None:
    manager = ["--user"] if "-user." in name else []
    ended = analyze("verify", "--recursive-errors=no", *manager, UNITS / name, XDG_RUNTIME_DIR=str(tmp_path))
    complaints = [line for line in (ended.stdout + ended.stderr).splitlines() if name in line]
    assert [line for line in complaints if not line.endswith(NOT_INSTALLED)] == []
