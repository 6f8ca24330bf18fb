"""Rings: where audio crosses between a PortAudio thread and the loop, without locks.

One side writes, the other reads. Each position is a plain integer that one side alone changes, counted in samples
since the beginning and never wrapped, and it is changed after the samples are in place; so whatever a position
covers is whole. (CPython makes loads and stores of an attribute atomic, with and without the GIL.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from clonespeaker.audio.pcm import SAMPLE_BYTES, Samples


class CaptureRing:
    """The last moments of a microphone. The writer never waits: it overwrites what is oldest.

    Args:
        capacity: samples kept; what a reader may lag behind at most.
    """

    def __init__(self, capacity: int) -> None:
        self._samples = np.zeros(capacity, np.int16)
        self._bytes = self._samples.data.cast("B")
        self._end_soon = 0  # `end` once the period that is being put in place is in place
        self.end = 0
        """Samples captured since the beginning: the position after the newest."""

    def append(self, block: bytes) -> None:
        """Take in one period. Thread: PortAudio. Copies only."""
        # As bytes: that takes about half of what it takes as an array, and an idle daemon does little else.
        self._end_soon = self.end + len(block) // SAMPLE_BYTES
        _place(self._bytes, SAMPLE_BYTES * self.end, block)
        self.end = self._end_soon

    def read(self, start: int) -> tuple[Samples, int]:
        """A copy of the samples from position `start` to the newest, and how many before them were lost.

        Samples are lost where the writer has overwritten them; the copy then begins with the oldest there is.
        """
        end = self.end
        first = max(start, end - self._samples.size)
        out = _copy(self._samples, first, end)
        # What was overwritten while it was being copied, or is at this moment, is torn: leave it out, too.
        torn = max(0, self._end_soon - self._samples.size - first)
        return out[torn:], first + torn - start


class PlaybackRing:
    """The last moments before a speaker. The writer puts in what fits; the reader takes what there is.

    Args:
        capacity: samples held at most.
    """

    def __init__(self, capacity: int) -> None:
        self._samples = np.zeros(capacity, np.int16)
        self._written = 0
        self._read = 0

    def __len__(self) -> int:
        return self._written - self._read

    @property
    def room(self) -> int:
        """Samples that `write` would take now."""
        return self._samples.size - len(self)

    def write(self, samples: Samples) -> int:
        """Put in as many of `samples` as there is room for; returns how many. Thread: loop."""
        count = min(samples.size, self.room)
        _place(self._samples, self._written, samples[:count])
        self._written += count
        return count

    def read(self, count: int) -> Samples:
        """Take out `count` samples, or as many as there are. Thread: PortAudio. Copies only."""
        end = self._read + min(count, len(self))
        out = _copy(self._samples, self._read, end)
        self._read = end
        return out

    def flush(self) -> None:
        """Throw away what is in it. Thread: PortAudio, the reader's."""
        self._read = self._written


def _place(ring: Any, position: int, new: Any) -> None:
    """Copy `new` into `ring` from `position` on; of more than fits, the newest. Both arrays, or views of bytes."""
    size = len(ring)
    if len(new) > size:
        position += len(new) - size
        new = new[-size:]
    at = position % size
    head = min(len(new), size - at)
    ring[at : at + head] = new[:head]
    ring[: len(new) - head] = new[head:]


def _copy(ring: npt.NDArray[np.int16], start: int, end: int) -> Samples:
    """The samples of `ring` between two positions, at most its size apart."""
    at, count = start % ring.size, end - start
    head = ring[at : at + count]
    if head.size == count:
        return head.copy()
    return np.concatenate((head, ring[: count - head.size]))
