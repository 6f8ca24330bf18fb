"""The Debian package's lists: what it says is what the project says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from clonespeaker import __version__

ROOT = Path(__file__).parents[1]
DISTRIBUTION = {"numpy": "python3-numpy", "pyaudio": "python3-pyaudio", "pyyaml": "python3-yaml"}
"""What the package takes from the distribution, and there by which name."""


def versions(path: Path) -> dict[str, tuple[int, ...]]:
    """Name → version of what is pinned."""
    pins = re.findall(r"^([a-z0-9-]+)==([\d.]+)", path.read_text(), re.MULTILINE)
    return {name: tuple(int(part) for part in version.rstrip(".").split(".")) for name, version in pins}


def required() -> list[tuple[str, tuple[int, ...]]]:
    """Name and least version of what the project needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    words = [*project["dependencies"], *extras["pi"], *extras["voice"]]
    found = [re.fullmatch(r"([\w-]+)>=([\d.]+)", word) for word in words]
    return [(each[1].lower(), tuple(int(part) for part in each[2].split("."))) for each in found if each]


def test_the_version_is_the_programs() -> None:
    assert re.match(r"clonespeaker \((.*)\)", (ROOT / "debian/changelog").read_text())[1] == __version__  # type: ignore[index]


@pytest.mark.parametrize(("name", "least"), required())
def test_each_dependency_is_in_the_package_or_in_the_distribution(name: str, least: tuple[int, ...]) -> None:
    if name in DISTRIBUTION:
        assert DISTRIBUTION[name] in (ROOT / "debian/control").read_text()
        return
    pins = versions(ROOT / "debian/wheels.txt") | versions(ROOT / "debian/wheels-python3.11.txt")
    assert pins[name] >= least


def test_every_pin_has_its_hashes() -> None:
    text = (ROOT / "debian/wheels.txt").read_text()
    assert len(re.findall(r"^\S+==", text, re.MULTILINE)) == len(versions(ROOT / "debian/wheels.txt")) > 10
    for pin in re.split(r"\n(?=\w)", text)[1:]:
        assert "--hash=sha256:" in pin


def test_the_wheel_has_the_kiosk_page_and_all_words() -> None:
    package = ROOT / "daemon" / "clonespeaker"
    shipped = {each.distribution_path for each in WheelBuilder(str(ROOT)).recurse_included_files()}
    for folder in ("kiosk", "words"):
        files = [path for path in (package / folder).iterdir() if path.is_file()]
        assert files
        assert {f"clonespeaker/{folder}/{path.name}" for path in files} <= shipped


def test_the_debian_package_has_the_whole_of_ours() -> None:
    assert "cp -r daemon/clonespeaker $(LIB)/common/\n" in (ROOT / "debian/rules").read_text()
