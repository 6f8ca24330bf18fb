"""What is told: events of the status protocol, the faults that are active, the counts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from clonespeaker.audio.pcm import Samples, level_dbfs
from clonespeaker.errors import FAULTS, HINTS, CloneError, ClonespeakerError
from clonespeaker.tally import Tally
from clonespeaker.timeline import Timeline, in_words
from clonespeaker.turn import Outcome, State

log = logging.getLogger(__name__)

Publish = Callable[..., None]
"""`publish(event, **fields)`: an event of the status protocol."""

KEPT_TURNS = 20
"""Turns that are told to who connects later, the last ones."""

LEFT_ALONE_MOST_S = 600.0
"""For no longer than this is the clone left alone, whatever it wants; a device must find out that it is back."""

_LEVEL_EVERY_S = 1 / 15
_LEVELS_IN = {"microphone": State.LISTENING, "speaker": State.SPEAKING}
_STAYING = frozenset({"prerequisites", "no-codec"})  # only an answer shows that these are over
_STANDING = HINTS | {"no-microphone", "no-speaker", "button-stuck", "muted"}  # an answer does not end these


class News:
    """Tells screens and the journal what is going on, and keeps count.

    Args:
        publish: the status server's, or whoever wants to know.

    Attributes:
        faults: those that are active: name → what is wrong and what to do.
        tally: counts since the start.
        turns: the last `KEPT_TURNS`, as their `turn` events told them, oldest first.
        state: where the device stands.
        troubled: set while something is wrong with the clone, or the way there.
    """

    def __init__(self, publish: Publish) -> None:
        self.publish = publish
        self.faults: dict[str, str] = {}
        self.tally = Tally()
        self.turns: deque[dict[str, Any]] = deque(maxlen=KEPT_TURNS)
        self.troubled = asyncio.Event()
        self._left_alone_until = 0.0
        self._began_at = time.monotonic()
        self.state = State.STARTING
        self._told_level_at = {"microphone": 0.0, "speaker": 0.0}

    @property
    def started_at(self) -> float:
        """When this began, in Unix time, to the second. Reckoned back from now, for a Pi may learn the time later."""
        return round(time.time() - (time.monotonic() - self._began_at))

    def stand(self, state: State, turn: int | None) -> None:
        """Where the device stands from now on, and in which turn."""
        self.state = state
        self.publish("state", state=state, turn=turn)

    def begin_fault(self, error: ClonespeakerError) -> None:
        """Something is wrong, until `end_fault`. Told again only where what is wrong has changed."""
        name = error.fault or "rejected"
        if name not in self.faults:
            self.tally.faults[name] += 1
        if name not in _STANDING:
            self.troubled.set()
        if isinstance(error, CloneError) and error.retry_after_s is not None:
            self._left_alone_until = time.monotonic() + min(error.retry_after_s, LEFT_ALONE_MOST_S)
        if self.faults.get(name) != str(error):
            self.faults[name] = str(error)
            log.warning("fault %s: %s", name, error)
            self.publish("fault", fault=name, active=True, message=FAULTS[name], detail=str(error))

    @property
    def left_alone_s(self) -> float:
        """Seconds that the clone still wants to be left alone for; 0 once it has answered."""
        return max(0.0, self._left_alone_until - time.monotonic())

    def end_fault(self, name: str) -> None:
        """It is no longer wrong."""
        if self.faults.pop(name, None) is not None:
            log.info("fault %s is over", name)
            self.publish("fault", fault=name, active=False, message=FAULTS[name], detail="")

    def end_faults_of_the_clone(self, *, but: str | None = None) -> None:
        """It has answered; or only this one is left."""
        for name in [name for name in self.faults if name not in _STANDING and name != but]:
            self.end_fault(name)
        if but is None:
            self._end_trouble()

    def end_faults_that_passed(self) -> None:
        """The clone is there; how it answers is another question."""
        for name in [name for name in self.faults if name not in _STANDING | _STAYING]:
            self.end_fault(name)
        self._end_trouble()

    def _end_trouble(self) -> None:
        self.troubled.clear()
        self._left_alone_until = 0.0

    def end_hints(self) -> None:
        """What was wrong with an utterance is told no longer."""
        for name in HINTS & self.faults.keys():
            self.end_fault(name)

    def level(self, source: Literal["microphone", "speaker"], samples: Samples) -> None:
        """Sound passes by; its level is told while it is what the state is about, 15 times a second at most."""
        now = time.monotonic()
        if self.state is _LEVELS_IN[source] and now - self._told_level_at[source] >= _LEVEL_EVERY_S:
            self._told_level_at[source] = now
            self.publish("level", source=source, dbfs=round(level_dbfs(samples), 1))

    def turn_over(self, number: int, outcome: Outcome, error: ClonespeakerError | None, timeline: Timeline) -> None:
        """A turn is over, and nothing of it goes on."""
        timeline.outcome = outcome
        told = timeline.told()
        self.tally.count(told)
        log.info("turn %d %s%s: %s", number, outcome, f" ({error})" if error else "", in_words(told))
        self.turns.append({"turn": number, "fault": error.fault if error else None, **told})
        self.publish("turn", **self.turns[-1])
