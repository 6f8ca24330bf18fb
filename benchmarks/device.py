"""Stand-ins for a speaker's device: a thread of their own that asks for periods, and notes how late it came to it.

`python -m benchmarks.device SECONDS` runs one that has the interpreter to itself, and so tells how late the machine
alone makes it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable

from clonespeaker.audio.stream import Fill

PERIOD_FRAMES = 441
PERIOD_S = 0.01

_DELAY_S = 0.02  # what PortAudio reports at periods of 10 ms
_AT_ONCE = 5  # periods that the fast device takes before the loop has its turn; a fifth of the ring
_SILENT_S = 0.001


Late = tuple[float, float]
"""A period: when it was due, in monotonic seconds, and how many milliseconds later it was filled."""


class FastDevice:
    """A `Stream` that takes sound as fast as it can be had: it lets the loop go first, but waits for no clock.

    Attributes:
        late: each period, where there is a clock to be late by; may be exchanged for another list at any time.
    """

    device, rate_hz, channels = "a stand-in", 44_100, 1

    def __init__(self, fill: Fill) -> None:
        self.late: list[Late] = []
        self._fill = fill
        self._running = False
        self._thread = threading.Thread()

    def start(self) -> None:
        """Begin to ask."""
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        if self._running:
            self._running = False
            self._thread.join()

    def close(self) -> None:
        """Likewise."""
        self.stop()

    def _run(self) -> None:
        silence = bytes(2 * PERIOD_FRAMES)
        while self._running:
            blocks = [self._fill(PERIOD_FRAMES, _DELAY_S, False) for _ in range(_AT_ONCE)]
            silent = blocks[-1] == silence
            time.sleep(_SILENT_S if silent else 0)  # 0 gives the interpreter to the loop, if that wants it


class ClockedDevice(FastDevice):
    """A `Stream` that asks every 10 ms by the clock, as PortAudio's thread does, and notes how late it was."""

    def _run(self) -> None:
        clock: Callable[[], float] = time.monotonic
        due = clock()
        while self._running:
            due += PERIOD_S
            time.sleep(max(0.0, due - clock()))  # by clock_nanosleep; then it has to wait for the interpreter
            self._fill(PERIOD_FRAMES, _DELAY_S, False)
            self.late.append((due, (clock() - due) * 1_000))


def main() -> None:
    """Print each period."""
    silence = bytes(2 * PERIOD_FRAMES)
    device = ClockedDevice(lambda frames, delay_s, underflowed: silence)
    device.start()
    time.sleep(float(sys.argv[1]))
    device.stop()
    sys.stdout.write(json.dumps(device.late))


if __name__ == "__main__":
    main()
