from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clonespeaker.errors import DeviceError
from clonespeaker.turn import (
    EVENTS,
    IGNORED,
    TABLE,
    Action,
    Cancelled,
    Drained,
    Event,
    Failed,
    LimitReached,
    Pressed,
    PressRefused,
    Released,
    ReplyStarted,
    Said,
    Started,
    State,
    Tapped,
    Turn,
    step,
)

NO_MICROPHONE = DeviceError("microphone", "I have no microphone")
BEGINS = {Action.LISTEN, Action.ASK}
CLOSES = {Action.CLOSE_ANSWERED, Action.CLOSE_TAPPED, Action.CLOSE_CANCELLED, Action.CLOSE_FAILED}
OPEN = {State.LISTENING, State.THINKING, State.SPEAKING}

PAIRS = list(product(State, EVENTS))
kinds = st.sampled_from(EVENTS)
numbers = st.none() | st.integers(0, 6)


def walk(*events: Event, start: Turn | None = None) -> tuple[Turn, list[Action]]:
    """Where `events` lead from the beginning, and all that is to be done on the way."""
    turn, done = start or Turn(), list[Action]()
    for event in events:
        turn, actions = step(turn, event)
        done += actions
    return turn, done


@pytest.mark.parametrize(("state", "kind"), PAIRS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_each_pair_is_either_in_the_table_or_ignored(state: State, kind: type[Event]) -> None:
    assert ((state, kind) in TABLE) != (kind in IGNORED[state])


def test_the_pairs_are_all_there_are() -> None:
    # By name: of a dataclass with slots, the class before its slots is a subclass as well.
    assert {kind.__name__ for kind in EVENTS} == {kind.__name__ for kind in Event.__subclasses__()}
    assert len(EVENTS) == len({*EVENTS})
    assert {*TABLE} | {(state, kind) for state, ignored in IGNORED.items() for kind in ignored} == {*PAIRS}


def test_a_row_begins_and_closes_at_most_one_turn_and_closes_first() -> None:
    for (state, _), (after, actions) in TABLE.items():
        closes = [at for at, action in enumerate(actions) if action in CLOSES]
        begins = [at for at, action in enumerate(actions) if action in BEGINS]
        assert len(closes) <= 1
        assert len(begins) <= 1
        assert not (closes and begins) or closes < begins
        assert (state in OPEN) + len(begins) - len(closes) == (after in OPEN)


@given(st.lists(st.builds(lambda kind, number: kind(turn=number), kinds, numbers)))
def test_any_events(events: list[Event]) -> None:
    turn, begun, closed = Turn(), 0, 0
    for event in [Started(), *events]:
        before = turn
        turn, actions = step(before, event)
        begins, closes = sum(action in BEGINS for action in actions), sum(action in CLOSES for action in actions)
        begun, closed = begun + begins, closed + closes
        assert turn.number == before.number + begins == begun
        assert begun - closed == (turn.state in OPEN)
        if event.turn not in (None, before.number):
            assert (turn, actions) == (before, ()), "an event of another turn changed something"
        assert step(turn, Pressed())[0].state is State.LISTENING, "stuck"


@given(st.lists(kinds))
@example([])
def test_before_the_start_only_the_start_counts(events: list[type[Event]]) -> None:
    turn, done = walk(*(kind() for kind in events if kind is not Started))
    assert (turn, done) == (Turn(State.STARTING, 0), [])
    assert walk(Started(), Pressed(), start=turn) == (Turn(State.LISTENING, 1), [Action.LISTEN])


TALKED = (Started(), Pressed(), Released())
HEARD = (*TALKED, ReplyStarted(1))


@pytest.mark.parametrize(
    ("events", "turn", "done"),
    [
        pytest.param(
            [*HEARD, Drained(1)],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_ANSWERED],
            id="press, speak, let go, hear the answer",
        ),
        pytest.param(
            [*TALKED, Drained(1)],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_ANSWERED],
            id="an answer in text only",
        ),
        pytest.param(
            [Started(), Pressed(), ReplyStarted(1), Released(), Drained(1)],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_ANSWERED],
            id="a clone that answers before the user has finished",
        ),
        pytest.param(
            [Started(), Pressed(), Drained(1), Released()],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.CLOSE_ANSWERED],
            id="and is done by then",
        ),
        pytest.param(
            [Started(), Pressed(), LimitReached(1), Released()],
            Turn(State.THINKING, 1),
            [Action.LISTEN, Action.FINISH],
            id="the longest recording is sent, once",
        ),
        pytest.param(
            [Started(), Pressed(), LimitReached(1), Tapped()],
            Turn(State.THINKING, 1),
            [Action.LISTEN, Action.FINISH],
            id="a release after the limit is no tap either",
        ),
        pytest.param(
            [Started(), Pressed(), Tapped()],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.CLOSE_TAPPED],
            id="a tap sends nothing",
        ),
        pytest.param(
            [*TALKED, Pressed()],
            Turn(State.LISTENING, 2),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_CANCELLED, Action.LISTEN],
            id="barge-in while it thinks",
        ),
        pytest.param(
            [*HEARD, Pressed(), ReplyStarted(1), Drained(1), Failed(1), LimitReached(1)],
            Turn(State.LISTENING, 2),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_CANCELLED, Action.LISTEN],
            id="barge-in while it speaks, and the late events of what it spoke",
        ),
        pytest.param(
            [*HEARD, Pressed(), Tapped()],
            Turn(State.IDLE, 2),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_CANCELLED, Action.LISTEN, Action.CLOSE_TAPPED],
            id="a tap while it speaks just silences it",
        ),
        pytest.param(
            [Started(), PressRefused(None, NO_MICROPHONE)],
            Turn(State.IDLE, 0),
            [Action.TELL],
            id="a press without a microphone is told",
        ),
        pytest.param(
            [*TALKED, PressRefused()],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_CANCELLED, Action.TELL],
            id="and ends the thinking",
        ),
        pytest.param(
            [*HEARD, PressRefused()],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_CANCELLED, Action.TELL],
            id="and silences the clone",
        ),
        pytest.param(
            [*HEARD, Failed(1, NO_MICROPHONE)],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_FAILED, Action.TELL],
            id="a reply that breaks off is told",
        ),
        pytest.param(
            [Started(), Pressed(), Failed(1), Released()],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.CLOSE_FAILED, Action.TELL],
            id="a failure while the user speaks",
        ),
        pytest.param(
            [*TALKED, Failed(1)],
            Turn(State.IDLE, 1),
            [Action.LISTEN, Action.FINISH, Action.CLOSE_FAILED, Action.TELL],
            id="a failure before the answer",
        ),
        pytest.param(
            [Started(), Said(None, "hello"), ReplyStarted(1), Drained(1)],
            Turn(State.IDLE, 1),
            [Action.ASK, Action.CLOSE_ANSWERED],
            id="text instead of speech",
        ),
        pytest.param(
            [Started(), Said(None, "one"), Said(None, "two"), ReplyStarted(2), Said(None, "three")],
            Turn(State.THINKING, 3),
            [Action.ASK, Action.CLOSE_CANCELLED, Action.ASK, Action.CLOSE_CANCELLED, Action.ASK],
            id="text while it thinks or speaks",
        ),
        pytest.param(
            [Started(), Pressed(), Said(None, "hello"), Pressed(), PressRefused()],
            Turn(State.LISTENING, 1),
            [Action.LISTEN],
            id="while the user speaks, nothing else counts",
        ),
        *(
            pytest.param(
                [*events, Cancelled()],
                Turn(State.IDLE, 1),
                [*done, Action.CLOSE_CANCELLED],
                id=f"quiet while it {when}",
            )
            for when, events, done in (
                ("listens", TALKED[:2], [Action.LISTEN]),
                ("thinks", TALKED, [Action.LISTEN, Action.FINISH]),
                ("speaks", HEARD, [Action.LISTEN, Action.FINISH]),
            )
        ),
    ],
)
def test_walks(events: list[Event], turn: Turn, done: list[Action]) -> None:
    assert walk(*events) == (turn, done)
