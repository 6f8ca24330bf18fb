"""The pages of the builds: settings that are settings, pictures and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clonespeaker.audio.devices import Device, match
from tests.config.settings_text import read
from tests.hardware.test_udev import rules

DIRECTORY = Path(__file__).parents[2] / "hardware"
BUILDS = ["desk-speaker", "kiosk", "wall-button"]
NAMED = [Device(index, "x", rule[-1][3], True, 1, 1, 44_100) for index, rule in enumerate(rules())]


@pytest.mark.parametrize("name", BUILDS)
def test_its_settings_are_settings(name: str) -> None:
    page = (DIRECTORY / f"{name}.md").read_text("utf-8")
    (text,) = re.findall(r"^```yaml\n# /etc/clonespeaker/config\.yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    settings = read(text)
    assert settings.clone.slug
    for device in (settings.microphone.device, settings.speaker.device):
        assert len(match(NAMED, device, default_index=None)) == 1  # a name from the udev rules


@pytest.mark.parametrize("page", sorted(DIRECTORY.glob("*.md")), ids=lambda page: page.stem)
def test_its_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text("utf-8"))
    assert links
    for file, section in links:
        target = page.parent / file if file else page
        assert target.exists(), file
        if section:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            assert section in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
