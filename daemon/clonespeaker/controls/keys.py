"""Keys of keyboards, pedals and presenters, as Linux tells them under /dev/input; through evdev (the extra `keys`).

Devices may come and go: the directory is looked at every two seconds, and read anew only where it has changed, or
where a device could not be opened yet (udev gives it to its group a moment after it is there).
"""

from __future__ import annotations

import asyncio
import difflib
import logging
import os
import struct
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clonespeaker.errors import ConfigError

log = logging.getLogger(__name__)

DIRECTORY = Path("/dev/input")
NOT_ALLOWED = "is this user in the group input? With the service, see keys.conf in its documentation"
LOOK_EVERY_S = 2.0

_EVENT = struct.Struct("llHHi")  # struct input_event: seconds, microseconds, type, code, value
_AT_ONCE = 64
_SYN, _SYN_DROPPED, _KEY = 0, 3, 1
_UP, _DOWN = 0, 1  # 2: it repeats


class Described(Protocol):
    """A device, as it describes itself."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def path(self) -> str:
        """Under /dev/input."""

    @property
    def keys(self) -> frozenset[int]:
        """The codes of those that it has."""


class Device(Described, Protocol):
    """An opened one. What its descriptor gives are `struct input_event`s; reading it blocks nobody."""

    @property
    def fd(self) -> int:
        """Its descriptor."""

    def grab(self) -> None:
        """Let nobody else have what is pressed there."""

    def close(self) -> None:
        """Give it back."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key that means something.

    Attributes:
        code: its number.
        name: its name, KEY_PAGEDOWN for instance.
        device: part of the name of the device that it must be on, or a path to that; None: any.
        grab: whether nobody else shall have what is pressed on that device.
        on_change: told of it as of a button: True down, False up.
    """

    code: int
    name: str
    device: str | None
    grab: bool
    on_change: Callable[[bool], object]

    def is_on(self, device: Described) -> bool:
        """Whether it is this device's."""
        if self.code not in device.keys:
            return False
        if self.device is None or self.device.lower() in device.name.lower():
            return True
        return self.device.startswith("/") and os.path.realpath(self.device) == os.path.realpath(device.path)


class Keys:
    """All keys that mean something, listened to while it runs and until it is closed.

    Args:
        wanted: which.
        open_device: opens what lies at a path; raises OSError.
        directory: where devices come and go.
    """

    def __init__(
        self, wanted: Sequence[Wanted], open_device: Callable[[str], Device], *, directory: Path = DIRECTORY
    ) -> None:
        self._wanted = wanted
        self._open_device = open_device
        self._directory = directory
        self._opened: dict[str, _Opened] = {}  # by path
        self._without: set[str] = set()  # paths of those that have none of the keys
        self._refused: set[str] = set()
        self._seen_at: int | None = None

    def close(self) -> None:
        """Give all devices back; what is held there means nothing any more. `run` has ended by then."""
        for opened in self._opened.values():
            opened.forget()
            opened.close()
        self._opened.clear()

    async def run(self) -> None:
        """Look for devices until cancelled."""
        while True:
            try:
                changed_at: int | None = self._directory.stat().st_mtime_ns
            except OSError:
                changed_at = None
            if changed_at != self._seen_at:
                self._without.clear()  # another may have come under a name that one of them had
            if changed_at != self._seen_at or self._refused:
                self._seen_at = changed_at
                await self._look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        there, found = await asyncio.to_thread(self._find, self._opened.keys() | self._without)
        for path in self._opened.keys() - there:  # those that were open have ended by themselves
            self._opened.pop(path).close()
        for path, (device, keys) in found.items():
            self._opened[path] = _Opened(device, keys, self._gone)

    def _find(self, known: Set[str]) -> tuple[set[str], dict[str, tuple[Device, list[Wanted]]]]:
        # Thread: any. What is there, and what of it was opened just now. The kernel takes its time to close one.
        paths = {str(path) for path in self._directory.glob("event*")}
        found: dict[str, tuple[Device, list[Wanted]]] = {}
        refused = set()
        for path in sorted(paths - known):
            try:
                device = self._open_device(path)
            except PermissionError as error:
                refused.add(path)
                if path not in self._refused:
                    log.warning("keys: %s can't be read (%s); %s", path, error.strerror, NOT_ALLOWED)
            except OSError as error:
                log.info("keys: %s can't be read (%s)", path, error.strerror)
            else:
                keys = [wanted for wanted in self._wanted if wanted.is_on(device)]
                if keys:
                    found[path] = device, keys
                else:
                    device.close()
                    self._without.add(path)
        self._refused = refused
        return paths, found

    def _gone(self, path: str) -> None:
        self._opened.pop(path, None)
        self._seen_at = None  # another may have come under its name


