"""Files in place of sound devices, for machines without: paced in real time, called like the real ones."""

from __future__ import annotations

import contextlib
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from clonespeaker.audio.convert import OneRate
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.stream import Fill, OnBlock, Stream
from clonespeaker.errors import MediaError

RATE_HZ = 44_100


class FileSound:
    """A microphone that hears what it is given, and a speaker that writes down what it plays.

    Args:
        recording: a WAV to write what is played into; None: nobody listens.
    """

    def __init__(self, recording: Path | None = None) -> None:
        self._recording = recording
        self._unheard: Samples = np.zeros(0, np.int16)

    def hear(self, samples: Samples) -> None:
        """Let the microphone hear `samples`, mono at 44.1 kHz, from now on; silence before and after."""
        self._unheard = samples

    def open_microphone(self, wanted: str, *, period_ms: float, on_block: OnBlock) -> Stream:
        """As `SoundSystem` has it."""

        def period(frames: int) -> None:
            block = np.zeros(frames, np.int16)
            heard, self._unheard = self._unheard[:frames], self._unheard[frames:]
            block[: heard.size] = heard
            on_block(block.tobytes(), frames / RATE_HZ, False)

        return _PacedStream("a file", period_ms, period, contextlib.nullcontext())

    def open_speaker(self, wanted: str, *, period_ms: float, fill: Fill) -> Stream:
        """As `SoundSystem` has it.

        Raises:
            MediaError: the recording can't be written.
        """
        if self._recording is None:
            return _PacedStream(
                "nobody's ear", period_ms, lambda frames: fill(frames, 0.0, False), contextlib.nullcontext()
            )
        file = open_wav(self._recording)
        return _PacedStream(
            str(self._recording), period_ms, lambda frames: file.writeframesraw(fill(frames, 0.0, False)), file
        )

    def there(self) -> object:
        """Always the same."""
        return None

    def held(self) -> object:
        """Always the same."""
        return None

    def refresh(self) -> None:
        """There is nothing to look for."""

    def close(self) -> None:
        """There is nothing to give back."""


class WavRecorder:
    """Replies written to a WAV as fast as they come; for the exchange, it is a speaker.

    Args:
        path: the file; written over once a reply has sounded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def play(self) -> WavReply:
        """One reply."""
        return WavReply(self._path)


class WavReply:
    """One reply on its way into a file, mono at 44.1 kHz. Nobody hears it, so there are no times to tell."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")  # what was there stays until there is something better
        self._to_one_rate = OneRate(RATE_HZ)
        self._file: wave.Wave_write
        self.first_heard_at: float | None = None
        self.last_heard_at: float | None = None
        self.underruns = 0
        self.on_start: Callable[[], None] = lambda: None
        self.on_play: Callable[[Samples], None] = lambda samples: None

    @property
    def played_ms(self) -> float:
        """Milliseconds of sound written so far."""
        return self._file.getnframes() / RATE_HZ * 1_000

    async def __aenter__(self) -> WavReply:
        if self._path.is_dir():
            raise MediaError(f"{self._path} is a directory; name a file in it")
        self._file = open_wav(self._part)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._file.close()
        if self._file.getnframes():
            self._part.replace(self._path)
        else:
            self._part.unlink()

    async def put(self, samples: Samples, rate_hz: int) -> None:
        """Write this next."""
        self._file.writeframesraw(self._to_one_rate.convert(samples, rate_hz).tobytes())

    def complete(self) -> None:
        """No more will come."""
        self._file.writeframesraw(self._to_one_rate.finish().tobytes())

    async def drain(self) -> None:
        """All of it is written already."""


def open_wav(path: Path) -> wave.Wave_write:
    """A WAV to be written, mono s16le at 44.1 kHz. Raises MediaError."""
    try:
        path.open("wb").close()  # where that fails, `wave` leaves half an object behind, which ends in a traceback
        file = wave.open(str(path), "wb")
    except OSError as error:
        raise MediaError(f"{path} can't be written ({error.strerror})") from error
    file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
    return file


class _PacedStream:
    """A thread that calls once a period, by the clock; late calls are caught up with."""

    def __init__(
        self,
        device: str,
        period_ms: float,
        period: Callable[[int], object],
        file: contextlib.AbstractContextManager[object],
    ) -> None:
        self.device, self.rate_hz, self.channels = device, RATE_HZ, 1
        self._frames = round(RATE_HZ * period_ms / 1_000)
        self._period = period
        self._file = file
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name=self.device, daemon=True)
            self._thread.start()

    def is_active(self) -> bool:
        return self._thread is not None

    def stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join()

    def close(self) -> None:
        self.stop()
        with self._file:
            pass

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            self._period(self._frames)
            due += self._frames / RATE_HZ
