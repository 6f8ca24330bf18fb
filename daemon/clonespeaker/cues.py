"""What a person in front of the device is given to see and hear, as one table.

Lights, sounds and the kiosk page all take it from here, and so does the sheet in the docs; what is said and shown in
words lies in `words/`, by the same names. One cue holds at a time: `cue` says which.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from clonespeaker.turn import State


class Pattern(StrEnum):
    """How light moves."""

    DARK = "dark"
    STEADY = "steady"
    BREATHE = "breathe"  # swells and fades, once in some seconds
    LEVEL = "level"  # as loud as the sound that the state is about
    CIRCLE = "circle"  # something runs around; a single lamp pulses quickly
    BLINK = "blink"


class Earcon(StrEnum):
    """A short sound that means something."""

    START = "start"
    STOP = "stop"
    THINKING = "thinking"
    ERROR = "error"
    OFFLINE = "offline"
    MUTED = "muted"
    UNMUTED = "unmuted"
    VOLUME = "volume"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Cue:
    """What one state or fault is like.

    Attributes:
        colour: of the light and on the page, `#rrggbb`.
        pattern: of the light.
        earcon: what sounds when it begins.
        spoken: whether a device that has prompts says it in words, too.
    """

    colour: str
    pattern: Pattern
    earcon: Earcon | None = None
    spoken: bool = False


WHITE, GREEN, AMBER, BLUE, RED = "#ffffff", "#1fbf6b", "#f2a81d", "#3d7dff", "#ff3b30"

STATES: dict[State, Cue] = {
    State.STARTING: Cue(WHITE, Pattern.BREATHE),
    State.IDLE: Cue(WHITE, Pattern.DARK),
    State.LISTENING: Cue(GREEN, Pattern.LEVEL, Earcon.START),
    State.THINKING: Cue(AMBER, Pattern.CIRCLE, Earcon.STOP),
    State.SPEAKING: Cue(BLUE, Pattern.LEVEL),
}

MUTED = Cue(RED, Pattern.STEADY, Earcon.MUTED, spoken=True)

# Amber passes by itself, red needs somebody.
_PASSES = Cue(AMBER, Pattern.BLINK, Earcon.ERROR, spoken=True)
_NEEDS_SOMEBODY = Cue(RED, Pattern.BLINK, Earcon.ERROR, spoken=True)
# The turn went well in spite of it: shown when it is over, and not said over or after the answer.
_HINT = Cue(AMBER, Pattern.BREATHE)

FAULTS: dict[str, Cue] = {
    "no-microphone": _NEEDS_SOMEBODY,
    "no-speaker": _NEEDS_SOMEBODY,
    "button-stuck": _NEEDS_SOMEBODY,
    "refused": _NEEDS_SOMEBODY,
    "prerequisites": _NEEDS_SOMEBODY,
    "no-clone": _NEEDS_SOMEBODY,
    "no-codec": _NEEDS_SOMEBODY,
    "offline": Cue(AMBER, Pattern.BLINK, Earcon.OFFLINE, spoken=True),
    "no-conversation": _PASSES,
    "busy": _PASSES,
    "rejected": _PASSES,
    "server-error": _PASSES,
    "reply-broken": _PASSES,
    "muted": MUTED,
    "no-sound": _PASSES,
    "too-loud": _HINT,
    "too-quiet": _HINT,
    "nothing-heard": Cue(AMBER, Pattern.BLINK, spoken=True),
}
"""By the names of `errors.FAULTS`, the gravest first: of several, that one is told."""

_A_TURN = (State.LISTENING, State.THINKING, State.SPEAKING)


def gravest(faults: Collection[str]) -> str | None:
    """Of several faults, the one to tell; None where there is none."""
    return next((name for name in FAULTS if name in faults), None)


def cue(state: State, *, muted: bool, faults: Collection[str]) -> Cue:
    """What holds now: a turn that goes on, else the gravest of what is wrong, else the state."""
    fault = None if state in _A_TURN else gravest({*faults, "muted"} if muted else faults)
    return STATES[state] if fault is None else FAULTS[fault]
