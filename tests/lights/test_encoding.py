"""What goes over the wire, read back as the lamps read it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from clonespeaker.lights.encoding import apa102, sk6812, ws2812
from clonespeaker.lights.patterns import Frame
from tests.lights.reading import read_apa102, read_times

FRAMES = arrays.arrays(np.float64, st.tuples(st.integers(1, 20), st.just(3)), elements=st.floats(0, 1))
DARK = np.zeros((1, 3))
LIGHT = np.array([[1.0, 0.5, 0.0], [0.02, 0.0, 0.01]])


def test_apa102_byte_for_byte() -> None:
    assert apa102(DARK, "bgr").hex(" ", -4) == "00000000 e1000000 00000000 00"
    assert apa102(np.ones((1, 3)), "bgr").hex(" ", -4) == "00000000 ffffffff 00000000 00"
    assert apa102(LIGHT, "bgr").hex(" ", -4) == "00000000 ff0080ff e14f009e 00000000 00"
    assert apa102(LIGHT, "rgb").hex(" ", -4) == "00000000 ffff8000 e19e004f 00000000 00"


@pytest.mark.parametrize(("lamps", "bytes_after"), [(1, 5), (16, 5), (17, 6), (64, 8), (240, 19)])
def test_apa102_is_clocked_to_the_last_lamp(lamps: int, bytes_after: int) -> None:
    data = apa102(np.ones((lamps, 3)), "bgr")
    after = data[4 + 4 * lamps :]
    assert after == bytes(bytes_after)
    assert 8 * (len(after) - 4) >= lamps / 2


@given(frame=FRAMES)
def test_apa102_gives_what_was_asked_for(frame: Frame) -> None:
    read = read_apa102(apa102(frame, "bgr"), len(frame))
    brightest = frame.max(axis=1, keepdims=True)
    # An eighth of what eight bits alone could tell, where it is faint.
    assert (np.abs(read - frame) <= np.maximum(np.ceil(brightest * 31), 1) / 31 / 255 / 2 + 1e-9).all()


def test_ws2812_byte_for_byte() -> None:
    data = ws2812(np.array([[1.0, 0.0, 0x1B / 255]]), "grb")
    assert data == bytes(113) + bytes.fromhex("88888888 cccccccc 888c c8cc") + bytes(113)


@given(frame=FRAMES)
def test_ws2812_read_back(frame: Frame) -> None:
    values = read_times(ws2812(frame, "grb")).reshape(-1, 3)
    assert (values == np.rint(frame * 255)[:, [1, 0, 2]]).all()


@given(frame=FRAMES)
def test_sk6812_read_back(frame: Frame) -> None:
    values = read_times(sk6812(frame, "rgb")).reshape(-1, 4) / 255
    white = values[:, 3:]
    assert np.abs(values[:, :3] + white - frame).max() <= 1 / 255 + 1e-9
    assert (values[:, :3].min(axis=1) == 0).all()  # what all three have, the white lamp gives


def test_it_fits_into_what_the_kernel_takes_at_once() -> None:
    longest = np.ones((240, 3))
    assert max(len(encode(longest, "grb")) for encode in (apa102, ws2812, sk6812)) <= 4096
