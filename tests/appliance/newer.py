"""A package of a later version, to upgrade to: the same, but for its version and a changed default setting."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path


def make_newer(package: Path, newer: Path) -> None:
    """Write `newer`, which differs from `package` in nothing that a later version would not change."""
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 99.", 1))
        settings = tree / "usr/share/clonespeaker/config.yaml"
        settings.write_text(settings.read_text() + "# A later version explains more.\n")
        build = ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", str(tree), str(newer)]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
