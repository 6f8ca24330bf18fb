from __future__ import annotations

import numpy as np
import pytest

from clonespeaker.audio.earcons import RATE_HZ, make
from clonespeaker.audio.lkfs import SPEECH_LKFS, loudness_lkfs
from clonespeaker.audio.pcm import Samples
from clonespeaker.cues import Earcon

each = pytest.mark.parametrize("earcon", Earcon)


def pitches(samples: Samples) -> list[int]:
    """The strongest pitch of each 40 ms, in semitones from A4; each once in a row."""
    found: list[int] = []
    for at in range(0, samples.size - 1_764, 1_764):
        piece = samples[at : at + 1_764] * np.hanning(1_764)
        if np.abs(piece).max() > 300:
            hz = float(np.argmax(np.abs(np.fft.rfft(piece, 1 << 17)))) * RATE_HZ / (1 << 17)
            found.append(round(12 * np.log2(hz / 440)))
    return [pitch for pitch, before in zip(found, [None, *found], strict=False) if pitch != before]


@each
def test_each_is_short(earcon: Earcon) -> None:
    assert 0.06 <= make(earcon).size / RATE_HZ <= 0.4


@each
def test_each_is_no_louder_than_speech_and_none_can_be_missed(earcon: Earcon) -> None:
    to_speech_db = loudness_lkfs(make(earcon), RATE_HZ) - SPEECH_LKFS
    least, most = {
        Earcon.THINKING: (-15, -10),  # hardly there
        Earcon.ERROR: (-0.2, 0.2),
        Earcon.OFFLINE: (-0.2, 0.2),
        Earcon.READY: (-4, 0),
    }.get(earcon, (-8, -4))
    assert least <= to_speech_db <= most
    assert np.abs(make(earcon).astype(int)).max() < 0.3 * 32_768


@each
def test_none_clicks(earcon: Earcon) -> None:
    """It begins and ends in silence, and nothing in it is quicker than its highest partial at its loudest."""
    sound = make(earcon)
    assert (sound[0], sound[-1]) == (0, 0)
    wave = np.concatenate(([0, 0], sound, [0, 0])).astype(np.int64)
    highest = 2 * np.pi * 3 * 1_047 / RATE_HZ
    assert np.abs(np.diff(wave, 2)).max() <= np.abs(wave).max() * highest**2
    begins, ends = sound[: RATE_HZ // 500], sound[-RATE_HZ // 500 :]  # 2 ms
    assert max(np.abs(begins).max(), np.abs(ends).max()) < 0.15 * np.abs(wave).max()


def test_no_two_are_alike() -> None:
    tunes = {earcon: (*pitches(make(earcon)), make(earcon).size // 4_410) for earcon in Earcon}
    assert len(set(tunes.values())) == len(Earcon), tunes


@pytest.mark.parametrize(
    ("earcon", "rises"),
    [
        (Earcon.START, True),
        (Earcon.STOP, False),
        (Earcon.MUTED, False),
        (Earcon.UNMUTED, True),
        (Earcon.ERROR, False),
        (Earcon.READY, True),
    ],
)
def test_what_goes_well_rises_and_what_ends_or_fails_falls(earcon: Earcon, rises: bool) -> None:
    tune = pitches(make(earcon))
    assert len(tune) > 1
    assert tune == sorted(tune, reverse=not rises)


@each
def test_all_are_in_one_key(earcon: Earcon) -> None:
    assert {pitch % 12 for pitch in pitches(make(earcon))} <= {3, 5, 7, 10, 0}  # C D E G A, counted from A
