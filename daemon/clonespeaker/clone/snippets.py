"""What a reply's snippets hold, decoded to samples.

The API does not say what `audio_chunk` holds, so it is told from the first bytes:

- `RIFF…WAVE`: a WAV. Its header gives rate, channels and sample format, and holds for the snippets after it until
  another header comes; so a header on the first snippet alone and one on each are the same thing.
- MP3 (`ID3`, or a frame header that makes sense and is followed by another), where the reply *begins* with it.
  Only there: a raw sample may look like the start of an MP3 frame at any time.
- anything else: raw mono pcm_s16le at the rate that the settings name.

Snippets are cut anywhere: what is left of a frame waits for the next one. One of more than 48 KiB comes in pieces.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import re
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from clonespeaker.audio import wav
from clonespeaker.audio.pcm import Samples
from clonespeaker.errors import MediaError

Sound = tuple[Samples, int]
"""Mono int16 samples and their rate in Hz."""


_CHUNK_HEAD = re.compile(rb"\0?[A-Za-z][A-Za-z0-9_ ]{3}...\0", re.DOTALL)
"""Of a RIFF chunk: its name, and a length of less than 16 MB; before it, what makes an odd length even."""
_CHUNK_HEAD_BYTES = 9


class _Encoding(Protocol):
    def decode(self, data: bytes) -> Iterator[Sound]: ...


class SnippetDecoder:
    """The snippets of one reply, in order, to samples.

    Args:
        raw_rate_hz: the rate of snippets that don't say.
    """

    def __init__(self, raw_rate_hz: int) -> None:
        self._raw_rate_hz = raw_rate_hz
        self._encoding: _Encoding | None = None
        self._head = b""  # the reply's first bytes, as long as they are too few to tell

    @property
    def is_mp3(self) -> bool:
        """Whether this reply is."""
        return isinstance(self._encoding, _Mp3)

    def decode(self, snippet: bytes, *, goes_on: bool = False) -> Iterator[Sound]:
        """The samples that `snippet` completes.

        Args:
            snippet: a whole one, or a piece of it;
            goes_on: that is not the first.

        Raises:
            MediaError: a WAV that can't be read, or MP3 without a decoder installed.
        """
        if self._encoding is None:
            snippet, self._head = self._head + snippet, b""
            if _is_too_short_to_tell(snippet):
                self._head = snippet
                return iter(())
            goes_on = False  # of the reply, this is the beginning
        if isinstance(self._encoding, _Wav):
            if not goes_on:
                self._encoding.end_snippet()
            elif self._encoding.is_none:
                return iter(())  # the rest of what can't be read is no sound either
        if snippet[:4] == b"RIFF" and snippet[8:12] == b"WAVE" and not goes_on:
            self._encoding = _Wav()
        elif self._encoding is None or (isinstance(self._encoding, _Wav) and self._encoding.is_none):
            self._encoding = _Mp3() if looks_like_mp3(snippet) else _Pcm(wav.WavFormat(self._raw_rate_hz, 1, 16))
        return self._encoding.decode(snippet)


def load_mp3_decoder() -> None:
    """Have it at hand, so that nothing has to be imported when a reply begins. Blocks, the first time."""
    with contextlib.suppress(ImportError):  # told when a reply does need it
        importlib.import_module("av")


def _is_too_short_to_tell(head: bytes) -> bool:
    return (len(head) < 12 and b"RIFF".startswith(head[:4])) or (
        len(head) < 4 and (b"ID3".startswith(head[:3]) or head[:1] == b"\xff")
    )


class _Pcm:
    """Frames of one format without end."""

    def __init__(self, form: wav.WavFormat) -> None:
        self._form = form
        self._rest = b""

    def decode(self, data: bytes) -> Iterator[Sound]:
        data = self._rest + data
        whole = len(data) - len(data) % self._form.frame_bytes
        self._rest = data[whole:]
        if whole:
            yield wav.to_mono(data[:whole], self._form), self._form.rate_hz


class _Wav:
    """A header, and the frames of its format without end.

    Where the snippet with the header holds more than the samples it declares, and that begins as a chunk does, the
    rest of it is other chunks (a title, say), not sound. What follows in later snippets is sound again, whatever the
    header declared: it may have been written before the length was known.
    """

    def __init__(self) -> None:
        self._head = b""
        self._pcm: _Pcm | None = None
        self._left_bytes: int | None = None  # of the samples declared, in this snippet; None: there is no end
        self._after = b""  # what follows them, as long as it is too little to tell
        self._is_passing_over = False
        self.is_none = False
        """It began like a WAV, and is none."""

    def end_snippet(self) -> None:
        """What comes now is of another."""
        self._left_bytes, self._after, self._is_passing_over = None, b"", False

    def decode(self, data: bytes) -> Iterator[Sound]:
        if self._pcm is None:
            self._head += data
            try:
                header = wav.parse_header(self._head)
            except MediaError:
                self.is_none = True
                raise
            if header is None:
                return
            form, at, declared = header
            self._pcm, self._left_bytes = _Pcm(form), declared or None
            data, self._head = self._head[at:], b""
        yield from self._pcm.decode(self._sound_of(data))

    def _sound_of(self, data: bytes) -> bytes:
        """What of the next bytes is samples."""
        if self._is_passing_over:
            return b""
        if self._left_bytes is None:
            return data
        sound, after = data[: self._left_bytes], data[self._left_bytes :]
        self._left_bytes -= len(sound)
        self._after += after
        if len(self._after) < _CHUNK_HEAD_BYTES:
            return sound
        if _CHUNK_HEAD.match(self._after):
            self._is_passing_over = True
            return sound
        self._left_bytes = None  # the length was wrong
        return sound + self._after


class _Mp3:
    """MPEG-1/2 layer III, through FFmpeg's parser and decoder."""

    def __init__(self) -> None:
        try:
            import av
        except ImportError as error:
            raise MediaError(
                "the clone answers in MP3, and the decoder for it is not installed: pip install 'clonespeaker[codecs]'",
                fault="no-codec",
            ) from error
        self._codec: Any = av.CodecContext.create("mp3", "r")
        self._open_mix_down: Any = av.AudioResampler
        self._mix_down: Any = None
        self._form: object = None  # what the mix-down takes
        self._errors = av.FFmpegError

    def decode(self, data: bytes) -> Iterator[Sound]:
        # What came together goes on together: who plays it tells from that how the clone sends.
        for rate_hz, frames in itertools.groupby(self._frames(data), key=lambda sound: sound[1]):
            yield np.concatenate([samples for samples, _ in frames]), rate_hz

    def _frames(self, data: bytes) -> Iterator[Sound]:
        for packet in self._codec.parse(data) if data else ():  # to FFmpeg, nothing would mean the end
            try:
                frames = self._codec.decode(packet)
            except self._errors:
                continue  # a damaged frame is 26 ms; the next one is whole again
            for frame in frames:
                form = frame.format.name, frame.layout.name, frame.sample_rate
                if form != self._form:  # one mix-down takes one form, and a reply may be made of several files
                    self._form, self._mix_down = form, self._open_mix_down(format="s16", layout="mono")
                for mono in self._mix_down.resample(frame):
                    yield mono.to_ndarray().reshape(-1).astype(np.int16, copy=False), mono.sample_rate


def looks_like_mp3(head: bytes) -> bool:
    """Whether a reply that begins so is MP3: an ID3 tag, or a frame header with another where the first ends."""
    if head[:3] == b"ID3":
        return True
    length = _mp3_frame_bytes(head)
    return bool(length) and (len(head) < length + 4 or bool(_mp3_frame_bytes(head[length : length + 4])))


_KBITS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),  # MPEG-1
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),  # MPEG-2
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),  # MPEG-2.5
}
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def _mp3_frame_bytes(header: bytes) -> int:
    """Length of the layer III frame that begins with these 4 bytes, or 0 where none does (ISO 11172-3, 2.4.1.3)."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate_index, kbits_index = header[2] >> 2 & 3, header[2] >> 4
    if version not in _KBITS or layer != 1 or rate_index == 3:
        return 0
    kbits, rate_hz = _KBITS[version][kbits_index], _RATES_HZ[version][rate_index]
    padding = header[2] >> 1 & 1
    return (144 if version == 3 else 72) * kbits * 1_000 // rate_hz + padding if kbits else 0