class _Opened:
    """A device that has keys that mean something."""

    def __init__(self, device: Device, keys: Sequence[Wanted], on_gone: Callable[[str], object]) -> None:
        self._device = device
        self._keys = keys
        self._on_gone = on_gone
        self._down: list[Wanted] = []
        self._loop = asyncio.get_running_loop()
        log.info("keys: %s of %s (%s)", ", ".join(each.name for each in keys), device.name, device.path)
        if any(each.grab for each in keys):
            try:
                device.grab()
            except OSError as error:
                log.warning("keys: %s can't be had alone (%s); others see its keys, too", device.name, error.strerror)
        self._loop.add_reader(device.fd, self._read)

    def close(self) -> None:
        self._loop.remove_reader(self._device.fd)
        self._device.close()
        self._let_go()

    def forget(self) -> None:
        """Nobody is told of what comes up from now on."""
        self._down.clear()

    def _read(self) -> None:
        try:
            data = os.read(self._device.fd, _AT_ONCE * _EVENT.size)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            log.info("keys: %s is gone", self._device.name)
            self.close()
            self._on_gone(self._device.path)
            return
        for _, _, kind, code, value in _EVENT.iter_unpack(data[: len(data) // _EVENT.size * _EVENT.size]):
            if (kind, code) == (_SYN, _SYN_DROPPED):  # nobody knows what has come up meanwhile
                self._let_go()
            elif kind == _KEY:
                self._change(code, value)

    def _change(self, code: int, value: int) -> None:
        for wanted in self._keys:
            if wanted.code != code:
                continue
            if value == _DOWN and wanted not in self._down:
                self._down.append(wanted)
                wanted.on_change(True)
            elif value == _UP and wanted in self._down:
                self._down.remove(wanted)
                wanted.on_change(False)

    def _let_go(self) -> None:
        down, self._down = self._down, []
        for wanted in down:
            wanted.on_change(False)


class _EvdevDevice:
    def __init__(self, device: Any, keys: frozenset[int]) -> None:
        self._device = device
        self.fd: int = device.fd
        self.name: str = device.name
        self.path: str = device.path
        self.keys = keys

    def grab(self) -> None:
        self._device.grab()

    def close(self) -> None:
        self._device.close()


def open_evdev(path: str) -> Device:
    """The device there. Blocks.

    Raises:
        OSError: it can't be read.
    """
    import evdev

    device = evdev.InputDevice(path)
    return _EvdevDevice(device, frozenset(device.capabilities().get(evdev.ecodes.EV_KEY, ())))


def key_code(name: str) -> int:
    """The number of a key.

    Raises:
        ConfigError: there is no such key, or evdev is not installed.
    """
    codes = _codes()
    if name in codes:
        return codes[name]
    near = difflib.get_close_matches(name, codes, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ConfigError([f"keys: there is no key {name}{hint} (clonespeaker doctor --press tells what is pressed)"])


def key_names() -> dict[int, str]:
    """The name of each key, by its number. As `key_code`."""
    return {code: name for name, code in reversed(_codes().items())}


def _codes() -> dict[str, int]:
    try:
        from evdev import ecodes
    except ImportError as error:
        raise ConfigError(
            [
                f"keys: this needs the Python package evdev, which can't be loaded ({error}); install it "
                "(apt install python3-evdev, or pip install 'clonespeaker[keys]'), or take the keys out"
            ]
        ) from error
    return {name: code for name, code in ecodes.ecodes.items() if name.startswith(("KEY_", "BTN_"))}
