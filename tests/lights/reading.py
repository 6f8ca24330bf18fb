"""Lamps, as far as they read: what was sent → what they shine like."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clonespeaker.lights.patterns import Frame

SPI_BIT_US = 1 / 3


def read_apa102(data: bytes, lamps: int) -> Frame:
    """What lamps of this kind make of a frame, red first."""
    assert data[:4] == bytes(4)
    values = np.frombuffer(data[4 : 4 + 4 * lamps], np.uint8).reshape(lamps, 4)
    assert (values[:, 0] >= 0xE0).all()
    assert not any(data[4 + 4 * lamps :])
    shines: Frame = (values[:, :1] & 31) / 31 * values[:, 3:0:-1] / 255
    return shines


def read_times(data: bytes) -> npt.NDArray[np.uint8]:
    """The bytes that WS2812 and SK6812 read from a wire at 3 MHz, by how long it is high, as all datasheets have it."""
    wire = np.unpackbits(np.frombuffer(data, np.uint8))
    edges = np.flatnonzero(np.diff(np.concatenate(([0], wire, [0])).astype(np.int8)))
    rises, falls = edges[::2], edges[1::2]
    quiet_us = np.array([rises[0], len(wire) - falls[-1]]) * SPI_BIT_US
    assert (quiet_us >= 280).all()
    high_us = (falls - rises) * SPI_BIT_US
    is_one, is_zero = (high_us > 0.65) & (high_us < 0.75), (high_us > 0.25) & (high_us < 0.38)
    assert (is_one | is_zero).all()
    assert (np.diff(rises) == 4).all()
    return np.packbits(is_one)
