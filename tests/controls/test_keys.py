"""Keys, of devices that are pipes with recorded events in them: this machine has no /dev/uinput to make real ones.

`test_evdev.py` has one that umockdev plays.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clonespeaker.controls import keys as module
from clonespeaker.controls.keys import Device, Keys, Wanted, key_code, key_names
from clonespeaker.errors import ConfigError
from tests.peers import until

PAGE_UP, PAGE_DOWN = 104, 109

# What a presenter (Logitech R400) gives for one press of its right button, as `cat /dev/input/event3` has it on a
# 64-bit machine: a scan code, the key down, a report; the same with the key up.
PRESS, RELEASE = (
    b"".join(
        struct.pack("llHHi", 1_700_000_000, 12_345, *event)
        for event in ((4, 4, 0x7004E), (1, PAGE_DOWN, value), (0, 0, 0))
    )
    for value in (1, 0)
)
REPEAT = struct.pack("llHHi", 1_700_000_000, 600_000, 1, PAGE_DOWN, 2)
DROPPED = struct.pack("llHHi", 1_700_000_000, 700_000, 0, 3, 0)


class PipeDevice:
    """A device that gives what the test writes."""

    def __init__(self, path: Path, name: str, keys: set[int]) -> None:
        self.fd, self._end = os.pipe2(os.O_NONBLOCK)
        self.name, self.path, self.keys = name, str(path), frozenset(keys)
        self.is_grabbed = self.is_closed = False

    def give(self, events: bytes) -> None:
        os.write(self._end, events)

    def unplug(self) -> None:
        os.close(self._end)
        os.unlink(self.path)

    def grab(self) -> None:
        self.is_grabbed = True

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True
        os.close(self.fd)


class Desk:
    """What is plugged in."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.devices: dict[str, PipeDevice] = {}
        self.refused: set[str] = set()
        self.told: list[tuple[str, bool]] = []

    def plug_in(self, event: str, name: str, keys: set[int]) -> PipeDevice:
        path = self.directory / event
        self.devices[str(path)] = device = PipeDevice(path, name, keys)
        path.touch()
        return device

    def open_device(self, path: str) -> Device:
        if path in self.refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return self.devices[path]

    def wanted(self, code: int = PAGE_DOWN, *, device: str | None = None, grab: bool = False) -> Wanted:
        name = key_names()[code]
        return Wanted(code, name, device, grab, lambda down: self.told.append((name, down)))

    @asynccontextmanager
    async def listen(self, *wanted: Wanted) -> AsyncIterator[None]:
        keys = Keys(wanted, self.open_device, directory=self.directory)
        running = asyncio.create_task(keys.run())
        try:
            yield
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            keys.close()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    return Desk(tmp_path)


DOWN, UP = ("KEY_PAGEDOWN", True), ("KEY_PAGEDOWN", False)


async def test_a_key_is_a_button(desk: Desk) -> None:
    device = desk.plug_in("event3", "Logitech Presenter", {PAGE_UP, PAGE_DOWN})
    async with desk.listen(desk.wanted()):
        device.give(PRESS + REPEAT + REPEAT)
        await until(lambda: desk.told == [DOWN])
        device.give(RELEASE)
        await until(lambda: desk.told == [DOWN, UP])
        device.give(PRESS.replace(struct.pack("H", PAGE_DOWN), struct.pack("H", PAGE_UP)) + PRESS)
        await until(lambda: desk.told == [DOWN, UP, DOWN])
        assert not device.is_grabbed
    assert desk.told == [
        DOWN,
        UP,
        DOWN,
    ]  # what is held at the end has not come up: a long press is not made a short one
    assert device.is_closed


async def test_devices_that_have_none_of_the_keys_are_left_alone(desk: Desk) -> None:
    mouse, pedal = desk.plug_in("event0", "Mouse", {0x110}), desk.plug_in("event1", "Pedal", {PAGE_DOWN})
    async with desk.listen(desk.wanted(grab=True)):
        await until(lambda: mouse.is_closed and pedal.is_grabbed)
        await asyncio.sleep(0.05)
        pedal.give(PRESS)
        await until(lambda: desk.told)


async def test_one_that_comes_under_the_name_that_another_had(desk: Desk) -> None:
    """A hub that loses power for a moment gives out the numbers anew."""
    mouse = desk.plug_in("event0", "Mouse", {0x110})
    async with desk.listen(desk.wanted()):
        await until(lambda: mouse.is_closed)
        mouse.unplug()
        pedal = desk.plug_in("event0", "Pedal", {PAGE_DOWN})
        await asyncio.sleep(0.05)
        pedal.give(PRESS)
        await until(lambda: desk.told == [DOWN])


@pytest.mark.parametrize("device", ["pedal", "by-id"])
async def test_a_key_of_one_device_alone(desk: Desk, device: str) -> None:
    board, pedal = desk.plug_in("event0", "Keyboard", {PAGE_DOWN}), desk.plug_in("event1", "USB Pedal", {PAGE_DOWN})
    if device == "by-id":
        device = str(desk.directory / "usb-pedal")
        os.symlink(pedal.path, device)
    async with desk.listen(desk.wanted(device=device)):
        await until(lambda: board.is_closed)
        pedal.give(PRESS)
        await until(lambda: desk.told == [DOWN])


async def test_devices_come_and_go(desk: Desk) -> None:
    async with desk.listen(desk.wanted()):
        for _ in range(3):  # under the same name each time
            device = desk.plug_in("event7", "Pedal", {PAGE_DOWN})
            device.give(PRESS)
            await until(lambda: desk.told == [DOWN])
            device.unplug()
            await until(lambda: desk.told == [DOWN, UP])  # whatever was held is let go
            await until(lambda device=device: device.is_closed)  # type: ignore[misc]
            desk.told.clear()


async def test_what_was_missed_is_let_go(desk: Desk) -> None:
    device = desk.plug_in("event7", "Pedal", {PAGE_DOWN})
    async with desk.listen(desk.wanted()):
        device.give(PRESS + DROPPED)
        await until(lambda: desk.told == [DOWN, UP])
        device.give(RELEASE + PRESS)
        await until(lambda: desk.told == [DOWN, UP, DOWN])


async def test_a_device_that_nobody_may_read_yet(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    device = desk.plug_in("event7", "Pedal", {PAGE_DOWN})
    desk.refused.add(device.path)
    async with desk.listen(desk.wanted()):
        await until(lambda: caplog.records)
        await asyncio.sleep(0.1)
        (record,) = caplog.records  # once
        assert "event7 can't be read (Permission denied); is this user in the group input?" in record.getMessage()
        desk.refused.clear()
        device.give(PRESS)
        await until(lambda: desk.told == [DOWN])


async def test_no_directory_at_all(desk: Desk) -> None:
    desk.directory = desk.directory / "input"
    async with desk.listen(desk.wanted()):
        await asyncio.sleep(0.05)
        desk.directory.mkdir()  # a first device
        desk.plug_in("event0", "Pedal", {PAGE_DOWN}).give(PRESS)
        await until(lambda: desk.told)


def test_names_of_keys() -> None:
    assert key_code("KEY_PAGEDOWN") == PAGE_DOWN
    assert key_names()[PAGE_UP] == "KEY_PAGEUP"
    assert key_code("BTN_TRIGGER") == 0x120
    with pytest.raises(ConfigError, match=r"there is no key KEY_PAGEDWN; did you mean KEY_PAGEDOWN\?"):
        key_code("KEY_PAGEDWN")
