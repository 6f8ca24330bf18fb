"""The page on lights: its settings are settings."""

from __future__ import annotations

import re
from pathlib import Path

from tests.config.settings_text import read

PAGE = (Path(__file__).parents[2] / "hardware" / "lights.md").read_text("utf-8")


def test_its_settings_are_settings() -> None:
    texts = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    kinds = [read(text).lights.kind for text in texts]
    assert kinds == ["led", "rgb", "ws2812", "ws2812"]
    for text in re.findall(r"`(pins: \[[^`]*|order: \w+|active: \w+)`", PAGE):
        kind = "apa102" if text.startswith(("pins", "order")) else "led, pins: [GPIO27]"
        read(f"lights: {{kind: {kind}, {text}}}")
