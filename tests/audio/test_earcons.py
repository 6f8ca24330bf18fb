from __future__ import annotations

import numpy as np
import pytest

from clonespeaker.audio import earcons


def test_failed() -> None:
    sound = earcons.failed()
    assert sound.dtype == np.int16
    assert sound.size / earcons.RATE_HZ == pytest.approx(0.4, abs=0.001)
    assert 7_500 <= np.abs(sound).max() <= 8_000  # about as loud as speech


def test_it_falls() -> None:
    def pitch_hz(part: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
        spectrum = np.abs(np.fft.rfft(part * np.hanning(part.size), 1 << 17))
        return float(np.argmax(spectrum)) * earcons.RATE_HZ / (1 << 17)

    sound = earcons.failed()
    assert pitch_hz(sound[:7_000]) == pytest.approx(440, abs=1)
    assert pitch_hz(sound[-9_000:]) == pytest.approx(330, abs=1)


def test_it_does_not_click() -> None:
    sound = np.concatenate(([0], earcons.failed(), [0])).astype(int)
    steepest = 8_000 * 2 * np.pi * 440 / earcons.RATE_HZ  # of a sine
    assert np.abs(np.diff(sound)).max() <= 1.02 * steepest
    assert np.abs(np.diff(sound, 2)).max() <= 1.2 * steepest * 2 * np.pi * 440 / earcons.RATE_HZ
