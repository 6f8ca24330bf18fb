"""What the package's scripts do, in a directory that takes the place of the machine's root."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

DEBIAN = Path(__file__).parents[2] / "debian"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine on which systemd runs, with programs that note how they were called."""
    for name in ("etc/clonespeaker", "run/systemd/system", "usr/bin", "usr/share/clonespeaker", "var/lib/private"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "usr/share/clonespeaker/config.yaml").write_text("clone: {}\n")
    runtime = tmp_path / "usr/share/python3/runtime.d/clonespeaker.rtupdate"
    runtime.parent.mkdir(parents=True)
    for program in (runtime, tmp_path / "usr/bin/udevadm", tmp_path / "usr/bin/systemd-sysusers"):
        program.write_text(f'#!/bin/sh\necho "{program.name} $*" >> {tmp_path}/called\n')
        program.chmod(0o755)
    return tmp_path


def run(root: Path, script: str, *arguments: str) -> list[str]:
    """A script as dpkg runs it, but for debhelper's parts → the programs it called."""
    text = re.sub(r"(?<![\w/.{}])/(?=(?:etc|run|usr|var)/)", f"{root}/", (DEBIAN / script).read_text())
    (root / "called").write_text("")
    subprocess.run(
        ["/bin/sh", "-c", text, script, *arguments],
        env={"PATH": f"{root}/usr/bin:{os.environ['PATH']}"},
        check=True,
    )
    return (root / "called").read_text().splitlines()


def triggered(calls: list[str]) -> set[str]:
    """The kinds of devices that the rules were applied to, once they were loaded."""
    udev = [call for call in calls if call.startswith("udevadm ")]
    assert udev.pop(0) == "udevadm control --reload"
    return {kind for call in udev for kind in re.findall(r"--subsystem-match=(\w+)", call)}


# As dpkg calls them: deb-preinst(5), deb-postinst(5). After a removal, it still knows the version that was there.
@pytest.mark.parametrize(
    ("preinst", "configure", "kinds"),
    [
        pytest.param(["install"], [""], {"gpio", "spidev", "sound"}, id="first"),
        pytest.param(["install", "0.1.0", "0.1.0"], ["0.1.0"], {"gpio", "spidev", "sound"}, id="after a removal"),
        pytest.param(["upgrade", "0.1.0", "0.2.0"], ["0.1.0"], {"gpio", "spidev"}, id="upgrade"),
    ],
)
def test_devices_get_groups_and_names_at_once(
    root: Path, preinst: list[str], configure: list[str], kinds: set[str]
) -> None:
    run(root, "preinst", *preinst)
    assert triggered(run(root, "postinst", "configure", *configure)) == kinds
    run(root, "preinst", "upgrade", "0.2.0", "0.3.0")
    assert "sound" not in triggered(run(root, "postinst", "configure", "0.2.0"))
    assert (root / "etc/clonespeaker/config.yaml").exists()


def test_in_an_image_that_is_being_made_nobody_is_told(root: Path) -> None:
    (root / "run/systemd/system").rmdir()
    run(root, "preinst", "install")
    assert not [call for call in run(root, "postinst", "configure", "") if call.startswith("udevadm")]
    assert os.listdir(root / "run") == ["systemd"]


def test_a_purge_leaves_no_secret_behind_and_a_removal_leaves_all(root: Path) -> None:
    (root / "etc/clonespeaker/sounds").mkdir()
    (root / "var/lib/private/clonespeaker").mkdir()
    (root / "var/lib/clonespeaker").symlink_to("private/clonespeaker")
    for name in ("api-key", "config.yaml", "config.yaml.before", "status-token", "my token", "sounds/stop.wav"):
        (root / "etc/clonespeaker" / name).write_text("secret")
    before = sorted(root.rglob("*"))
    run(root, "postrm", "remove")
    assert sorted(path for path in root.rglob("*") if path.name != "called") == before
    run(root, "postrm", "purge")
    assert [path for path in root.rglob("*") if path.name == "clonespeaker" and "share" not in path.parts] == []
    assert os.listdir(root / "etc") == []
