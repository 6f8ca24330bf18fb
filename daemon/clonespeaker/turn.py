"""A turn: what the user said and what the clone answered, as one table of states and events.

The rules in prose:

- A press begins a turn: it listens. While it thinks or speaks, the press first closes the turn that was going
  on (barge-in); its reply falls silent.
- Letting go sends what was said; so does reaching the longest recording, and the release that follows later
  finds the turn thinking already and means nothing. Where a tap begins it, quiet after speech sends it, too.
- A tap after which nobody speaks comes to nothing, and the user is told so; that is no failure.
- A clone that answers before the user has finished has heard enough: the recording ends there.
- A microphone that goes away in the middle of a question ends it there: what was said is sent, and the loss is told.
- Letting go too early is a tap: nothing is sent, the turn closes. So a mere tap while the clone speaks just
  silences it.
- A press that can't be obeyed (no microphone, muted) is told, and silences the clone all the same.
- The reply's first sound makes it speak; the last sample heard at the device ends the turn. A reply in text
  only goes from thinking to idle.
- A failure closes the turn and is told; where a part of the reply has come, it was played out before.
- Text can be said instead of spoken: that turn thinks at once.

Guards are events of their own (`Tapped` is a release that came too early, `PressRefused` a press without a
microphone), so the table needs no conditions. Events that stem from a turn's task bear its number; `step` lets
the late ones fall away. Whoever feeds it decides nothing; whoever obeys it decides nothing either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from clonespeaker.errors import ClonespeakerError


class State(StrEnum):
    """What the device is doing, as the status protocol names it."""

    STARTING = "starting"
    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


class Outcome(StrEnum):
    """How a turn ended, as the status protocol names it."""

    ANSWERED = "answered"
    TAPPED = "tapped"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `turn` is the turn it belongs to, or None for what comes from outside."""

    turn: int | None = None


class Started(Event):
    """Everything is wired; presses count from here on."""


@dataclass(frozen=True, slots=True)
class Pressed(Event):
    """The button went down, or a command stands for it.

    Attributes:
        until_quiet: the user may end by falling silent.
        lasts_s: seconds until it counts as let go, by itself; None: until it is.
    """

    until_quiet: bool = False
    lasts_s: float | None = None


@dataclass(frozen=True, slots=True)
class PressRefused(Event):
    """A press that can't be obeyed; `error` says why."""

    error: ClonespeakerError | None = None


class Released(Event):
    """The button went up after being held long enough."""


class Tapped(Event):
    """The button went up too early to have said anything."""


class LimitReached(Event):
    """The recording is as long as recordings get."""


class SpeechEnded(Event):
    """The user has spoken, and fell silent."""


class NothingSaid(Event):
    """Nobody has spoken, for so long that nobody will."""


@dataclass(frozen=True, slots=True)
class MicrophoneLost(Event):
    """The microphone went away when enough had been said to be worth an answer; `error` says why."""

    error: ClonespeakerError | None = None


@dataclass(frozen=True, slots=True)
class Said(Event):
    """Text to be answered, instead of speech."""

    text: str = ""
    image_url: str | None = None


class Cancelled(Event):
    """Someone wants quiet."""


class ReplyStarted(Event):
    """The reply's first sample is heard at the device."""


class Drained(Event):
    """The reply is over, and its last sample has been heard at the device."""


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """The turn can't go on; `error` says why. Whatever part of the reply came has been played."""

    error: ClonespeakerError | None = None


EVENTS = (
    Started, Pressed, PressRefused, Released, Tapped, LimitReached, SpeechEnded, NothingSaid, MicrophoneLost, Said,
    Cancelled, ReplyStarted, Drained, Failed,
)  # fmt: skip


