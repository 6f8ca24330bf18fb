"""espeak-ng: a sentence in, a prompt's sound out."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np

from clonespeaker.audio import wav
from clonespeaker.audio.convert import at_rate
from clonespeaker.audio.lkfs import SPEECH_LKFS, at_loudness
from clonespeaker.audio.pcm import Samples
from clonespeaker.errors import MediaError

RATE_HZ = 16_000
"""Of what comes out: all that this voice has, and a third of the bytes."""

_WORDS_A_MINUTE = 150  # 25 slower than its own: whoever hears this did not expect it
_SPEAKS_WITHIN_S = 20.0
_WINDOW_S = 0.01
_QUIETEST = 0.004  # -48 dB below the loudest window: what is before and after it is no speech
_KEPT_S = 0.02  # of what is before and after
_FADE_S = 0.01


def is_installed() -> bool:
    """Whether this machine has it."""
    return shutil.which("espeak-ng") is not None


def speak(sentence: str, language: str) -> Samples:
    """A sentence, mono at `RATE_HZ`, as loud as the clone's speech, without silence at its ends. Blocks.

    Raises:
        MediaError: there is no espeak-ng, it has no such language, or it hangs.
    """
    command = ["espeak-ng", "-v", language, "-s", str(_WORDS_A_MINUTE), "--stdin", "--stdout"]
    try:
        done = subprocess.run(
            command, input=sentence.encode(), capture_output=True, check=True, timeout=_SPEAKS_WITHIN_S
        )
    except FileNotFoundError as error:
        raise MediaError("espeak-ng is not installed; install it (apt install espeak-ng)") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip() or f"exit code {error.returncode}"
        raise MediaError(f"espeak-ng can't speak ({reason})") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise MediaError(f"espeak-ng can't be run ({error})") from error
    samples, rate_hz = wav.read(done.stdout)
    return faded(_trimmed(at_loudness(at_rate(samples, rate_hz, RATE_HZ), RATE_HZ, SPEECH_LKFS)))


def faded(samples: Samples, rate_hz: int = RATE_HZ) -> Samples:
    """The same, its first and last 10 ms faded, so that a sound that begins or ends within a wave does not click."""
    ramp = np.minimum(1.0, np.arange(1, samples.size + 1) / (_FADE_S * rate_hz))
    return (samples * np.minimum(ramp, ramp[::-1])).astype(np.int16)


def _trimmed(samples: Samples) -> Samples:
    window = round(_WINDOW_S * RATE_HZ)
    whole = samples[: samples.size // window * window].astype(np.float64).reshape(-1, window)
    power = (whole**2).mean(axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * _QUIETEST**2)
    if not loud.size:
        raise MediaError("espeak-ng said nothing")
    kept = round(_KEPT_S * RATE_HZ)
    return samples[max(0, int(loud[0]) * window - kept) : int(loud[-1] + 1) * window + kept]
