from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.controls.gestures import Gesture, Gestures
from clonespeaker.controls.pushed import Pushed
from tests.peers import until

ALONE: dict[str, bool] = {}
LONG = {"long_press": True}
DOUBLE = {"double_press": True}
BOTH = {"long_press": True, "double_press": True}
REPEATS = {"repeats": True}


def play(kinds: dict[str, bool], changes: list[float], until_s: float = 3.0) -> list[tuple[str, float]]:
    """What a button means that goes down, up, down, … at these seconds; each gesture with its time."""
    gestures, told = Gestures(**kinds), list[tuple[str, float]]()

    def note(gesture: Gesture | None, at_s: float) -> None:
        if gesture is not None:
            told.append((gesture.value, round(at_s, 3)))

    for number, at_s in enumerate([*changes, until_s]):
        while gestures.due_at is not None and gestures.due_at <= at_s:
            due_at = gestures.due_at
            note(gestures.wait_over(due_at), due_at)
        if number < len(changes):
            note(gestures.change(number % 2 == 0, at_s), at_s)
    return told


@pytest.mark.parametrize(
    ("kinds", "changes", "told"),
    [
        pytest.param(ALONE, [0, 0.1], [("press", 0)], id="at once"),
        pytest.param(ALONE, [0, 2.0], [("press", 0)], id="once, however long"),
        pytest.param(ALONE, [0, 0.1, 0.2, 0.3], [("press", 0), ("press", 0.2)], id="two are two"),
        pytest.param(LONG, [0, 0.1], [("press", 0.1)], id="a press, where a long one means something"),
        pytest.param(LONG, [0, 0.79], [("press", 0.79)], id="just not long"),
        pytest.param(LONG, [0, 2.0], [("long_press", 0.8)], id="long, as soon as it is"),
        pytest.param(LONG, [0, 2.0, 2.1, 2.2], [("long_press", 0.8), ("press", 2.2)], id="and a press after it"),
        pytest.param(DOUBLE, [0, 0.1], [("press", 0.4)], id="a press waits for a second one"),
        pytest.param(DOUBLE, [0, 1.0], [("press", 0.4)], id="and for no longer while it is held"),
        pytest.param(DOUBLE, [0, 0.1, 0.3, 0.4], [("double_press", 0.3)], id="a second one"),
        pytest.param(DOUBLE, [0, 0.1, 0.3, 2.0], [("double_press", 0.3)], id="which is held"),
        pytest.param(DOUBLE, [0, 0.1, 0.5, 0.6], [("press", 0.4), ("press", 0.9)], id="one that comes too late"),
        pytest.param(
            DOUBLE, [0, 0.1, 0.2, 0.3, 0.35, 0.38], [("double_press", 0.2), ("press", 0.75)], id="three are two and one"
        ),
        pytest.param(BOTH, [0, 0.1], [("press", 0.4)], id="both: a press"),
        pytest.param(BOTH, [0, 0.6], [("press", 0.6)], id="both: one that is too slow for a second"),
        pytest.param(BOTH, [0, 2.0], [("long_press", 0.8)], id="both: long"),
        pytest.param(BOTH, [0, 0.1, 0.3, 2.0], [("double_press", 0.3)], id="both: double, held"),
        pytest.param(
            REPEATS, [0, 1.0], [("press", 0), ("press", 0.5), ("press", 0.7), ("press", 0.9)], id="again and again"
        ),
        pytest.param(REPEATS, [0, 0.3], [("press", 0)], id="not yet again"),
        pytest.param(REPEATS | LONG, [0, 2.0], [("long_press", 0.8)], id="a long press repeats nothing"),
    ],
)
def test_what_it_means(kinds: dict[str, bool], changes: list[float], told: list[tuple[str, float]]) -> None:
    assert play(kinds, changes) == told


@given(
    st.fixed_dictionaries({"long_press": st.booleans(), "double_press": st.booleans(), "repeats": st.booleans()}),
    st.lists(st.floats(0.01, 2.0), max_size=20),
)
def test_each_press_counts_and_none_twice(kinds: dict[str, bool], waits: list[float]) -> None:
    changes = [sum(waits[: number + 1]) for number in range(len(waits))]
    told = [gesture for gesture, _ in play(kinds, changes, until_s=sum(waits) + 0.81)]
    presses = (len(changes) + 1) // 2
    counted = sum(2 if gesture == "double_press" else 1 for gesture in told)
    assert counted == presses or (kinds["repeats"] and counted >= presses)
    assert kinds["long_press"] or "long_press" not in told
    assert kinds["double_press"] or "double_press" not in told


async def test_in_its_time() -> None:
    done: list[str] = []
    pushed = Pushed({gesture: lambda gesture=gesture: done.append(gesture.value) for gesture in Gesture})  # type: ignore[misc]
    pushed.on_change(True)
    pushed.on_change(False)
    await until(lambda: done)
    pushed.on_change(True)
    await until(lambda: len(done) == 2)
    pushed.on_change(False)
    assert done == ["press", "long_press"]
    pushed.on_change(True)
    pushed.close()
    await asyncio.sleep(0.9)
    assert len(done) == 2
