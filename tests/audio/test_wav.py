from __future__ import annotations

import io
import struct
import tracemalloc
import wave
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clonespeaker.audio import wav
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.wav import WavFormat, parse_header, read, to_mono, write_header
from clonespeaker.errors import MediaError

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SAMPLES = np.array([0, 1, -1, 1_000, 32_767, -32_768], np.int16)


def chunk(name: bytes, body: bytes, *, size: int | None = None) -> bytes:
    """A chunk, padded to an even length; `size` where the header lies about it."""
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def fmt(tag: int = PCM, channels: int = 1, rate_hz: int = 44_100, bits: int = 16, *, extra: bytes = b"") -> bytes:
    frame = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame % 2**32, frame, bits) + extra)


def extensible(tag: int, channels: int, bits: int) -> bytes:
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    return fmt(EXTENSIBLE, channels, bits=bits, extra=struct.pack("<HHI", 22, bits, 0) + guid)


def riff(*chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WAVE" + b"".join(chunks)


def data(samples: Samples = SAMPLES, *, size: int | None = None) -> bytes:
    return chunk(b"data", samples.astype("<i2").tobytes(), size=size)


PLAIN = riff(fmt(), data())


@given(st.binary(max_size=200).map(lambda some: some[: len(some) // 2 * 2]), st.sampled_from([8_000, 44_100, 48_000]))
def test_what_is_written_is_read_by_others_and_by_itself(pcm: bytes, rate_hz: int) -> None:
    head = write_header(len(pcm), rate_hz=rate_hz)
    assert head + pcm == riff(fmt(rate_hz=rate_hz), chunk(b"data", pcm))
    assert len(head) == wav.HEADER_BYTES
    with wave.open(io.BytesIO(head + pcm)) as file:
        assert file.getparams()[:4] == (1, 2, rate_hz, len(pcm) // 2)
        assert file.readframes(len(pcm)) == pcm
    assert parse_header(head + pcm) == (WavFormat(rate_hz, 1, 16), 44, len(pcm))
    if pcm:
        samples, rate_there = read(head + pcm)
        assert (samples.tobytes(), rate_there) == (pcm, rate_hz)


def test_the_clone_takes_44_100_hz_mono_16_bits() -> None:
    assert parse_header(write_header(0)) == (wav.S16_MONO, 44, 0) == (WavFormat(44_100, 1, 16), 44, 0)


def test_less_than_declared_is_read_exactly() -> None:
    pcm = SAMPLES.tobytes()
    live = write_header(60 * 88_200) + pcm
    with wave.open(io.BytesIO(live)) as file:
        assert file.readframes(file.getnframes()) == pcm
    assert read(live)[0].tobytes() == pcm


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0xFFFFFFFE, SAMPLES.nbytes + 1, 1_000_000])
def test_sizes_that_lie_mean_to_the_end(size: int) -> None:
    assert read(riff(fmt(), data(size=size)))[0].tolist() == SAMPLES.tolist()


def test_a_right_size_ends_the_samples() -> None:
    samples, _ = read(riff(fmt(), data(), chunk(b"LIST", b"INFOISFTwhatever")))
    assert samples.tolist() == SAMPLES.tolist()


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([chunk(b"LIST", b"INFO"), fmt(), data()], id="LIST first"),
        pytest.param([fmt(), chunk(b"LIST", b"INFO" * 50), data()], id="LIST before data"),
        pytest.param([fmt(), chunk(b"odd ", b"12345"), chunk(b"odd ", b"1"), data()], id="odd sizes"),
        pytest.param([fmt(), chunk(b"fact", struct.pack("<I", 6)), data()], id="fact"),
        pytest.param([fmt(extra=b"\0\0"), data()], id="an 18-byte format"),
        pytest.param([extensible(PCM, 1, 16), data()], id="extensible"),
        pytest.param([fmt(bits=8), fmt(), data()], id="two formats: the last counts"),
        pytest.param([fmt(), chunk(b"none", b""), data()], id="an empty chunk"),
        pytest.param([fmt(), *[chunk(b"junk", b"")] * 60, data()], id="many before data"),
        pytest.param([chunk(b"junk", b"\0" * 60_000), fmt(), data()], id="much before data"),
    ],
)
def test_chunks(chunks: list[bytes]) -> None:
    samples, rate_hz = read(riff(*chunks))
    assert (samples.tolist(), rate_hz) == (SAMPLES.tolist(), 44_100)


FORMATS: dict[str, tuple[int, int, Callable[[Samples], bytes], int]] = {
    "8 bits": (PCM, 8, lambda x: ((x >> 8) + 128).astype(np.uint8).tobytes(), 255),
    "16 bits": (PCM, 16, lambda x: x.astype("<i2").tobytes(), 0),
    "24 bits": (PCM, 24, lambda x: (x.astype("<i4") << 16).view(np.uint8).reshape(-1, 4)[:, 1:].tobytes(), 0),
    "32 bits": (PCM, 32, lambda x: (x.astype("<i4") << 16).tobytes(), 0),
    "float32": (FLOAT, 32, lambda x: (x / 32_768).astype("<f4").tobytes(), 0),
    "float64": (FLOAT, 64, lambda x: (x / 32_768).astype("<f8").tobytes(), 0),
}
"""Name → tag, bits, int16 → that, and how much of a sample is lost on the way."""


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("head", ["plain", "extensible"])
@pytest.mark.parametrize("name", FORMATS)
def test_formats(name: str, head: str, channels: int) -> None:
    tag, bits, encode, loss = FORMATS[name]
    frames = np.repeat(SAMPLES, channels)
    form = extensible(tag, channels, bits) if head == "extensible" else fmt(tag, channels, bits=bits)
    samples, _ = read(riff(form, chunk(b"data", encode(frames))))
    assert samples.shape == SAMPLES.shape
    assert np.all(np.abs(samples.astype(int) - SAMPLES) <= loss)


@pytest.mark.parametrize("rate_hz", [1_000, 768_000])
def test_the_widest_formats(rate_hz: int) -> None:
    assert read(riff(fmt(channels=64, rate_hz=rate_hz), data(np.repeat(SAMPLES, 64))))[0].tolist() == SAMPLES.tolist()


@pytest.mark.parametrize(
    ("form", "raw", "mono"),
    [
        (WavFormat(8_000, 2, 16), struct.pack("<4h", 100, 300, -32_768, -32_768), [200, -32_768]),
        (WavFormat(8_000, 2, 16), struct.pack("<2h", 32_767, -32_767), [0]),
        (WavFormat(8_000, 1, 8), bytes([0, 128, 255]), [-32_768, 0, 32_512]),
        (WavFormat(8_000, 1, 24), b"\xff\x7f\0\x00\x80\0\x01\x80\0", [128, 128, 128]),
        (WavFormat(8_000, 1, 32), struct.pack("<2i", 2**31 - 1, -(2**31)), [32_767, -32_768]),
        (WavFormat(8_000, 1, 32, True), struct.pack("<4f", 1.0, 2.0, -9e30, 0.5), [32_767, 32_767, -32_768, 16_384]),
        (WavFormat(8_000, 1, 64, True), struct.pack("<3d", np.nan, np.inf, -1e308), [0, 32_767, -32_768]),
        (WavFormat(8_000, 2, 64, True), struct.pack("<4d", np.inf, -np.inf, 1e308, 1e308), [0, 32_767]),
        (WavFormat(8_000, 1, 32, True), bytes.fromhex("0100a07f 0000c0ff"), [0, 0]),
    ],
    ids=[
        "stereo is averaged", "opposite rails", "8 bits", "24 bits are rounded", "32-bit rails", "floats are clipped",
        "no number, infinite, huge", "infinities that cancel out, sums that overflow", "signalling and quiet NaN",
    ],
)  # fmt: skip
def test_to_mono(form: WavFormat, raw: bytes, mono: list[int]) -> None:
    assert to_mono(raw, form).tolist() == mono
    assert to_mono(memoryview(raw + b"\x55")[: len(raw) + 1], form).tolist()[: len(mono)] == mono


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "16 bits"])
def test_a_long_file_takes_little_more_than_its_samples(name: str) -> None:
    tag, bits, encode, loss = FORMATS[name]
    samples = np.tile(SAMPLES, 200_000)
    body = encode(samples)
    tracemalloc.start()
    try:
        mono = to_mono(body, WavFormat(44_100, 1, bits, tag == FLOAT))
        assert tracemalloc.get_traced_memory()[1] < 2 * samples.nbytes + 2_000_000
    finally:
        tracemalloc.stop()
    assert np.abs(mono.astype(int) - samples).max() <= loss


