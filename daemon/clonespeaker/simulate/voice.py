"""How the simulated clone sounds, and what its sound is packed in.

Sound is mono int16, shape (frames,), at 44.1 kHz until it is encoded. What a real clone's `audio_chunk` holds is
not documented, so every form that `clone-api.md` tells to expect can be had here.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from clonespeaker.audio import wav
from clonespeaker.errors import MediaError

RATE_HZ = 44_100
TONE_HZ = 440.0
_TONE_PEAK = 8_000  # about -12 dBFS: well heard, and nobody is startled
_FADE_S = 0.01
_SPEAK_TIMEOUT_S = 30.0
_MP3_BITS_PER_S = 64_000  # one of the few that MPEG-1 and MPEG-2 have in common

Voice = Literal["auto", "echo", "speech", "tone"]
Encoding = Literal["raw", "wav-first", "wav-each", "mp3"]
Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Snippet:
    """The audio of one event: its bytes, and how long they sound."""

    data: bytes
    duration_s: float

    def to_base64(self) -> str:
        """The bytes as the API carries them."""
        return base64.b64encode(self.data).decode()


def sound(voice: Voice, text: str, heard_pcm: bytes, *, tone_s: float) -> Samples:
    """The sound of an answer. Blocks while espeak-ng speaks: call it in a thread.

    Args:
        voice: `speech` speaks the text; `echo` gives the user's recording back, or a tone where they wrote;
            `tone` is a tone; `auto` is speech where espeak-ng is installed, else echo.
        text: what to say.
        heard_pcm: the user's recording, mono pcm_s16le at 44.1 kHz, or b"".
        tone_s: how long a tone lasts.

    Raises:
        MediaError: speech was asked for, and there is no espeak-ng, or it failed.
    """
    if voice == "auto":
        voice = "speech" if shutil.which("espeak-ng") else "echo"
    if voice == "speech":
        return speak(text)
    if voice == "echo" and heard_pcm:
        return np.frombuffer(heard_pcm, "<i2").astype(np.int16, copy=False)
    return tone(tone_s)


def tone(duration_s: float) -> Samples:
    """A sine with its ends faded, so that a click that is heard is not the clone's."""
    times_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    envelope = np.minimum(1.0, np.minimum(times_s, times_s[::-1]) / _FADE_S)
    wave: npt.NDArray[np.float64] = _TONE_PEAK * envelope * np.sin(2 * np.pi * TONE_HZ * times_s)
    return np.rint(wave).astype(np.int16)


def speak(text: str) -> Samples:
    """Text → speech, by espeak-ng.

    Raises:
        MediaError: there is no espeak-ng, or it failed.
    """
    try:
        # By standard input: a text that begins with a dash would be an option.
        done = subprocess.run(
            ["espeak-ng", "--stdin", "--stdout"],
            input=text.encode(),
            capture_output=True,
            check=True,
            timeout=_SPEAK_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MediaError(f'the simulated clone can\'t speak: {error}; take the voice "echo" or "tone"') from error
    samples, rate_hz = wav.read(done.stdout)
    return resample(samples, rate_hz, RATE_HZ)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """The same sound at another rate."""
    if from_hz == to_hz:
        return samples
    import soxr

    resampled: Samples = soxr.resample(samples, from_hz, to_hz)
    return resampled


def encode(
    samples: Samples,
    *,
    encoding: Encoding,
    rate_hz: int,
    snippet_ms: float | None = None,
    snippet_bytes: int | None = None,
) -> list[Snippet]:
    """Sound at 44.1 kHz → snippets.

    Args:
        samples: the sound.
        encoding: `raw` pcm_s16le; `wav-first`, with a header on the first snippet alone; `wav-each`; `mp3`.
        rate_hz: the rate the snippets are in.
        snippet_ms: how long each lasts (MP3: the nearest number of whole MP3 frames); None: all in one.
        snippet_bytes: the bytes of samples in each, instead; an odd number cuts samples in two (MP3: ignored).

    Raises:
        MediaError: MP3 was asked for without PyAV.
    """
    samples = resample(samples, RATE_HZ, rate_hz)
    snippet_s = None if snippet_ms is None else snippet_ms / 1000
    if encoding == "mp3":
        packets, packet_s = _encode_mp3(samples, rate_hz)
        count = len(packets) if snippet_s is None else max(1, round(snippet_s / packet_s))
        groups = [packets[at : at + count] for at in range(0, len(packets), count)]
        return [Snippet(b"".join(group), len(group) * packet_s) for group in groups]
    pcm = samples.astype("<i2", copy=False).tobytes()
    size = snippet_bytes or (len(pcm) if snippet_s is None else max(2, 2 * round(snippet_s * rate_hz)))
    snippets = []
    for at in range(0, len(pcm), size):
        part = pcm[at : at + size]
        header = b""
        if encoding == "wav-each":
            header = wav.write_header(len(part), rate_hz=rate_hz)
        elif encoding == "wav-first" and at == 0:
            header = wav.write_header(len(pcm), rate_hz=rate_hz)
        snippets.append(Snippet(header + part, len(part) / 2 / rate_hz))
    return snippets


def _encode_mp3(samples: Samples, rate_hz: int) -> tuple[list[bytes], float]:
    """Sound → MP3 packets (one MP3 frame each, so each begins with a sync word), and the seconds of each."""
    try:
        import av
    except ImportError as error:
        raise MediaError("MP3 needs PyAV: pip install 'clonespeaker[codecs]'") from error
    codec = av.CodecContext.create("libmp3lame", "w")
    codec.sample_rate, codec.layout, codec.format = rate_hz, "mono", "s16p"
    codec.bit_rate = _MP3_BITS_PER_S
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16p", layout="mono")
    frame.sample_rate = rate_hz
    packets = [bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None))]
    return packets, codec.frame_size / rate_hz
