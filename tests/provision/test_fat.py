"""A card's boot partition as it is: FAT. The kernel's own where it has it, else a driver in user space (fusefat)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.provision.test_power_cuts import KEY, SETTINGS, start

_MKFS = shutil.which("mkfs.vfat") or shutil.which("mkfs.vfat", path="/sbin:/usr/sbin")

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or _MKFS is None, reason="takes root and mkfs.vfat (dosfstools)")


class Partition:
    """A partition in a file, to be put into one computer and another."""

    def __init__(self, image: Path, directory: Path) -> None:
        self._image, self._directory = image, directory
        with image.open("wb") as file:
            file.truncate(16 << 20)
        subprocess.run([str(_MKFS), image], check=True, stdout=subprocess.DEVNULL)

    def put_in(self) -> None:
        self._directory.mkdir(exist_ok=True)
        kernels = ["mount", "-t", "vfat", "-o", "loop", str(self._image), str(self._directory)]
        others = ["fusefat", "-o", "rw+", str(self._image), str(self._directory)]
        for command in (kernels, others):
            if shutil.which(command[0]) and not subprocess.run(command, capture_output=True, check=False).returncode:
                return
        pytest.skip("this machine mounts no FAT")

    def take_out(self) -> None:
        if os.path.ismount(self._directory):
            subprocess.run(["umount", self._directory], check=True)

    def holds(self, text: str) -> bool:
        """Whether it stands anywhere on it, be it in no file."""
        return text.encode() in self._image.read_bytes()


@pytest.fixture
def partition(tmp_path: Path) -> Iterator[Partition]:
    partition = Partition(tmp_path / "partition", tmp_path / "card")
    partition.put_in()
    yield partition
    partition.take_out()


def test_a_card_is_taken_over_and_the_key_is_nowhere_on_it(tmp_path: Path, partition: Partition) -> None:
    card = tmp_path / "card"
    (card / "Clonespeaker.YAML").write_bytes(SETTINGS.replace("\n", "\r\n").encode("utf-8-sig"))
    (card / "CLONESPEAKER.KEY").write_text(KEY)
    (card / "clonespeaker-taken.yaml").write_text("of last time")
    (card / "clonespeaker-problems.txt").write_text("of last time")
    partition.take_out()
    assert partition.holds(KEY)
    partition.put_in()
    assert start(tmp_path) == 0
    assert (tmp_path / "device" / "config.yaml").read_text() == SETTINGS
    assert (tmp_path / "device" / "api-key").read_text() == KEY + "\n"
    partition.take_out()
    assert not partition.holds(KEY)
    partition.put_in()
    assert sorted(os.listdir(card)) == ["clonespeaker-done.txt", "clonespeaker-taken.yaml"]
    assert (card / "clonespeaker-taken.yaml").read_text("utf-8-sig").splitlines() == SETTINGS.splitlines()


def test_mistakes_are_written_on_it_and_mended_on_it(tmp_path: Path, partition: Partition) -> None:
    card = tmp_path / "card"
    (card / "clonespeaker.yaml").write_text(SETTINGS.replace("slug", "slg"))
    (card / "clonespeaker.key").write_text(KEY)
    assert start(tmp_path) == 78
    partition.take_out()
    partition.put_in()
    assert "did you mean slug?" in (card / "clonespeaker-problems.txt").read_text("utf-8-sig")
    assert (card / "clonespeaker.key").read_text() == KEY
    (card / "clonespeaker.yaml").write_text(SETTINGS)
    assert start(tmp_path) == 0
    assert sorted(os.listdir(card)) == ["clonespeaker-done.txt", "clonespeaker-taken.yaml"]
