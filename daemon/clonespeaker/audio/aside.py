"""A short sound beside what a speaker plays: heard while that is silent, and gone as soon as it begins.

So an earcon, or a spoken fault, never delays a reply, never lies over it, and counts nowhere: the reply's own way to
the device knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clonespeaker.audio.pcm import Samples, apply_gain


class Aside:
    """One, at an output. The loop makes it and steers it; the device's thread plays it.

    Args:
        samples: mono at the device's rate, their ends faded.
        gain: see below.
        on_over: called once, from the device's thread, when nothing more of it comes.

    Attributes:
        gain: a factor; set anew, it changes with the next period.
        stopping: it is to fade out within the next period.
        heard_until: when the last of it given so far is heard, on the output's clock; None where nothing was given.
    """

    def __init__(self, samples: Samples, gain: float, on_over: Callable[[], object]) -> None:
        self._samples = samples
        self._gain = self.gain = gain
        self._on_over = on_over
        self._at = 0
        self.stopping = False
        self.heard_until: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether some of it was given."""
        return self._at > 0

    @property
    def is_whole(self) -> bool:
        """Whether all of it was given."""
        return self._at == self._samples.size

    def add_to(self, out: Samples, heard_at: float, rate_hz: int, *, fade: int, cut: bool) -> bool:
        """Give the next of it into a period that is heard from `heard_at` on; whether it is over with that.

        Args:
            out: the period; changed.
            heard_at: on the output's clock.
            rate_hz: the device's.
            fade: samples to fade out over, where it is to stop.
            cut: it is to stop, for something else begins.
        """
        # Thread: the device's. Copies and ramps only.
        ends = cut or self.stopping
        if ends and not self.has_begun:
            self._on_over()
            return True
        piece = self._samples[self._at : self._at + (min(fade, out.size) if ends else out.size)]
        gain = self.gain
        if piece.size:
            sound = apply_gain(piece, self._gain, gain)
            if ends:
                sound = (sound * np.linspace(1, 0, piece.size)).astype(np.int16)
            both = out[: piece.size].astype(np.int32) + sound
            out[: piece.size] = np.clip(both, -32_768, 32_767)
            self.heard_until = heard_at + piece.size / rate_hz
            self._at += piece.size
        self._gain = gain
        if ends or self.is_whole:
            self._on_over()
            return True
        return False
