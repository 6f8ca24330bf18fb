from __future__ import annotations

import functools
import io
import itertools
import sys
from collections.abc import Iterable

import av
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clonespeaker.audio import wav
from clonespeaker.audio.pcm import Samples
from clonespeaker.clone.snippets import SnippetDecoder, Sound, load_mp3_decoder, looks_like_mp3
from clonespeaker.errors import MediaError

RAW_HZ = 44_100
SOUND = np.random.default_rng(3).integers(-20_000, 20_000, 300).astype(np.int16)
PCM = SOUND.tobytes()
MP3_RATES_HZ = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]


def decode(snippets: Iterable[bytes]) -> list[Sound]:
    decoder = SnippetDecoder(RAW_HZ)
    return [sound for snippet in snippets for sound in decoder.decode(snippet)]


def join(sounds: list[Sound]) -> tuple[list[int], set[int]]:
    """All samples, and the rates they came at."""
    return [int(sample) for samples, _ in sounds for sample in samples], {rate_hz for _, rate_hz in sounds}


def cut(data: bytes, *at: int) -> list[bytes]:
    return [data[start:end] for start, end in itertools.pairwise([0, *at, len(data)])]


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def tone(rate_hz: int, seconds: float) -> Samples:
    wave: Samples = np.rint(8_000 * np.sin(2 * np.pi * 440 * np.arange(round(rate_hz * seconds)) / rate_hz)).astype(
        np.int16
    )
    return wave


def encode_mp3(rate_hz: int, *, layout: str = "mono", seconds: float = 0.3, kbits: int = 64) -> list[bytes]:
    """A tone as MP3, frame by frame."""
    codec = av.CodecContext.create("libmp3lame", "w")
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = rate_hz, layout, "s16p", kbits * 1_000
    samples = np.tile(tone(rate_hz, seconds), (1 if layout == "mono" else 2, 1))
    frame = av.AudioFrame.from_ndarray(samples, format="s16p", layout=layout)
    frame.sample_rate = rate_hz
    return [bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None))]


@functools.cache
def mp3(rate_hz: int = 44_100, *, layout: str = "mono") -> bytes:
    return b"".join(encode_mp3(rate_hz, layout=layout))


def as_a_player_does(file: bytes) -> list[int]:
    """The samples of a whole mono MP3, read as a file."""
    with av.open(io.BytesIO(file), "r", format="mp3") as container:
        wide = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    return [int(sample) for sample in np.clip(np.rint(wide * 32_768), -32_768, 32_767)]


# Raw


