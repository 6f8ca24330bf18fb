from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.audio.endpoint import Endpoint

FRAME_MS = 32.0


def hear(*parts: tuple[float, float], end_after_ms: float = 800, nothing_after_ms: float = 8_000) -> tuple[str, float]:
    """What becomes clear of (probability, seconds) one after the other, and at which second."""
    endpoint, at_ms = Endpoint(end_after_ms=end_after_ms, nothing_after_ms=nothing_after_ms), 0.0
    for likely, seconds in parts:
        for _ in range(round(seconds * 1_000 / FRAME_MS)):
            at_ms += FRAME_MS
            if (verdict := endpoint.hear(likely, FRAME_MS)) is not None:
                return verdict.name, at_ms / 1_000
    return "", at_ms / 1_000


@pytest.mark.parametrize(
    ("parts", "verdict", "at_s"),
    [
        pytest.param([(0, 0.5), (1, 2), (0, 2)], "SPEECH_ENDED", 3.3, id="a sentence"),
        pytest.param([(1, 1), (0, 0.7), (1, 1), (0, 2)], "SPEECH_ENDED", 3.5, id="a pause within it"),
        pytest.param([(1, 1), (0, 0.9), (1, 1)], "SPEECH_ENDED", 1.8, id="a pause that is too long"),
        pytest.param([(0, 1), (1, 0.3), (0, 2)], "SPEECH_ENDED", 2.1, id="yes"),
        pytest.param([(1, 1), (0.4, 3)], "", 4.0, id="doubtful sounds go on with what has begun"),
        pytest.param([(0.4, 3)], "", 3.0, id="but begin nothing"),
        pytest.param([(1, 1), (0, 0.5), (1, 0.06), (0, 1)], "SPEECH_ENDED", 1.8, id="a spark in the quiet"),
        pytest.param([(1, 1), (0, 0.5), (1, 0.2), (0, 1)], "SPEECH_ENDED", 2.5, id="a syllable in it"),
        pytest.param([(0, 9)], "NOTHING_SAID", 8.0, id="nobody"),
        pytest.param([(0, 1), (1, 0.1), (0, 9)], "NOTHING_SAID", 8.0, id="a click and nobody"),
        pytest.param([(0, 7.9), (1, 1), (0, 1)], "SPEECH_ENDED", 9.7, id="somebody at the last moment"),
        pytest.param([(1, 60)], "", 60.0, id="somebody who does not stop"),
    ],
)
def test_what_is_heard(parts: list[tuple[float, float]], verdict: str, at_s: float) -> None:
    told, told_at_s = hear(*parts)
    assert told == verdict
    assert told_at_s == pytest.approx(at_s, abs=0.05)


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.floats(0.13, 1.5)), max_size=12), st.integers(200, 2_000))
def test_nothing_is_cut_off_by_a_pause_that_is_shorter(parts: list[tuple[float, float]], end_after_ms: int) -> None:
    longest_ms, quiet_ms = 0.0, 0.0
    for likely, seconds in parts:
        quiet_ms = 0.0 if likely else quiet_ms + seconds * 1_000 + FRAME_MS
        longest_ms = max(longest_ms, quiet_ms)
    verdict, _ = hear(*parts, end_after_ms=longest_ms + end_after_ms, nothing_after_ms=1e9)
    assert verdict == ""
