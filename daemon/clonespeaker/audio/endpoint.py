"""Endpointing: whether the user has finished, from how much each moment sounds like speech.

The rules in prose:

- Speech must have been there first: enough of it that a click, a cough or a chair is not taken for it.
- Then so much quiet that nobody pauses so long within a sentence ends it. Once somebody speaks, less is enough to
  count as speech than at first; and a single moment of it, alone in the quiet, does not begin the wait anew.
- Where nobody has spoken for a good while, nothing was said.

Time is that of the sound, not of a clock: a machine that lags behind decides later, and not otherwise.
"""

from __future__ import annotations

from enum import Enum, auto

NOTHING_AFTER_MS = 8_000.0
"""Then whoever has tapped has walked away, or speaks to somebody else."""

_BEGINS_AT, _GOES_ON_AT = 0.5, 0.35
_SPEECH_FROM_MS = 160.0
_SPARK_MS = 100.0  # no syllable is shorter


class Verdict(Enum):
    """What has become clear."""

    SPEECH_ENDED = auto()
    NOTHING_SAID = auto()


class Endpoint:
    """One utterance, listened to from its beginning.

    Args:
        end_after_ms: quiet after speech that means its end.
        nothing_after_ms: quiet from the beginning on that means that nothing comes.
    """

    def __init__(self, *, end_after_ms: float, nothing_after_ms: float) -> None:
        self._end_after_ms = end_after_ms
        self._nothing_after_ms = nothing_after_ms
        self._at_ms = 0.0
        self._voiced_ms = 0.0  # before it counts as speech: what is voiced, less half of what is not
        self._run_ms = 0.0  # voiced without a break, until now
        self._spoken_until_ms: float | None = None

    def hear(self, likely: float, ms: float) -> Verdict | None:
        """The next `ms` of sound are speech with a probability of `likely` (0–1). What is clear now, if anything."""
        self._at_ms += ms
        if self._spoken_until_ms is None:
            voiced = likely >= _BEGINS_AT
            self._voiced_ms = max(0.0, self._voiced_ms + (ms if voiced else -ms / 2))
            if self._voiced_ms >= _SPEECH_FROM_MS:
                self._spoken_until_ms = self._at_ms
            return Verdict.NOTHING_SAID if self._nothing_comes() else None
        self._run_ms = self._run_ms + ms if likely >= _GOES_ON_AT else 0.0
        if self._run_ms >= _SPARK_MS:
            self._spoken_until_ms = self._at_ms
        if self._run_ms:  # it may become a syllable
            return None
        return Verdict.SPEECH_ENDED if self._at_ms - self._spoken_until_ms >= self._end_after_ms else None

    def _nothing_comes(self) -> bool:
        return self._spoken_until_ms is None and not self._voiced_ms and self._at_ms >= self._nothing_after_ms