@given(st.binary(min_size=12).filter(lambda pcm: not looks_like_mp3(pcm[:4])), st.lists(st.integers(0, 400)))
@example(b"\xff\xfb\x00" * 5, [1, 2, 3])
@example(b"RIFF" * 5, [1, 2, 3, 4, 5])
@example(b"ID" * 10, [1, 2])
def test_raw_however_it_is_cut(pcm: bytes, at: list[int]) -> None:
    whole = pcm[: len(pcm) // 2 * 2]
    sounds = decode(cut(pcm, *sorted(min(each, len(pcm)) for each in at)))
    assert (b"".join(samples.tobytes() for samples, _ in sounds), join(sounds)[1]) == (whole, {RAW_HZ})


def test_the_rate_of_raw_is_as_told() -> None:
    (sound,) = SnippetDecoder(24_000).decode(PCM)
    assert (sound[0].tolist(), sound[1]) == (SOUND.tolist(), 24_000)


def test_raw_stays_raw_whatever_a_later_snippet_looks_like() -> None:
    snippets = [PCM, mp3(), b"ID3\x04" + PCM, b"RIFF" + PCM, b"\xff\xfb\x90\x00" + PCM]
    assert (
        join(decode(snippets))[0]
        == np.frombuffer(b"".join(snippets)[: sum(map(len, snippets)) // 2 * 2], "<i2").tolist()
    )


@pytest.mark.parametrize(
    "nothing", [[], [b""], [b"", b"", b""], [b"\1"]], ids=["none", "empty", "empties", "half a sample"]
)
def test_nothing_is_nothing(nothing: list[bytes]) -> None:
    assert decode(nothing) == []


def test_nothing_at_first_decides_nothing() -> None:
    assert join(decode([b"", wav.write_header(len(PCM), rate_hz=16_000) + PCM])) == (SOUND.tolist(), {16_000})


# WAV


def stereo_float(samples: Samples, rate_hz: int) -> bytes:
    both = np.repeat(samples / 32_768, 2).astype("<f4").tobytes()
    head = bytearray(wav.write_header(len(both), rate_hz=rate_hz))
    head[20:36] = np.array([3 + (2 << 16), rate_hz, rate_hz * 8, 8 + (32 << 16)], "<u4").tobytes()
    return bytes(head) + both


def titled(pcm: bytes) -> bytes:
    """A WAV with a title before its samples."""
    plain = wav.write_header(len(pcm), rate_hz=24_000)
    return plain[:36] + b"LIST\x05\0\0\0INFO!\0" + plain[36:] + pcm


TRAILER = b"LIST\x04\0\0\0INFO"
HALVES = cut(PCM, 300)


@pytest.mark.parametrize(
    ("snippets", "rates_hz"),
    [
        pytest.param([wav.write_header(600, rate_hz=24_000) + HALVES[0], HALVES[1]], {24_000}, id="on the first"),
        pytest.param([wav.write_header(300, rate_hz=24_000) + half for half in HALVES], {24_000}, id="on each"),
        pytest.param(
            [wav.write_header(300, rate_hz=rate) + half for rate, half in zip((24_000, 48_000), HALVES, strict=True)],
            {24_000, 48_000},
            id="a rate of its own for each",
        ),
        pytest.param([stereo_float(SOUND, 48_000)], {48_000}, id="stereo floats"),
        pytest.param(pieces(stereo_float(SOUND, 48_000), 49), {48_000}, id="stereo floats, frames cut in two"),
        pytest.param(
            [HALVES[0], wav.write_header(300, rate_hz=8_000) + HALVES[1]], {RAW_HZ, 8_000}, id="raw, then WAV"
        ),
        pytest.param([wav.write_header(600, rate_hz=24_000) + PCM + TRAILER], {24_000}, id="a trailer"),
        pytest.param([wav.write_header(0, rate_hz=24_000) + PCM], {24_000}, id="size 0"),
        pytest.param([wav.write_header(0xFFFFFFDB)[:40] + b"\xff" * 4 + PCM], {44_100}, id="size unknown"),
        pytest.param([wav.write_header(300, rate_hz=24_000) + HALVES[0], HALVES[1]], {24_000}, id="part size"),
        pytest.param([wav.write_header(600, rate_hz=24_000), PCM], {24_000}, id="header alone"),
        *(pytest.param(cut(titled(PCM), at), {24_000}, id=f"cut at {at}") for at in range(1, 66)),
        pytest.param(pieces(titled(PCM), 1), {24_000}, id="cut everywhere"),
    ],
)
def test_wav(snippets: list[bytes], rates_hz: set[int]) -> None:
    assert join(decode(snippets)) == (SOUND.tolist(), rates_hz)


def decode_pieces(*events: list[bytes]) -> list[Sound]:
    """Of snippets that come in pieces."""
    decoder = SnippetDecoder(RAW_HZ)
    pieces = [(piece, number > 0) for event in events for number, piece in enumerate(event)]
    return [sound for piece, goes_on in pieces for sound in decoder.decode(piece, goes_on=goes_on)]


LONG = np.random.default_rng(4).integers(-20_000, 20_000, 2 * RAW_HZ).astype(np.int16)
LIST = b"LIST\xc8\0\0\0INFO" + bytes(range(56, 252))


def headed(declared: int, samples: Samples = LONG) -> bytes:
    """A WAV that declares so many bytes."""
    head = wav.write_header(0, rate_hz=RAW_HZ)
    return head[:40] + declared.to_bytes(4, "little") + samples.tobytes()


@pytest.mark.parametrize("size", [48 * 1024, 1_000, 45, 10**6], ids="{} bytes a piece".format)
def test_what_follows_the_samples_of_a_long_wav_is_no_sound(size: int) -> None:
    event = headed(2 * LONG.size) + LIST
    sounds = decode_pieces(pieces(event, size), pieces(event, size))
    assert join(sounds) == (2 * LONG.tolist(), {RAW_HZ})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 844)), st.sampled_from([LIST, LIST[:8], LIST[:3], b"", b"id3 \0\0\0\0", b"data" * 3]))
def test_nor_however_it_is_cut(at: list[int], after: bytes) -> None:
    event = headed(600, SOUND) + after
    event_pieces = cut(event, *sorted(min(each, len(event)) for each in at))
    assert join(decode_pieces(event_pieces))[0] == SOUND.tolist() + (
        np.frombuffer(after, "<i2").tolist() if after == b"data" * 3 else []  # its length is none
    )


@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF, 0x7FFFF000, 4_096, 2 * LONG.size - 100, 2 * LONG.size + 100])
def test_a_long_wav_whose_length_is_wrong_is_heard(declared: int) -> None:
    sounds = decode_pieces(pieces(headed(declared), 48 * 1024), [PCM])
    assert join(sounds)[0] == LONG.tolist() + SOUND.tolist()


