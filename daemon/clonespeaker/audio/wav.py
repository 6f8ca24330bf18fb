"""RIFF/WAVE, read and written.

Written: the 44-byte header of mono pcm_s16le. Where the length is not known yet (a live upload), the header
declares the longest recording allowed and less follows: of the forms for an unknown length this is the one that
every common decoder reads exactly (sizes of 0 are refused by most; 0xFFFFFFFF makes some allocate 4 GB).

Read: integer PCM of 8, 16, 24 and 32 bits and floats of 32 and 64 bits, any rate and channel count, with
WAVE_FORMAT_EXTENSIBLE, chunks in any order before `data`, and sizes that lie (0, too large: to the end).
Source: Microsoft/IBM "Multimedia Programming Interface and Data Specifications 1.0", RFC 2361.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from clonespeaker.audio.pcm import Samples, to_int16
from clonespeaker.errors import MediaError

HEADER_BYTES = 44
_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_MOST_HEADER_BYTES = 65_536  # of chunks before `data`; a real header has a few hundred
_BLOCK_FRAMES = 16_384
_MOST_CHUNKS = 64  # before it; a real header has a dozen at most. One that comes byte by byte is read as often


@dataclass(frozen=True, slots=True)
class WavFormat:
    """How samples lie in a `data` chunk.

    Attributes:
        rate_hz: frames a second.
        channels: samples a frame, interleaved.
        sample_bits: 8 (unsigned), 16, 24 or 32 (signed), or 32 or 64 where `is_float`.
        is_float: IEEE floats between -1 and 1.
    """

    rate_hz: int
    channels: int
    sample_bits: int
    is_float: bool = False

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.channels * self.sample_bits // 8


S16_MONO = WavFormat(44_100, 1, 16)
"""What the clone takes, and what it is assumed to answer in until it says otherwise."""


def write_header(data_bytes: int, *, rate_hz: int = 44_100) -> bytes:
    """The 44 bytes that go before `data_bytes` bytes of mono pcm_s16le."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + data_bytes, b"WAVE",
        b"fmt ", 16, _PCM, 1, rate_hz, rate_hz * 2, 2, 16,
        b"data", data_bytes,
    )  # fmt: skip


def parse_header(head: bytes | memoryview) -> tuple[WavFormat, int, int] | None:
    """Read a WAV's header from the first bytes of it.

    Returns:
        The format, the offset of the first sample, and the bytes of samples that the header declares (0 and
        0xFFFFFFFF are unknown lengths); or None while the header is not complete yet.

    Raises:
        MediaError: it is no WAV, or one of a kind that is not read here.
    """
    head = bytes(head[:_MOST_HEADER_BYTES])
    if not (head[:4] == b"RIFF"[: len(head)] and head[8:12] == b"WAVE"[: max(0, len(head) - 8)]):
        raise MediaError("this is not a WAV file (it does not begin with RIFF … WAVE)")
    found: WavFormat | None = None
    at = 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(head):
            break
        name, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        at += 8
        if name == b"data":
            if found is None:
                raise MediaError("this WAV has samples but no format (no `fmt ` chunk before `data`)")
            return found, at, size
        if name == b"fmt ":
            if size < 16:
                raise MediaError(f"this WAV's format is cut short ({size} of 16 bytes)")
            if at + min(size, 40) > len(head):
                break
            found = _parse_format(head[at : at + size])
        at += size + (size & 1)
    else:
        raise MediaError(f"this WAV has no `data` chunk among its first {_MOST_CHUNKS}")
    if len(head) == _MOST_HEADER_BYTES:
        raise MediaError(f"this WAV has no `data` chunk in its first {_MOST_HEADER_BYTES} bytes")
    return None


def _parse_format(chunk: bytes) -> WavFormat:
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE and len(chunk) >= 26:
        tag = int.from_bytes(chunk[24:26], "little")  # the sub-format's GUID begins with the plain tag
    readable = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
    if tag not in readable:
        raise MediaError(f"this WAV is compressed (format 0x{tag:04X}); convert it to PCM first")
    if bits not in readable[tag]:
        raise MediaError(f"this WAV has {bits}-bit samples; 8, 16, 24 and 32 bits are read")
    if not 1 <= channels <= 64 or not 1_000 <= rate_hz <= 768_000:
        raise MediaError(f"this WAV claims {channels} channels at {rate_hz} Hz, which can't be")
    return WavFormat(rate_hz, channels, bits, tag == _FLOAT)


def to_mono(data: bytes | memoryview, form: WavFormat) -> Samples:
    """Samples of any readable format → mono int16, shape (frames,). An incomplete last frame is left out.

    int16 mono passes bit-exact; channels are averaged; wider samples are rounded, floats clipped.
    """
    data = memoryview(data)[: len(data) // form.frame_bytes * form.frame_bytes]
    if (form.channels, form.sample_bits) == (1, 16):
        return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
    # In blocks: on the way, a sample takes eight bytes several times over.
    block_bytes = _BLOCK_FRAMES * form.frame_bytes
    blocks = (data[at : at + block_bytes] for at in range(0, len(data), block_bytes))
    return np.concatenate([np.zeros(0, np.int16), *(_mixed_down(block, form) for block in blocks)])


def _mixed_down(data: memoryview, form: WavFormat) -> Samples:
    if form.is_float:
        floats = np.nan_to_num(np.frombuffer(data, f"<f{form.sample_bits // 8}"))
        wide = np.clip(floats, -1.0, 1.0).astype(np.float64) * 32_768.0
    elif form.sample_bits == 8:
        wide = (np.frombuffer(data, np.uint8).astype(np.float64) - 128.0) * 256.0
    elif form.sample_bits == 16:
        wide = np.frombuffer(data, "<i2").astype(np.float64)
    elif form.sample_bits == 24:
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = padded.view("<i4")[:, 0] / 65_536.0
    else:
        wide = np.frombuffer(data, "<i4") / 65_536.0
    return to_int16(wide.reshape(-1, form.channels).mean(axis=1))


def read(data: bytes) -> tuple[Samples, int]:
    """A whole WAV file → mono int16 samples and their rate in Hz.

    Raises:
        MediaError: not a WAV, one that is not read here, or one with no samples.
    """
    if not data:
        raise MediaError("this WAV file is empty")
    header = parse_header(data)
    if header is None:
        raise MediaError("this WAV file is cut short: it ends before its samples begin")
    form, at, size = header
    end = len(data) if size in (0, 0xFFFFFFFF) else min(at + size, len(data))
    samples = to_mono(memoryview(data)[at:end], form)
    if not samples.size:
        raise MediaError("this WAV file has a header but no samples")
    return samples, form.rate_hz
