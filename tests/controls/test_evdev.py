"""The real evdev, on a presenter that umockdev makes up: the kernel's answers and events, in a process of its own."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

NAME = "Test Presenter"
KEYS = (104, 109)  # KEY_PAGEUP, KEY_PAGEDOWN

DEVICE = f"""\
P: /devices/virtual/input/input3/event3
N: input/event3
E: DEVNAME=/dev/input/event3
E: SUBSYSTEM=input
E: MAJOR=13
E: MINOR=67
A: dev=13:67

P: /devices/virtual/input/input3
E: SUBSYSTEM=input
A: name={NAME}
"""

EVENTS = """\
E: 0000000000.000000 0004 0004 458830
E: 0000000000.000000 0001 006d 0001
E: 0000000000.000000 0000 0000 0000
E: 0000000000.300000 0001 006d 0000
E: 0000000000.300000 0000 0000 0000
"""

LISTENING = """
import asyncio
from clonespeaker.controls.keys import Keys, Wanted, key_code, open_evdev

async def main():
    told = []
    keys = Keys([Wanted(key_code("KEY_PAGEDOWN"), "KEY_PAGEDOWN", "presenter", False, told.append)], open_evdev)
    running = asyncio.create_task(keys.run())
    async with asyncio.timeout(60):
        while len(told) < 2:
            await asyncio.sleep(0.01)
    running.cancel()
    keys.close()
    print(told)

asyncio.run(main())
"""


def answers() -> str:
    """What the kernel says to evdev's questions, in full length."""
    keys = bytearray(96)
    for code in KEYS:
        keys[code // 8] |= 1 << code % 8
    told = {
        "EVIOCGVERSION 0": struct.pack("i", 0x010001),
        "EVIOCGID 0": struct.pack("HHHH", 3, 0x46D, 0xC52D, 0x111),
        "EVIOCGNAME 15": NAME.encode().ljust(256, b"\0"),
        "EVIOCGPHYS 5": b"phys".ljust(256, b"\0"),
        "EVIOCGUNIQ 1": bytes(256),
        "EVIOCGBIT(0) 4": bytes([0b11, 0, 0, 0]),
        "EVIOCGBIT(1) 96": bytes(keys),
        "EVIOCGEFFECTS 0": bytes(4),
    }
    return "\n".join(["@DEV /dev/input/event3 (EVDEV)", *(f"{each} {told[each].hex().upper()}" for each in told), ""])


@pytest.mark.skipif(shutil.which("umockdev-run") is None, reason="umockdev is not installed (make setup installs it)")
def test_a_presenter(tmp_path: Path) -> None:
    for name, text in (("device", DEVICE), ("answers", answers()), ("events", EVENTS)):
        (tmp_path / name).write_text(text)
    command = [
        "umockdev-run",
        f"--device={tmp_path}/device",
        f"--ioctl=/dev/input/event3={tmp_path}/answers",
        f"--evemu-events=/dev/input/event3={tmp_path}/events",
        "--",
        sys.executable,
        "-c",
        LISTENING,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[True, False]\n"