@pytest.mark.parametrize(
    ("file", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"OggS" + bytes(60), "not a WAV file", id="Ogg"),
        pytest.param(b"RIFF\0\0\0\0AVI " + bytes(60), "not a WAV file", id="AVI"),
        pytest.param(b"RIFX" + PLAIN[4:], "not a WAV file", id="big-endian"),
        pytest.param(riff(fmt(0x0002, bits=4), data()), r"compressed \(format 0x0002\); convert it", id="ADPCM"),
        pytest.param(riff(fmt(0x0007, bits=8), data()), r"compressed \(format 0x0007\)", id="µ-law"),
        pytest.param(riff(fmt(0x0055), data()), r"compressed \(format 0x0055\)", id="MP3 in a WAV"),
        pytest.param(riff(extensible(0x0161, 1, 16), data()), r"compressed \(format 0x0161\)", id="extensible WMA"),
        pytest.param(riff(fmt(EXTENSIBLE), data()), "0xFFFE", id="extensible without its sub-format"),
        pytest.param(riff(fmt(bits=12), data()), "12-bit samples", id="12 bits"),
        pytest.param(riff(fmt(bits=0), data()), "0-bit samples", id="0 bits"),
        pytest.param(riff(fmt(bits=64), data()), "64-bit samples", id="64-bit integers"),
        pytest.param(riff(fmt(FLOAT, bits=16), data()), "16-bit samples", id="half floats"),
        pytest.param(riff(fmt(channels=0), data()), "0 channels", id="no channels"),
        pytest.param(riff(fmt(channels=65), data()), "65 channels", id="too many channels"),
        pytest.param(riff(fmt(rate_hz=999), data()), "at 999 Hz", id="too low a rate"),
        pytest.param(riff(fmt(rate_hz=768_001), data()), "at 768001 Hz", id="too high a rate"),
        pytest.param(riff(fmt(rate_hz=4_000_000_000), data()), "4000000000 Hz", id="a mad rate"),
        pytest.param(riff(data()), "no format", id="no format"),
        pytest.param(riff(chunk(b"fmt ", b"\1\0\1\0"), data()), "cut short", id="a short format"),
        pytest.param(riff(fmt(), data(SAMPLES[:0])), "no samples", id="no samples"),
        pytest.param(riff(fmt(), chunk(b"data", b"\1")), "no samples", id="half a sample"),
        pytest.param(riff(fmt(), chunk(b"junk", bytes(70_000)), data()), "no `data` chunk", id="no data in sight"),
        pytest.param(riff(fmt(), *[chunk(b"junk", b"")] * 64, data()), "no `data` chunk among", id="no end of chunks"),
        pytest.param(riff(fmt(), chunk(b"LIST", b"")), "ends before its samples begin", id="no data"),
    ],
)
def test_what_is_refused(file: bytes, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        read(file)


@pytest.mark.parametrize("end", range(len(PLAIN)))
def test_cut_short_anywhere(end: int) -> None:
    cut = PLAIN[:end]
    if end < 44:
        assert parse_header(cut) is None
    if end >= 46:
        assert read(cut)[0].tobytes() == PLAIN[44 : end // 2 * 2]
    else:
        with pytest.raises(MediaError, match=r"empty|cut short|no samples"):
            read(cut)


heads = st.sampled_from([b"", b"RIFF", PLAIN[:12], PLAIN[:20], PLAIN[:36], PLAIN[:40], PLAIN[:44]])
forms = st.sampled_from([fmt(tag, channels, bits=bits) for tag, bits, *_ in FORMATS.values() for channels in (1, 2, 3)])


@given(st.builds(bytes.__add__, heads, st.binary()))
@example(riff(fmt(), b"data\xff\xff\xff\xff"))
def test_any_bytes_are_samples_or_a_media_error(file: bytes) -> None:
    try:
        samples, rate_hz = read(file)
    except MediaError:
        return
    assert (samples.dtype.name, samples.ndim) == ("int16", 1)
    assert 1_000 <= rate_hz <= 768_000


@given(forms, st.binary())
def test_any_bytes_are_samples_in_any_format(form: bytes, body: bytes) -> None:
    header = parse_header(riff(form, chunk(b"data", b"")))
    assert header is not None
    samples = to_mono(body, header[0])
    assert (samples.dtype.name, samples.shape) == ("int16", (len(body) // header[0].frame_bytes,))
