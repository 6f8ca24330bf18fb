"""Strips, rings and single addressable lamps, and the SPI port that most of them hang on.

No library: the kernel's spidev takes what is to be sent by `write`, once three calls have set up the port, and that is
the same on every Raspberry Pi. hardware/lights.md says what the libraries would have cost.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Callable
from typing import Protocol

import numpy as np

from clonespeaker.errors import DeviceError
from clonespeaker.lights import encoding
from clonespeaker.lights.patterns import Frame

# Of linux/spi/spidev.h; a test holds them to it.
SPI_IOC_WR_MODE = 0x40016B01
SPI_IOC_WR_BITS_PER_WORD = 0x40016B03
SPI_IOC_WR_MAX_SPEED_HZ = 0x40046B04

Encode = Callable[[Frame], bytes]


class Wire(Protocol):
    """What takes bytes to the lamps."""

    def write(self, data: bytes) -> None:
        """Send them, in one go. Blocks. Raises DeviceError."""

    def close(self) -> None:
        """Give it back."""


class Strip:
    """Addressable lamps on a wire; see `Light`.

    Args:
        wire: opened, theirs alone.
        encode: a frame → what they read.
        lamps: how many.
        frames_per_s: how often the wire takes a frame.
    """

    coloured = True

    def __init__(self, wire: Wire, encode: Encode, *, lamps: int, frames_per_s: float = 30.0) -> None:
        self._wire = wire
        self._encode = encode
        self.lamps = lamps
        self.frames_per_s = frames_per_s

    def show(self, frame: Frame) -> None:
        """Shine like this."""
        self._wire.write(self._encode(frame))

    def close(self) -> None:
        """Give the wire back."""
        self._wire.close()


class Spi:
    """An SPI port; see `Wire`.

    Args:
        file: a spidev, opened for writing and set up.
        path: its path, for people.
    """

    def __init__(self, file: int, path: str) -> None:
        self._file = file
        self._path = path

    def write(self, data: bytes) -> None:
        """Send them. The kernel takes 4096 at once, or what spidev.bufsiz says, and refuses more."""
        try:
            os.write(self._file, data)
        except OSError as error:
            raise DeviceError("lights", f"{self._path} takes nothing: {error.strerror}") from error

    def close(self) -> None:
        """Close it."""
        os.close(self._file)


def open_strip(kind: str, *, order: str | None, lamps: int, spi: str) -> Strip:
    """Lamps on an SPI port, made dark. Blocks.

    Args:
        kind: `apa102`, `ws2812` or `sk6812`.
        order: of the colours on the wire; None: what such lamps mostly have.
        lamps: how many.
        spi: bus and device: `0.0` is /dev/spidev0.0.

    Raises:
        DeviceError: there is no such port, it is not this user's, or it fails.
    """
    encode, speed_hz = encoder(kind, order)
    strip = Strip(open_spi(f"/dev/spidev{spi}", speed_hz), encode, lamps=lamps)
    try:
        strip.show(np.zeros((lamps, 3)))
    except DeviceError:
        strip.close()
        raise
    return strip


def encoder(kind: str, order: str | None) -> tuple[Encode, int]:
    """What lamps of a kind read, and how fast, in bits a second."""
    encode, usual_order, speed_hz = {
        "apa102": (encoding.apa102, "bgr", encoding.APA102_HZ),
        "ws2812": (encoding.ws2812, "grb", encoding.WS2812_HZ),
        "sk6812": (encoding.sk6812, "grb", encoding.WS2812_HZ),
    }[kind]
    return lambda frame: encode(frame, order or usual_order), speed_hz


def open_spi(path: str, speed_hz: int) -> Spi:
    """An SPI port. Blocks.

    Raises:
        DeviceError: there is none, or it is not this user's.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise DeviceError("lights", f"{path} can't be opened ({error.strerror}); {_remedy(error)}") from error
    try:
        fcntl.ioctl(file, SPI_IOC_WR_MODE, b"\0")
        fcntl.ioctl(file, SPI_IOC_WR_BITS_PER_WORD, b"\x08")
        fcntl.ioctl(file, SPI_IOC_WR_MAX_SPEED_HZ, struct.pack("=I", speed_hz))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.close(file)
        raise DeviceError("lights", f"{path} can't be set up ({error.strerror}); is it an SPI port?") from error
    return Spi(file, path)


def _remedy(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "is this user in the group spi, and the port of that group?"
    return "put dtparam=spi=on into /boot/firmware/config.txt and restart, or set lights.kind: none"
