"""Unpacks wheels: `unpack.py FROM TO`, each folder of FROM into one of the same name."""

import sys
import zipfile
from pathlib import Path

source, target = (Path(argument) for argument in sys.argv[1:])
for wheel in sorted(source.glob("*/*.whl")):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            assert ".data/" not in name, f"{wheel.name}: {name} belongs elsewhere, and only an installer knows where"
        archive.extractall(target / wheel.parent.name)
