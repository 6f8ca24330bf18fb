"""What fuzzing found once stays mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.corpus import CASES, samples
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_kept_case(case: Path) -> None:
    TARGETS[case.parent.name](case.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_healthy_world_sends(target: str) -> None:
    sent = list(samples(target))
    assert sent
    for sample in sent:
        TARGETS[target](sample)
