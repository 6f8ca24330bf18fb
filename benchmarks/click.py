"""What the device itself takes: a bare PyAudio callback stream that plays a click at each line.

    python -m benchmarks.click PERIOD_FRAMES

It tells when the callback was asked for the period that begins with the click, in seconds of `time.monotonic`. From
there to the ear is PortAudio's, ALSA's and the sound server's, and nobody who plays through them has less.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import pyaudio

from benchmarks.plain import RATE_HZ, tell

_CLICK_FRAMES = 100


def main(period_frames: int) -> None:
    """One click after the other, for as long as lines come."""
    wanted = False
    written: list[float] = []

    def fill(_: None, frames: int, _when: dict[str, float], _status: int) -> tuple[Any, int]:
        nonlocal wanted
        if not wanted:
            return bytes(2 * frames), pyaudio.paContinue
        wanted = False
        written.append(time.monotonic())
        return (b"\x00\x20" * _CLICK_FRAMES).ljust(2 * frames, b"\x00"), pyaudio.paContinue

    stream = pyaudio.PyAudio().open(
        rate=RATE_HZ,
        channels=1,
        format=pyaudio.paInt16,
        output=True,
        frames_per_buffer=period_frames,
        stream_callback=fill,
    )
    time.sleep(1)
    tell("ready")
    while sys.stdin.readline():
        wanted = True
        while not written:
            time.sleep(0.001)
        tell("written", written.pop())
    stream.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
