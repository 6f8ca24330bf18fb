"""Files in place of sound devices, for machines without: paced in real time, called like the real ones."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from clonespeaker.audio.convert import OneRate
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.stream import Fill, OnBlock, Stream
from clonespeaker.errors import ClonespeakerError, DeviceError, MediaError

RATE_HZ = 44_100


class FileSound:
    """A microphone that hears what it is given, and a speaker that writes down what it plays.

    Args:
        recording: a WAV to write what is played into, once the speaker is closed; None: nobody listens.
    """

    def __init__(self, recording: Path | None = None) -> None:
        self._path = recording
        self._recording: _Recording | None = None  # the newest
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

        return _PacedStream("a file", period_ms, period)

    def open_speaker(self, wanted: str, *, period_ms: float, fill: Fill) -> Stream:
        """As `SoundSystem` has it.

        Raises:
            MediaError: the recording can't be written.
        """
        if self._path is None:
            return _PacedStream("nobody's ear", period_ms, lambda frames: fill(frames, 0.0, False))
        self._recording = recording = _Recording(self._path)
        return _PacedStream(
            str(self._path), period_ms, lambda frames: recording.write(fill(frames, 0.0, False)), recording.keep
        )

    def check(self) -> None:
        """Whether all that was played was written down, once the speaker is closed.

        Raises:
            MediaError: it wasn't; what was in the file before still is.
        """
        if self._recording is not None and self._recording.problem:
            raise MediaError(self._recording.problem)

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
    """One reply on its way into a file, mono at 44.1 kHz. Nobody hears it, so there are no times to tell.

    Entered, it raises MediaError where nothing can be written there. What has come of a reply that broke off is kept;
    of one that was cancelled, or could not be written whole, nothing is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._to_one_rate = OneRate(RATE_HZ)
        self._recording: _Recording
        self.first_heard_at: float | None = None
        self.last_heard_at: float | None = None
        self.underruns = 0
        self.on_start: Callable[[], None] = lambda: None
        self.on_play: Callable[[Samples], None] = lambda samples: None

    @property
    def played_ms(self) -> float:
        """Milliseconds of sound written so far."""
        return self._recording.frames / RATE_HZ * 1_000

    async def __aenter__(self) -> WavReply:
        self._recording = _Recording(self._path)
        return self

    async def __aexit__(self, *raised: object) -> None:
        error = raised[1]
        if error is None or isinstance(error, ClonespeakerError):
            self._recording.keep()
        else:
            self._recording.drop()
        if error is None:
            self._raise_if_failed()

    async def put(self, samples: Samples, rate_hz: int) -> None:
        """Write this next. Raises DeviceError: it is as if a speaker had gone."""
        self._recording.write(self._to_one_rate.convert(samples, rate_hz).tobytes())
        self._raise_if_failed()

    def complete(self) -> None:
        """No more will come."""
        self._recording.write(self._to_one_rate.finish().tobytes())
        self._recording.flush()

    async def drain(self) -> None:
        """All of it is written already. Raises DeviceError where it isn't."""
        self._raise_if_failed()

    def _raise_if_failed(self) -> None:
        if self._recording.problem:
            raise DeviceError("speaker", self._recording.problem)


class _Recording:
    """A WAV being written, mono s16le at 44.1 kHz, beside its place.

    What was there stays until there is something better. What goes wrong while it is written is noted, for a thread may
    write; what comes after that goes nowhere.

    Attributes:
        problem: what went wrong, in words, or "".

    Raises:
        MediaError: the path names something else than a file, or nothing can be written there.
    """

    def __init__(self, path: Path) -> None:
        self.problem = ""
        self._name = path
        try:
            if path.is_dir():
                raise MediaError(f"{path} is a directory; name a file in it")
            if path.exists() and not stat.S_ISREG(path.stat().st_mode):  # root could replace even /dev/null
                raise MediaError(f"{path} is no file but a device or the like; name a file to be written")
            self._path = Path(os.path.realpath(path))  # where it is a link, what it points to is replaced
            self._part = self._path.with_name(self._path.name + ".part")
            self._part.unlink(missing_ok=True)  # of one that was killed
            self._file = self._part.open("xb")
        except OSError as error:
            raise MediaError(self._words(error)) from error
        self._wave = wave.open(self._file, "wb")
        self._wave.setparams((1, 2, RATE_HZ, 0, "NONE", ""))

    @property
    def frames(self) -> int:
        """Written so far."""
        return self._wave.getnframes()

    def write(self, frames: bytes) -> None:
        """Write this next."""
        with self._noting():
            if not self.problem:
                self._wave.writeframesraw(frames)

    def flush(self) -> None:
        """Hand over all of it, so that it shows whether there is room for it."""
        with self._noting():
            self._file.flush()

    def keep(self) -> None:
        """Close it, and put it in its place: where there is sound in it, and all of it was written."""
        self._close()
        if self.problem or not self.frames:
            self._remove()
        else:
            with self._noting():
                self._part.replace(self._path)

    def drop(self) -> None:
        """Close it, and let what was there be."""
        self._close()
        self._remove()

    def _close(self) -> None:
        with self._noting():
            self._wave.close()
        with self._noting():
            self._file.close()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._part.unlink()

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.problem = self.problem or self._words(error)

    def _words(self, error: OSError) -> str:
        return f"{self._name} can't be written ({error.strerror})"


class _PacedStream:
    """A thread that calls once a period, by the clock; late calls are caught up with."""

    def __init__(
        self,
        device: str,
        period_ms: float,
        period: Callable[[int], object],
        on_close: Callable[[], object] = lambda: None,
    ) -> None:
        self.device, self.rate_hz, self.channels = device, RATE_HZ, 1
        self._frames = round(RATE_HZ * period_ms / 1_000)
        self._period = period
        self._on_close = on_close
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
        self._on_close()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            self._period(self._frames)
            due += self._frames / RATE_HZ