class Action(Enum):
    """What is to be done about an event, in the order the table lists it."""

    LISTEN = "begin a turn: record, and send while the user speaks"
    ASK = "begin a turn with the event's text"
    FINISH = "end the recording here and now; what remains is sent"
    CLOSE_ANSWERED = "close the turn as answered"
    CLOSE_TAPPED = "close the turn as tapped; break the upload off"
    CLOSE_CANCELLED = "close the turn as cancelled; break the upload off, fade the reply out"
    CLOSE_FAILED = "close the turn as failed"
    TELL = "tell the user what went wrong"
    HINT = "tell the user that nothing was heard, kindly"
    NOTE = "tell what went wrong without a sound: the turn goes on"


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the device stands.

    Attributes:
        state: what it is doing.
        number: of the turn going on, or of the last one; 0 before the first.
    """

    state: State = State.STARTING
    number: int = 0


_S, _A = State, Action

TABLE: dict[tuple[State, type[Event]], tuple[State, tuple[Action, ...]]] = {
    (_S.STARTING, Started): (_S.IDLE, ()),
    #
    (_S.IDLE, Pressed): (_S.LISTENING, (_A.LISTEN,)),
    (_S.IDLE, PressRefused): (_S.IDLE, (_A.TELL,)),
    (_S.IDLE, Said): (_S.THINKING, (_A.ASK,)),
    #
    (_S.LISTENING, Released): (_S.THINKING, (_A.FINISH,)),
    (_S.LISTENING, LimitReached): (_S.THINKING, (_A.FINISH,)),
    (_S.LISTENING, SpeechEnded): (_S.THINKING, (_A.FINISH,)),
    (_S.LISTENING, NothingSaid): (_S.IDLE, (_A.CLOSE_TAPPED, _A.HINT)),
    (_S.LISTENING, MicrophoneLost): (_S.THINKING, (_A.FINISH, _A.NOTE)),
    (_S.LISTENING, Tapped): (_S.IDLE, (_A.CLOSE_TAPPED,)),
    (_S.LISTENING, Cancelled): (_S.IDLE, (_A.CLOSE_CANCELLED,)),
    (_S.LISTENING, Failed): (_S.IDLE, (_A.CLOSE_FAILED, _A.TELL)),
    (_S.LISTENING, ReplyStarted): (_S.SPEAKING, (_A.FINISH,)),
    (_S.LISTENING, Drained): (_S.IDLE, (_A.CLOSE_ANSWERED,)),
    #
    (_S.THINKING, Pressed): (_S.LISTENING, (_A.CLOSE_CANCELLED, _A.LISTEN)),
    (_S.THINKING, PressRefused): (_S.IDLE, (_A.CLOSE_CANCELLED, _A.TELL)),
    (_S.THINKING, Said): (_S.THINKING, (_A.CLOSE_CANCELLED, _A.ASK)),
    (_S.THINKING, Cancelled): (_S.IDLE, (_A.CLOSE_CANCELLED,)),
    (_S.THINKING, ReplyStarted): (_S.SPEAKING, ()),
    (_S.THINKING, Drained): (_S.IDLE, (_A.CLOSE_ANSWERED,)),
    (_S.THINKING, Failed): (_S.IDLE, (_A.CLOSE_FAILED, _A.TELL)),
    #
    (_S.SPEAKING, Pressed): (_S.LISTENING, (_A.CLOSE_CANCELLED, _A.LISTEN)),
    (_S.SPEAKING, PressRefused): (_S.IDLE, (_A.CLOSE_CANCELLED, _A.TELL)),
    (_S.SPEAKING, Said): (_S.THINKING, (_A.CLOSE_CANCELLED, _A.ASK)),
    (_S.SPEAKING, Cancelled): (_S.IDLE, (_A.CLOSE_CANCELLED,)),
    (_S.SPEAKING, Drained): (_S.IDLE, (_A.CLOSE_ANSWERED,)),
    (_S.SPEAKING, Failed): (_S.IDLE, (_A.CLOSE_FAILED, _A.TELL)),
}

IGNORED: dict[State, frozenset[type[Event]]] = {
    # Nothing is ready yet; a client is told so, an impatient hand presses again.
    _S.STARTING: frozenset(EVENTS) - {Started},
    # No turn is going on: the second half of something that was closed already.
    _S.IDLE: frozenset(EVENTS) - {Pressed, PressRefused, Said},
    # It listens already.
    _S.LISTENING: frozenset({Started, Pressed, PressRefused, Said}),
    # The release after the longest recording; the recording's last period, waited for after the release.
    _S.THINKING: frozenset({Started, Released, Tapped, LimitReached, SpeechEnded, NothingSaid, MicrophoneLost}),
    _S.SPEAKING: frozenset(
        {Started, Released, Tapped, LimitReached, SpeechEnded, NothingSaid, MicrophoneLost, ReplyStarted}
    ),
}
"""Pairs that mean nothing. With `TABLE` they cover every state and event; a test holds both against all pairs."""

_BEGINS = {Action.LISTEN, Action.ASK}


def step(turn: Turn, event: Event) -> tuple[Turn, tuple[Action, ...]]:
    """Where the device stands after `event`, and what is to be done, in order.

    Actions that close a turn mean the one that was going on; `LISTEN` and `ASK` begin the one in the result.
    """
    if event.turn is not None and event.turn != turn.number:
        return turn, ()
    row = TABLE.get((turn.state, type(event)))
    if row is None:
        return turn, ()
    state, actions = row
    begins = not _BEGINS.isdisjoint(actions)
    return replace(turn, state=state, number=turn.number + begins), actions
