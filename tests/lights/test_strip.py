"""Lamps in a row, on an SPI port; a pipe or a file stands for it, for there is none without a Raspberry Pi."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from clonespeaker.errors import DeviceError
from clonespeaker.lights import strip
from clonespeaker.lights.strip import Spi, Strip, encoder, open_spi, open_strip
from tests.lights.reading import read_apa102, read_times


@pytest.mark.parametrize("kind", ["apa102", "ws2812", "sk6812"])
def test_a_frame_goes_out_in_one_go(kind: str) -> None:
    ours, theirs = os.pipe()
    encode, _ = encoder(kind, None)
    lamps = Strip(Spi(theirs, "the pipe"), encode, lamps=3)
    shown = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    lamps.show(shown)
    data = os.read(ours, 65_536)
    lamps.close()
    assert os.read(ours, 1) == b""
    os.close(ours)
    if kind == "apa102":
        assert read_apa102(data, 3) == pytest.approx(shown)
    else:
        values = read_times(data).reshape(3, -1)
        assert values.tolist() == [[*row, *[0] * (kind == "sk6812")] for row in ([0, 255, 0], [255, 0, 0], [0, 0, 255])]


def test_the_order_can_be_set() -> None:
    encode, speed_hz = encoder("ws2812", "rgb")
    assert read_times(encode(np.array([[1.0, 0.0, 0.0]]))).tolist() == [255, 0, 0]
    assert speed_hz == 3_000_000


def test_a_port_that_takes_nothing() -> None:
    with open(os.devnull, "rb") as readable:
        port = Spi(os.dup(readable.fileno()), "/dev/spidev0.0")
        with pytest.raises(DeviceError, match=r"/dev/spidev0.0 takes nothing: Bad file descriptor"):
            port.write(b"x")
        port.close()


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match=r"/dev/spidev98.7 can't be opened \(No such file .*dtparam=spi=on") as caught:
        open_strip("apa102", order=None, lamps=1, spi="98.7")
    assert caught.value.device == "lights"
    assert caught.value.fault is None  # a device with no lights can be talked with


def test_a_file_that_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(DeviceError, match=r"can't be set up .*; is it an SPI port\?"):
        open_spi(str(tmp_path / "file"), 1_000_000)
    assert len(os.listdir("/proc/self/fd")) == before


HEADER = Path("/usr/include/linux/spi/spidev.h")
NAMES = ["SPI_IOC_WR_MODE", "SPI_IOC_WR_BITS_PER_WORD", "SPI_IOC_WR_MAX_SPEED_HZ"]


@pytest.mark.skipif(not (HEADER.exists() and shutil.which("cc")), reason="no C compiler, or no header of the kernel's")
def test_the_calls_are_the_kernels(tmp_path: Path) -> None:
    prints = " ".join(f'printf("%lu ", (unsigned long){name});' for name in NAMES)
    program = f"#include <stdio.h>\n#include <{HEADER.relative_to('/usr/include')}>\nint main(void) {{ {prints} }}\n"
    (tmp_path / "calls.c").write_text(program)
    subprocess.run(["cc", "-o", tmp_path / "calls", tmp_path / "calls.c"], check=True)
    told = subprocess.run([tmp_path / "calls"], capture_output=True, text=True, check=False).stdout
    assert [int(number) for number in told.split()] == [getattr(strip, name) for name in NAMES]
