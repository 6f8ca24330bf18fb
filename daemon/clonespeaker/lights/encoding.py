"""What addressable lamps want to read: frames → bytes for a wire.

APA102 (DotStar, and SK9822 like it) has a clock: 32 zero bits; four bytes for each lamp, 0b111 and five bits of
brightness for all three colours, then the colours; 32 zero bits, which SK9822 waits for before it shows anything; and
half a clock for each lamp, so that the data reach the last one. Zeros there, for ones would light a lamp more.

WS2812 and SK6812 have none: each bit is a time, high in its first part; longer for a 1. Over SPI that is four bits for
each, 1000 or 1100; at 3 MHz high for 0.33 or 0.67 µs, which suits all of them (WS2812B: 0.25 to 0.55 and 0.65 to 0.95
in its first datasheet, 0.22 to 0.38 and 0.58 to 1 in later ones; SK6812: 0.15 to 0.45 and 0.45 to 0.75; how long it is
low matters less). All end low, so a pause between two bytes, which some SPI controllers make, does no harm. 300 µs of
silence shows what was sent; it is sent before, too, for the wire may have been left high.
"""

from __future__ import annotations

import numpy as np

from clonespeaker.lights.patterns import Frame

APA102_HZ = 1_000_000
WS2812_HZ = 3_000_000

_SILENCE = bytes(-(-WS2812_HZ * 300 // 1_000_000 // 8))
# Two bits of a colour → a byte for the wire.
_PAIRS = np.array([(0b1100 if pair & 2 else 0b1000) << 4 | (0b1100 if pair & 1 else 0b1000) for pair in range(4)])
_COARSEST = 31


def apa102(frame: Frame, order: str) -> bytes:
    """For APA102 and SK9822.

    The five bits go down with the lamp's brightest colour, so that all eight of the colours remain for soft light.

    Args:
        frame: what they shall give.
        order: of the colours on the wire, `bgr` say.
    """
    coarse = np.ceil(frame.max(axis=1) * _COARSEST).clip(1, _COARSEST)
    fine = np.rint(frame * (_COARSEST / coarse)[:, np.newaxis] * 255)
    lamps = np.column_stack((0xE0 | coarse.astype(np.uint8), fine[:, _places(order)].astype(np.uint8)))
    return bytes(4) + lamps.tobytes() + bytes(4) + bytes(-(-len(frame) // 16))


def ws2812(frame: Frame, order: str) -> bytes:
    """For WS2812 and its like, at `WS2812_HZ`; `order` is mostly `grb`."""
    return _as_times(np.rint(frame * 255).astype(np.uint8)[:, _places(order)])


def sk6812(frame: Frame, order: str) -> bytes:
    """For SK6812 with a white lamp in each: what the three have in common is its; white comes last on the wire."""
    white = frame.min(axis=1, keepdims=True)
    values = np.column_stack(((frame - white)[:, _places(order)], white))
    return _as_times(np.rint(values * 255).astype(np.uint8))


def _places(order: str) -> list[int]:
    return ["rgb".index(colour) for colour in order]


def _as_times(values: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> bytes:
    pairs = values[..., np.newaxis] >> np.array([6, 4, 2, 0], np.uint8) & 3
    times: bytes = _PAIRS[pairs].astype(np.uint8).tobytes()
    return _SILENCE + times + _SILENCE
