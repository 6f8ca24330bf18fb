from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.systemd import container


class Observed:
    """What was seen in the container, by the step of `scenario.py`."""

    def __init__(self, steps: dict[str, Any], last_words: str) -> None:
        self._steps = steps
        self._last_words = last_words

    def __getitem__(self, step: str) -> Any:
        seen = self._steps.get(step, {"error": f"it did not come so far:\n{self._last_words}"})
        if isinstance(seen, dict) and "error" in seen:
            pytest.fail(f"{step}: {seen['error']}", pytrace=False)
        return seen


@pytest.fixture(scope="session")
def observed() -> Iterator[Observed]:
    """One boot for all."""
    if why := container.why_not():
        pytest.skip(f"no systemd to try the units under: {why}")
    with tempfile.TemporaryDirectory(prefix="appliance-") as directory:
        root = Path(directory, "root")
        container.build(root)
        (root / "boot/firmware/clonespeaker.yaml").write_text(container.SETTINGS)
        (root / "boot/firmware/clonespeaker.key").write_text(f"{container.KEY}\n")
        console = container.boot(root)
        if not (journals := root / "var/log/journal").exists():
            pytest.skip(f"no systemd to try the units under: it does not start in a container here: {console.strip()}")
        journal = subprocess.run(
            ["journalctl", f"--directory={journals}", "--output=short-monotonic", "--lines=40", "--no-pager"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        told = root / "observed.json"
        yield Observed(json.loads(told.read_text()) if told.exists() else {}, f"{console}{journal}")
