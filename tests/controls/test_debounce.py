from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.controls.debounce import Debounce

BOUNCE_S = 0.015


@pytest.mark.parametrize(
    ("edges", "changes"),
    [
        pytest.param([(0, True), (100, False)], [(0, True), (100, False)], id="clean"),
        pytest.param([(0, True), (1, False), (2, True)], [(0, True)], id="chatter at the press"),
        pytest.param([(0, True), (100, False), (101, True), (102, False)], [(0, True), (100, False)], id="and release"),
        pytest.param([(0, True), (1, False)], [(0, True), (15, False)], id="shorter than chatter lasts"),
        pytest.param([(0, True), (5, True), (9, True)], [(0, True)], id="the same again"),
        pytest.param([(0, False)], [], id="released before it was pressed"),
        pytest.param([(0, True), (14, False)], [(0, True), (15, False)], id="just too early"),
        pytest.param([(0, True), (15, False)], [(0, True), (15, False)], id="just in time"),
        pytest.param([(0, True), (20, False), (21, True)], [(0, True), (20, False), (35, True)], id="pressed again"),
    ],
)
def test_table(edges: list[tuple[int, bool]], changes: list[tuple[int, bool]]) -> None:
    assert [(round(at * 1_000), down) for at, down in run(Debounce(BOUNCE_S, down=False), edges)] == changes


def run(debounce: Debounce, edges: list[tuple[int, bool]]) -> list[tuple[float, bool]]:
    """What changes, when: each edge is looked at, and once more when it asks for that. Milliseconds in, seconds out."""
    changes = []
    again_at = None
    level = debounce.down

    def look(now: float) -> float | None:
        if debounce.look(level, now):
            changes.append((now, debounce.down))
        again_in_s = debounce.look_again_in(now)
        return None if again_in_s is None else now + again_in_s

    for at_ms, to in [*edges, (1_000_000, None)]:
        now = at_ms / 1_000
        while again_at is not None and again_at < now:
            again_at = look(again_at)
        if to is not None:
            level = to
            again_at = look(now)
    return changes


def test_one_that_is_down_to_begin_with() -> None:
    debounce = Debounce(BOUNCE_S, down=True)
    assert debounce.look_again_in(0) is None
    assert not debounce.look(True, 0)
    assert debounce.look(False, 1)
    assert not debounce.down


def test_without_a_bounce_time_everything_counts() -> None:
    assert len(run(Debounce(0, down=False), [(at, at % 2 == 0) for at in range(10)])) == 10


EDGES = st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=40).map(
    lambda steps: [(sum(wait for wait, _ in steps[: nth + 1]), level) for nth, (_, level) in enumerate(steps)]
)


@given(EDGES)
def test_presses_and_releases_take_turns_and_keep_their_distance(edges: list[tuple[int, bool]]) -> None:
    changes = run(Debounce(BOUNCE_S, down=False), edges)
    assert [down for _, down in changes] == [nth % 2 == 0 for nth in range(len(changes))]
    assert all(later - earlier >= BOUNCE_S - 1e-9 for (earlier, _), (later, _) in pairwise(changes))


@given(EDGES)
def test_in_the_end_the_level_counts(edges: list[tuple[int, bool]]) -> None:
    debounce = Debounce(BOUNCE_S, down=False)
    run(debounce, edges)
    assert debounce.down is (edges[-1][1] if edges else False)


@given(EDGES)
def test_a_press_after_quiet_counts_at_once(edges: list[tuple[int, bool]]) -> None:
    quiet_at = (edges[-1][0] if edges else 0) + 100
    changes = run(Debounce(BOUNCE_S, down=False), [*edges, (quiet_at, False), (quiet_at + 100, True)])
    assert changes[-1] == ((quiet_at + 100) / 1_000, True)