def test_an_odd_length_is_made_even() -> None:
    head = wav.write_header(0, rate_hz=RAW_HZ)
    eight_bits = head[:32] + b"\1\0\x08\0data\3\0\0\0"
    assert len(join(decode_pieces([eight_bits + b"\x80\x81\x82\0" + LIST]))[0]) == 3


def test_the_rest_of_a_long_wav_that_is_none_is_no_sound() -> None:
    compressed = wav.write_header(0)[:20] + b"\x07\0" + wav.write_header(0)[22:]
    decoder = SnippetDecoder(RAW_HZ)
    with pytest.raises(MediaError, match="compressed"):
        list(decoder.decode(compressed + PCM))
    assert list(decoder.decode(PCM, goes_on=True)) == []
    assert join(list(decoder.decode(PCM)))[0] == SOUND.tolist()


def test_only_where_a_snippet_begins_there_is_a_header() -> None:
    header = wav.write_header(600, rate_hz=8_000)
    assert join(decode_pieces([headed(0, SOUND), header]))[1] == {RAW_HZ}
    assert join(decode_pieces([headed(0, SOUND)], [header, PCM]))[1] == {RAW_HZ, 8_000}


def test_half_a_frame_before_a_header_is_left_out() -> None:
    head = wav.write_header(0, rate_hz=RAW_HZ)
    assert join(decode([head + b"\1\0\2", head + b"\3\0"]))[0] == [1, 3]


@pytest.mark.parametrize(
    ("snippets", "words"),
    [
        ([b"RIFF....WAVEdata\1\0\0\0.."], "no format"),
        ([b"RIFF....WAVE", b"fmt \x10\0\0\0", b"\x02\0\1\0" + bytes(12)], "compressed"),
        ([b"RIFF....WAVEjunk\xff\xff\xff\0", *[bytes(10_000)] * 7], "no `data` chunk"),
    ],
)
def test_a_wav_that_cannot_be_read(snippets: list[bytes], words: str) -> None:
    with pytest.raises(MediaError, match=words):
        decode(snippets)


# MP3


@pytest.mark.parametrize("rate_hz", MP3_RATES_HZ)
def test_mp3(rate_hz: int) -> None:
    assert looks_like_mp3(mp3(rate_hz))
    samples, rates_hz = join(decode([mp3(rate_hz)]))
    assert rates_hz == {rate_hz}
    assert len(samples) >= 0.3 * rate_hz
    assert np.abs(np.array(samples) - as_a_player_does(mp3(rate_hz))).max() <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, len(mp3()))))
@example([1, 2, 3])
@example(list(range(len(mp3()))))
def test_mp3_however_it_is_cut(at: list[int]) -> None:
    assert join(decode(cut(mp3(), *sorted(at)))) == join(decode([mp3()]))


TAG = b"ID3\x04\0\0\0\0\0\x19TSSE\0\0\0\x0f\0\0\x03Lavf58.29.100\0"


def test_mp3_with_a_tag() -> None:
    assert looks_like_mp3(TAG)
    (samples, _), (whole, _) = join(decode([TAG + mp3()])), join(decode([mp3()]))
    # FFmpeg takes the tag for a damaged frame, and the first one with it: the encoder's run-up.
    lost = len(whole) - len(samples)
    assert 0 <= lost <= 1_152
    assert np.abs(np.subtract(samples, whole[lost:])[2_304:]).max() <= 1
    assert join(decode(pieces(TAG + mp3(), 5)))[0] == samples


def test_mp3_file_after_file_whatever_their_forms() -> None:
    files = [mp3(), mp3(22_050), mp3(layout="stereo"), mp3()]
    sounds = decode(files)
    assert [rate_hz for rate_hz, _ in itertools.groupby(rate for _, rate in sounds)] == [44_100, 22_050, 44_100]
    assert len(join(sounds)[0]) == sum(len(join(decode([file]))[0]) for file in files)


def test_stereo_mp3_is_as_loud_as_mono() -> None:
    mono, stereo = (np.array(join(decode([mp3(layout=layout)]))[0]) for layout in ("mono", "stereo"))
    assert stereo.std() == pytest.approx(mono.std(), rel=0.02)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(10, len(mp3()) - 1), st.integers(0, 255)), min_size=1, max_size=20))
def test_damaged_mp3_is_played_as_far_as_it_goes(damages: list[tuple[int, int]]) -> None:
    damaged = bytearray(mp3())
    for at, byte in damages:
        damaged[at] = byte
    assert all(samples.dtype == np.int16 for samples, _ in decode(pieces(bytes(damaged), 500)))


def test_mp3_that_came_together_goes_on_together() -> None:
    sounds = decode([mp3()])
    assert len(sounds) == 1
    assert sum(samples.size for samples, _ in sounds) == sum(samples.size for samples, _ in decode(pieces(mp3(), 100)))


