"""The cleaner: takes noise from recordings, and brings voices to one level, with WebRTC's audio processing.

It works at the recording's own 44.1 kHz and full bandwidth, in frames of 10 ms. What comes out is aligned with what
went in, and as long, to the sample: a recording is held back by some milliseconds while it goes on, and what is held
back is pushed out at its end. One cleaner serves all recordings of a microphone, one after the other, for it learns
the room's noise and the voice's level as it goes: the first words after the start have the least of it.
"""

from __future__ import annotations

import threading
from typing import Protocol

import numpy as np

from clonespeaker.audio.pcm import Samples
from clonespeaker.errors import ConfigError

RATE_HZ = 44_100
FRAME = RATE_HZ // 100

SUPPRESSION_LEVEL = 1
"""Of 0–3. At this rate they differ little: all are gentle, and speech without noise suffers less from the lower ones
(`docs/voice.md`)."""

MOST_GAIN_DB = 30.0

_DELAY_FRAMES = {"noise_suppression": 338, "auto_gain": 74}
"""How much later sound comes out, in samples; the greater one holds. A test measures it."""


class Processor(Protocol):
    """`pywebrtc_audio.AudioProcessor`, as far as it is used here."""

    def process(self, near: Samples) -> Samples:
        """Whole frames of 10 ms, processed."""


class Cleaner:
    """One microphone's.

    Args:
        processor: what does it, at 44.1 kHz.
        delay: samples by which sound comes out of it later.
    """

    def __init__(self, processor: Processor, delay: int) -> None:
        self._processor = processor
        self._delay = delay
        self._newest: Cleaning | None = None
        self._processing = threading.Lock()  # a turn's thread may still be at it when the next turn begins

    def begin(self) -> Cleaning:
        """A recording begins; the one before it gets no more."""
        self._newest = cleaning = Cleaning(self, self._delay)
        return cleaning

    def process(self, cleaning: Cleaning, frames: Samples) -> Samples:
        """Whole frames of the recording that goes on; nothing for one that does not."""
        with self._processing:
            if cleaning is not self._newest or not frames.size:
                return frames[:0]
            return self._processor.process(frames)


class Cleaning:
    """One recording, cleaned while it grows. `Cleaner.begin` makes it.

    Its methods take a tenth of a millisecond for 10 ms of sound on a PC, several times that on a Pi, and let other
    threads run meanwhile: call them outside the loop.
    """

    def __init__(self, cleaner: Cleaner, delay: int) -> None:
        self._cleaner = cleaner
        self._rest = np.zeros(0, np.int16)  # of a frame that is not full yet
        self._delay = delay
        self._of_before = delay  # samples to come out first that belong to the recording before
        self._owed = 0  # samples that went in and have not come out

    def add(self, samples: Samples) -> Samples:
        """The recording goes on with `samples`; what can be given out."""
        self._owed += samples.size
        samples = np.concatenate((self._rest, samples))
        whole = samples.size // FRAME * FRAME
        self._rest = samples[whole:]
        out = self._cleaner.process(self, samples[:whole])
        dropped = min(self._of_before, out.size)
        self._of_before -= dropped
        self._owed -= out.size - dropped
        return out[dropped:]

    @property
    def held_back(self) -> int:
        """Samples that went in and have not come out."""
        return self._owed

    def finish(self) -> Samples:
        """All that remains."""
        owed = self._owed
        filled_up = self._rest.size + self._delay
        pushed_out = self.add(np.zeros(self._delay + -filled_up % FRAME, np.int16))
        return pushed_out[:owed]


def open_cleaner(*, noise_suppression: bool, auto_gain: bool) -> Cleaner:
    """A cleaner that does one of both, or both.

    Raises:
        ConfigError: what does it is not installed.
    """
    wanted = {"noise_suppression": noise_suppression, "auto_gain": auto_gain}
    names = [name for name, is_on in wanted.items() if is_on]
    try:
        from pywebrtc_audio import AudioProcessor
    except ImportError as error:
        settings = " and ".join(f"microphone.{name}" for name in names)
        raise ConfigError(
            [
                f"{settings}: this needs the Python package pywebrtc-audio, which can't be loaded ({error}); "
                "install it (pip install 'clonespeaker[voice]'), or set false"
            ]
        ) from error
    processor = AudioProcessor(
        sample_rate=RATE_HZ,
        noise_suppression=noise_suppression,
        ns_level=SUPPRESSION_LEVEL,
        auto_gain_control=auto_gain,
        agc_max_gain_db=MOST_GAIN_DB,
    )
    return Cleaner(processor, max(_DELAY_FRAMES[name] for name in names))
