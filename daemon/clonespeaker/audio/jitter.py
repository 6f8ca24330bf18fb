"""How much of a reply to gather before it is heard.

The rule:

1. A reply starts to sound with `start_ms` of it at hand, or when it has come whole.
2. Played empty before its end, it has starved: an underrun. The clone may just be slow for a moment, so the next
   start waits for twice as much, up to `MOST_MS`.
3. What was learnt stays for the next replies, for the network is the same.
4. Each reply that never starved halves the way back to `start_ms`.
5. An empty buffer after the reply's end is no underrun: it is the end.

Nothing here knows a clock or a thread: it is told what arrived and what ran dry, and says when to start.
"""

from __future__ import annotations

MOST_MS = 2_000.0


class JitterBuffer:
    """The rule above, for one network over many replies.

    Args:
        start_ms: what a calm network needs gathered.
    """

    def __init__(self, start_ms: float) -> None:
        self._start_ms = start_ms
        self.target_ms = start_ms
        """What has to be at hand before sound starts, in milliseconds of sound."""
        self.underruns = 0
        """How often the reply going on has starved."""

    def begin(self) -> None:
        """A new reply."""
        self.underruns = 0

    def may_start(self, at_hand_ms: float, *, complete: bool) -> bool:
        """Whether a silent reply may sound now, with this much at hand."""
        return complete or at_hand_ms >= self.target_ms

    def starved(self) -> None:
        """The reply ran dry before its end."""
        self.underruns += 1
        self.target_ms = min(max(2 * self.target_ms, 20.0), MOST_MS)

    def end(self) -> None:
        """The reply is over."""
        if not self.underruns:
            self.target_ms = (self.target_ms + self._start_ms) / 2
