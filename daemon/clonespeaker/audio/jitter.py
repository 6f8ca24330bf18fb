"""How much of a reply to gather before it is heard.

The rule:

1. A reply starts to sound with the target at hand, first `start_ms`, or when it has come whole. Beyond `start_ms`, time
   that has passed since the last piece counts as sound at hand, up to that piece's length: so much nearer is the next.
2. Played empty before its end, it has starved: an underrun. One stutter is bad, two are worse: it goes on with half as
   much again as the target, and never with less than `AFTER_STARVING_MS`.
3. What was learnt stays for the next replies, for the network is the same.
4. Each piece that comes tells how far what was at hand had sunk since the start: so much was needed. One piece's length
   of that is the clone's way of sending; the rest is lateness. After a reply that never starved the target is what it
   needed, three quarters of its lateness more, and half of `start_ms` in reserve (half of what it needed where that is
   less): at once where that is more than before, half the way where it is less.
5. An empty buffer after the reply's end is no underrun: it is the end. A reply that was there whole before it sounded
   tells nothing.

The figures are from 200 simulated replies of 60 s in real time, each event late by 60 ms in the mean (exponentially):
doubling the target starves 2.9 times before it has gathered enough, this rule once; from the second reply on it
starves in one reply of a hundred (`tests/audio/test_jitter.py` plays such traces).

Nothing here knows a clock or a thread: it is told what is at hand, and says when to start.
"""

from __future__ import annotations

AFTER_STARVING_MS = 800.0
MOST_MS = 2_000.0
_MORE_AFTER_STARVING = 1.5
_LATENESS_SPARE = 0.75


class JitterBuffer:
    """The rule above, for one network over many replies.

    Args:
        start_ms: what a calm network needs gathered.
    """

    def __init__(self, start_ms: float) -> None:
        self._start_ms = start_ms
        self._started_with_ms: float | None = None  # None while it does not sound
        self._needed_ms: float | None = None  # None where nothing came while it sounded
        self._piece_ms = self._longest_ms = 0.0  # the last that came, and the longest
        self.target_ms = start_ms
        """What has to be at hand before sound starts, in milliseconds of sound."""
        self.underruns = 0
        """How often the reply going on has starved."""

    def begin(self) -> None:
        """A new reply."""
        self._started_with_ms = self._needed_ms = None
        self._piece_ms = self._longest_ms = 0.0
        self.underruns = 0

    def missing_ms(self, at_hand_ms: float, waited_ms: float) -> float:
        """What a silent reply lacks, in milliseconds of sound; it may sound with 0 or less.

        Args:
            at_hand_ms: what of it waits.
            waited_ms: time since the last piece came.
        """
        if at_hand_ms < self._start_ms:
            return self._start_ms - at_hand_ms
        return self.target_ms - at_hand_ms - self._nearer_ms(waited_ms)

    def started(self, at_hand_ms: float, waited_ms: float) -> None:
        """It sounds from now on."""
        self._started_with_ms = at_hand_ms + self._nearer_ms(waited_ms)

    def came(self, piece_ms: float, left_ms: float) -> None:
        """A piece has come, and so much was left at hand of those before."""
        self._piece_ms, self._longest_ms = piece_ms, max(piece_ms, self._longest_ms)
        if self._started_with_ms is not None:
            self._needed_ms = max(self._started_with_ms - left_ms, self._needed_ms or 0.0)

    def starved(self) -> None:
        """The reply ran dry before its end."""
        self._started_with_ms = None
        self.underruns += 1
        self.target_ms = self._bounded(max(_MORE_AFTER_STARVING * self.target_ms, AFTER_STARVING_MS))

    def end(self) -> None:
        """The reply is over."""
        if self._needed_ms is not None and not self.underruns:
            lateness_ms = max(0.0, self._needed_ms - self._longest_ms)
            reserve_ms = min(self._needed_ms, self._start_ms) / 2
            wanted_ms = self._needed_ms + _LATENESS_SPARE * lateness_ms + reserve_ms
            self.target_ms = self._bounded(max(wanted_ms, (self.target_ms + wanted_ms) / 2))

    def _nearer_ms(self, waited_ms: float) -> float:
        return min(waited_ms, self._piece_ms)

    def _bounded(self, target_ms: float) -> float:
        return min(max(target_ms, self._start_ms), max(MOST_MS, self._start_ms))
