"""Writes wheels.txt anew: of each package that it names the newest version, and the hashes of its wheels.

`lock.py`, with pip; then the tests, in an environment with these versions.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TAGS = ["2014", "_2_17", "_2_26", "_2_28", "_2_34"]


def lock(requirements: Path, pythons: list[str]) -> None:
    """Write `requirements` anew, for wheels of these Pythons."""
    lines = requirements.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    names = [line.partition("==")[0] for line in lines if "==" in line]
    found: dict[str, set[str]] = {name: set() for name in names}
    versions: dict[str, set[str]] = {name: set() for name in names}
    for python in pythons:
        for machine in ("x86_64", "aarch64"):
            with tempfile.TemporaryDirectory() as directory:
                platforms = [f"--platform=manylinux{tag}_{machine}" for tag in TAGS]
                options = ["--quiet", "--no-deps", "--only-binary=:all:", f"--python-version={python}", *platforms]
                subprocess.run([sys.executable, "-m", "pip", "download", *options, "-d", directory, *names], check=True)
                for wheel in Path(directory).glob("*.whl"):
                    name, version, *_ = wheel.name.split("-")
                    name = name.lower().replace("_", "-")
                    found[name].add(hashlib.sha256(wheel.read_bytes()).hexdigest())
                    versions[name].add(version)
    for name in names:
        [version] = versions[name]
        comments += [f"{name}=={version} \\", *(f"    --hash=sha256:{each} \\" for each in sorted(found[name]))]
        comments[-1] = comments[-1].removesuffix(" \\")
    requirements.write_text("\n".join(comments) + "\n")


lock(HERE / "wheels.txt", ["3.11", "3.13"])
