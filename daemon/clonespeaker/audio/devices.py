"""Sound devices: their names that stay, what the settings may mean by one, and what to ask of it.

Card numbers change from boot to boot, so nobody configures them: a device is `auto` (a USB card where there is
one, else ALSA's default), `default`, an ALSA card id (`cat /proc/asound/cards`: the word in brackets), the USB port
that the card sits in (`usb:1-1.2`, which tells two cards of one model apart), or part of a name.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Direction = Literal["microphone", "speaker"]

RATES_HZ = (44_100, 48_000, 32_000, 22_050, 16_000, 96_000, 8_000)
"""The usual rates, those nearest to what speech wants first."""

_ASOUND = Path("/proc/asound")
_SYS_SOUND = Path("/sys/class/sound")


@dataclass(frozen=True, slots=True)
class Device:
    """A device as PortAudio lists it.

    Attributes:
        index: PortAudio's number of it; good until the next enumeration.
        name: what PortAudio calls it.
        card_id: ALSA's id of the card, which stays over reboots; None for what is no card.
        is_usb: the card sits on USB.
        usb_port: where there, as the kernel writes it: bus, port, ports of hubs, `1-1.2`; None where that is unknown.
        microphone_channels: channels it captures; 0: it doesn't.
        speaker_channels: channels it plays; 0: it doesn't.
        default_rate_hz: what PortAudio would open it with.
    """

    index: int
    name: str
    card_id: str | None
    is_usb: bool
    microphone_channels: int
    speaker_channels: int
    default_rate_hz: int
    usb_port: str | None = None

    def channels(self, direction: Direction) -> int:
        """Channels in that direction."""
        return self.microphone_channels if direction == "microphone" else self.speaker_channels

    @property
    def stable_name(self) -> str:
        """What to write into the settings."""
        return self.card_id or self.name


class Card(NamedTuple):
    """The card that a device belongs to; see `Device`."""

    id: str | None
    is_usb: bool
    usb_port: str | None


def card_of(name: str, *, asound: Path = _ASOUND, sys_sound: Path = _SYS_SOUND) -> Card:
    """The card that a PortAudio name like `USB Audio: - (hw:1,0)` means, as ALSA and the kernel know it."""
    number = re.search(r"\(hw:(\d+),\d+\)", name)
    if number is None:
        return Card(None, False, None)
    card = asound / f"card{number[1]}"
    # /sys/class/sound/card1/device is the USB interface: …/usb1/1-1/1-1.2/1-1.2:1.0
    interface = re.fullmatch(r"(\d+-\d+(?:\.\d+)*):\d+\.\d+", (sys_sound / card.name / "device").resolve().name)
    return Card(_read(card / "id"), (card / "usbid").exists(), interface and interface[1])


def match(able: list[Device], wanted: str, *, default_index: int | None) -> list[Device]:
    """Those of `able` that `wanted` may mean, best first; see the module's beginning."""
    default = [device for device in able if device.name == "default"] or [
        device for device in able if device.index == default_index
    ]
    if wanted == "default":
        return default
    if wanted == "auto":
        return list(dict.fromkeys([device for device in able if device.is_usb] + default))
    if wanted.startswith("usb:"):
        return [device for device in able if device.usb_port == wanted.removeprefix("usb:")]
    exact = [device for device in able if wanted in (device.card_id, device.name)]
    return exact or [device for device in able if wanted.casefold() in device.name.casefold()]


def shapes(device: Device, direction: Direction) -> Iterator[tuple[int, int]]:
    """Rates and channel counts to try.

    First the device's default rate: when PortAudio enumerated, it took the one nearest to 44.1 kHz for that. It is
    more than a short cut. While another stream runs, a refusal may be reported as success (PortAudio 19.6 keeps the
    error in a global variable, `paUtilErr_`, which that stream's thread sets back), and the device then runs at a
    rate that nobody knows of: the voice has the wrong pitch.

    A microphone of two channels is opened with both: PortAudio gives who wants one the left, which may be silent.
    """
    most = device.channels(direction)
    counts = sorted({1, min(2, most), min(most, 8)}, reverse=direction == "microphone" and most == 2)
    for rate_hz in dict.fromkeys((device.default_rate_hz, *RATES_HZ)):
        for channels in counts:
            yield rate_hz, channels


def holder(device: Device) -> str:
    """Who holds a card, as ALSA knows it: " (held by firefox, process 812)", or "" where nobody can tell."""
    if device.card_id is None:
        return ""
    for status in _ASOUND.glob(f"{device.card_id}/pcm*/sub*/status"):
        owner = re.search(r"owner_pid\s*:\s*(\d+)", _read(status) or "")
        if owner:
            return f" (held by {_read(Path('/proc') / owner[1] / 'comm') or 'another program'}, process {owner[1]})"
    return ""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a part of a card open."""

    card_id: str
    direction: Direction
    program: str
    process: int


def holders(asound: Path = _ASOUND) -> list[Holder]:
    """All who hold cards, this process excepted, as far as ALSA tells."""
    found = set()
    for status in asound.glob("card*/pcm*/sub*/status"):
        owner = re.search(r"owner_pid\s*:\s*(\d+)", _read(status) or "")
        if owner and owner[1] != str(os.getpid()):
            card, pcm = status.parents[2], status.parent.parent.name
            program = _read(Path("/proc") / owner[1] / "comm") or "another program"
            direction: Direction = "microphone" if pcm.endswith("c") else "speaker"
            found.add(Holder(_read(card / "id") or card.name, direction, program, int(owner[1])))
    return sorted(found, key=lambda holder: (holder.card_id, holder.direction, holder.process))


def devices_there() -> tuple[object, ...]:
    """The kernel's cards and the sound servers' doors: differs where one has come or gone, and only there."""
    run = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    doors = [f"{run}/pulse/native", f"{run}/pipewire-0", "/run/pulse/native", "/run/pipewire/pipewire-0"]
    doors.append(os.environ.get("PULSE_SERVER", "").removeprefix("unix:"))
    there: list[object] = [_read(_ASOUND / "cards")]
    for door in doors:
        with contextlib.suppress(OSError):
            there.append((door, os.stat(door).st_ino, os.stat(door).st_mtime_ns))
    return tuple(there)


def cards_held() -> frozenset[tuple[str, str]]:
    """Which parts of which cards other programs hold, and who: differs where one has been taken or set free.

    PortAudio does not even list a card that is held when it looks.
    """
    owners = {
        str(status): re.search(r"owner_pid\s*:\s*(\d+)", _read(status) or "")
        for status in _ASOUND.glob("card*/pcm*/sub*/status")
    }
    return frozenset(
        (where, owner[1]) for where, owner in owners.items() if owner is not None and owner[1] != str(os.getpid())
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
