"""Takes, tried on tests of their own in a pytest of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sound.takes import TAKES

pytest_plugins = ["pytester"]

_ROOT = Path(__file__).parents[2]

_SPOILED_UNTIL = """
import os, sys
import pytest

takes = []

@pytest.fixture(scope="session")
def shared():
    yield object()
    print("given back", file=sys.stderr)

@pytest.mark.sound
def test_it(shared):
    takes.append(1)
    if len(takes) < {good}:
        if {says}:
            os.write(2, b"ALSA lib pcm.c:8570:(snd_pcm_recover) underrun occurred")
        pytest.fail("silence")
"""


@pytest.fixture
def session(pytester: pytest.Pytester) -> pytest.Pytester:
    """With our hooks, and nothing else of ours."""
    pytester.makeconftest('pytest_plugins = ["tests.sound.takes"]')
    pytester.makeini(f"[pytest]\nmarkers = sound\npythonpath = {_ROOT}\nasyncio_default_fixture_loop_scope = function")
    return pytester


@pytest.mark.parametrize(
    ("good", "says", "passed"),
    [(1, True, True), (2, True, True), (TAKES, True, True), (TAKES + 1, True, False), (2, False, False)],
    ids=["at once", "second take", "last take", "never", "the device did not run dry"],
)
def test_what_is_taken_again(session: pytest.Pytester, good: int, says: bool, passed: bool) -> None:
    session.makepyfile(_SPOILED_UNTIL.format(good=good, says=says))
    result = session.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=int(passed), failed=int(not passed))
    again = [line for line in result.outlines if line.startswith("the sound device ran dry")]
    assert len(again) == (min(good, TAKES) - 1 if says else 0)