def test_mp3_without_a_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MediaError, match=r"pip install 'clonespeaker\[codecs\]'") as caught:
        decode([mp3()])
    assert caught.value.fault == "no-codec"
    assert join(decode([PCM]))[0] == SOUND.tolist(), "only MP3 needs it"


@pytest.mark.parametrize(
    ("head", "mp3_is"),
    [
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"ID", False, id="half a tag"),
        pytest.param(b"\xff\xfb\x90", False, id="three bytes"),
        pytest.param(b"\xff\xfb\x90\x00", True, id="a header and no more"),
        pytest.param(b"\xff\xfb\x90\x00" + bytes(500), False, id="no second header"),
        pytest.param(b"\xff\xfb\x90\x00" + bytes(413) + b"\xff\xfb\x90\x00", True, id="a second header"),
        pytest.param(b"\xff\xfb\x92\x00" + bytes(414) + b"\xff\xfb\x90\x00", True, id="padded"),
        pytest.param(b"\xff\xfb\x92\x00" + bytes(413) + b"\xff\xfb\x90\x00\x00", False, id="padded, one too early"),
        pytest.param(b"\xff\xfb\x00\x00", False, id="free bit rate"),
        pytest.param(b"\xff\xfb\xf0\x00", False, id="forbidden bit rate"),
        pytest.param(b"\xff\xfb\x9c\x00", False, id="forbidden rate"),
        pytest.param(b"\xff\xeb\x90\x00", False, id="reserved version"),
        pytest.param(b"\xff\xfd\x90\x00", False, id="layer II"),
        pytest.param(b"\xff\xff\xff\xff" * 200, False, id="samples of -1"),
        pytest.param(b"\xff\xf1\x50\x80", False, id="AAC"),
        pytest.param(b"\xfe\xfb\x90\x00", False, id="no sync"),
    ],
)
def test_looks_like_mp3(head: bytes, mp3_is: bool) -> None:
    assert looks_like_mp3(head) is mp3_is


KBITS_MPEG_1 = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
KBITS_MPEG_2 = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]


@pytest.mark.parametrize("rate_hz", MP3_RATES_HZ)
def test_every_kind_of_mp3_frame_is_known(rate_hz: int) -> None:
    for kbits in KBITS_MPEG_1 if rate_hz >= 32_000 else KBITS_MPEG_2:
        frames = encode_mp3(rate_hz, kbits=kbits)
        for frame, after in itertools.pairwise(frames[:-1]):
            assert looks_like_mp3(frame + after), f"{kbits} kbit/s"
            assert not looks_like_mp3(frame + b"\0" + after), f"{kbits} kbit/s"


@pytest.mark.parametrize("peak", [1, 30, 1_000, 32_767])
def test_sound_does_not_look_like_mp3(peak: int) -> None:
    noise = np.random.default_rng(peak).integers(-peak, peak, (5_000, 2_000), endpoint=True).astype("<i2")
    assert not any(looks_like_mp3(block.tobytes()) for block in noise)


@pytest.mark.parametrize("installed", [True, False])
def test_the_decoder_is_loaded_ahead_where_it_is_installed(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "av", None)
    load_mp3_decoder()
    assert (sys.modules["av"] is not None) is installed


@pytest.mark.parametrize(("snippets", "is_mp3"), [([PCM], False), ([mp3()], True), ([], False)])
def test_what_kind_a_reply_was_of(snippets: list[bytes], is_mp3: bool) -> None:
    decoder = SnippetDecoder(44_100)
    for snippet in snippets:
        list(decoder.decode(snippet))
    assert decoder.is_mp3 is is_mp3


@given(
    st.lists(st.sampled_from([b"RIFF", b"WAVE", b"fmt ", b"data", b"ID3", b"\xff\xfb\x90\x00", bytes(4)]) | st.binary())
)
def test_any_bytes_are_sound_or_a_media_error(snippets: list[bytes]) -> None:
    try:
        sounds = decode(snippets)
    except MediaError:
        return
    assert all(samples.dtype == np.int16 and samples.ndim == 1 and samples.size for samples, _ in sounds)


def test_what_follows_a_wav_that_is_none_is_heard() -> None:
    decoder = SnippetDecoder(RAW_HZ)
    broken = b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(20)
    sound = (np.arange(100, dtype=np.int16) + 1_000).tobytes()
    assert [samples.tobytes() for samples, _ in decoder.decode(sound)] == [sound]
    for _ in range(3):
        with pytest.raises(MediaError):
            list(decoder.decode(broken))
        assert [samples.tobytes() for samples, _ in decoder.decode(sound)] == [sound]
