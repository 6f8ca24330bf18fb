"""How light moves: pattern, time and level → how much light each lamp gives.

What is asked for is as bright as it looks: half is half to the eye. `frame` makes of it what a lamp must give, which is
much less than half of its power.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from clonespeaker.cues import Pattern

Frame = npt.NDArray[np.float64]
"""Red, green and blue of each lamp: shape (lamps, 3), 0 to 1, in proportion to power."""

GAMMA = 2.2  # power = looks ** GAMMA; sRGB's, roughly

BREATH_S, ROUND_S, PULSE_S, BLINK_S = 4.0, 1.2, 0.8, 1.0
_FAINTEST = 0.08  # a breath's, and behind what runs around
_IN_SILENCE = 0.35  # that somebody is listened to shows before he speaks
_TAIL = 0.6  # of the round
_QUIETEST_DBFS, _LOUDEST_DBFS = -50.0, -12.0
_FALLS_PER_S = 3.0

_STILL = {Pattern.DARK, Pattern.STEADY}


def looks(pattern: Pattern, at_s: float, *, level: float, lamps: int) -> npt.NDArray[np.float64]:
    """How bright each lamp looks, 0 to 1.

    Args:
        pattern: how it moves.
        at_s: since it began.
        level: how loud it is, 0 to 1; `LEVEL` alone heeds it.
        lamps: how many.
    """
    match pattern:
        case Pattern.DARK:
            looks = 0.0
        case Pattern.STEADY:
            looks = 1.0
        case Pattern.BREATHE:
            looks = _FAINTEST + (1 - _FAINTEST) * _wave(at_s / BREATH_S)
        case Pattern.LEVEL:
            looks = _IN_SILENCE + (1 - _IN_SILENCE) * level
        case Pattern.BLINK:
            looks = float(at_s % BLINK_S < BLINK_S / 2)
        case Pattern.CIRCLE if lamps > 2:
            behind = (at_s / ROUND_S - np.arange(lamps) / lamps) % 1.0  # of the round, behind the head
            next_one = 1 - lamps * (1 - behind)  # swells while the head comes near
            return np.maximum.reduce((1 - behind / _TAIL, next_one, np.full(lamps, _FAINTEST)))  # type: ignore[no-any-return]
        case Pattern.CIRCLE:
            looks = _FAINTEST + (1 - _FAINTEST) * _wave(at_s / PULSE_S)
    return np.full(lamps, looks)


def _wave(turns: float) -> float:
    return (1 - math.cos(2 * math.pi * turns)) / 2


def still_for_s(pattern: Pattern, at_s: float) -> float:
    """Seconds in which it does not change; infinite where it never does, 0 where it always does."""
    if pattern in _STILL:
        return math.inf
    return BLINK_S / 2 - at_s % (BLINK_S / 2) if pattern is Pattern.BLINK else 0.0


def frame(looks: npt.NDArray[np.float64], colour: str, brightness: float) -> Frame:
    """What the lamps give.

    Args:
        looks: how bright each looks.
        colour: `#rrggbb`.
        brightness: what the brightest may look like, 0 to 1.
    """
    rgb = np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8) / 255
    power: Frame = (brightness * looks[:, np.newaxis] * rgb) ** GAMMA
    return power


def loudness(dbfs: float) -> float:
    """How loud a level looks, 0 to 1."""
    return min(1.0, max(0.0, (dbfs - _QUIETEST_DBFS) / (_LOUDEST_DBFS - _QUIETEST_DBFS)))


def follow(before: float, told: float, after_s: float) -> float:
    """A level that rises at once and falls slowly, as meters do: what is told comes in steps."""
    return max(told, before - _FALLS_PER_S * after_s)


def is_within(hours: tuple[int, int], minute: int) -> bool:
    """Whether a time is within hours, which may go over midnight; all in minutes since midnight.

    Args:
        hours: from, which is within, and to, which is not. The same twice: all day.
        minute: the time.
    """
    since, until = hours
    return since <= minute < until if since < until else minute >= since or minute < until
