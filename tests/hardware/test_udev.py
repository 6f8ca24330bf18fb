"""The udev rules, walked over a tree as the kernel shows it.

`Rules` understands what this file uses of udev's language and fails on the rest. That udev itself reads them so was
seen by hand: `udevadm test` over a tree made by umockdev.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "hardware" / "udev" / "85-clonespeaker.rules"
TOKEN = re.compile(r'\s*([A-Z]+)(?:\{([^}]+)\})?(==|!=|=)"([^"]*)"\s*(?:,|$)')
USB, PLATFORM = "pci0000:00/usb1/1-1/1-1.2/1-1.2:1.0", "platform/soc/soc:sound"
Rule = list[tuple[str, str, str, str]]


def rules() -> list[Rule]:
    found = []
    for line in FILE.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            tokens = list(TOKEN.finditer(line))
            assert "".join(token[0] for token in tokens) == line
            found.append([(token[1], token[2] or "", token[3], token[4]) for token in tokens])
    return found


def matches(token: tuple[str, str, str, str], action: str, device: Path) -> bool:
    key, _, operator, value = token
    value = value.replace("%n", re.sub(r"^.*?(\d*)$", r"\1", device.name))
    match key:
        case "ACTION":
            held = action == value
        case "SUBSYSTEM":
            held = value == "sound"
        case "SUBSYSTEMS":
            held = any("usb" in parent.name for parent in device.parents) is (value == "usb")
        case "KERNEL":
            held = fnmatchcase(device.name, value)
        case "TEST":
            held = (device / value).exists()
        case _:
            raise AssertionError(f"{key} is beyond this test")
    return held is (operator == "==")


def plug_in(devices: Path, where: str, number: int, children: list[str], action: str = "add") -> str:
    """The card's name after the kernel's events, each in turn."""
    card = devices / where / "sound" / f"card{number}"
    card.mkdir(parents=True)
    (card / "id").write_text("Device")
    for child in [*children, f"controlC{number}"]:  # the control device comes last
        (card / child).mkdir()
        for rule in rules():
            conditions, ((key, attribute, operator, value),) = rule[:-1], rule[-1:]
            assert (key, operator) == ("ATTR", "=")
            if all(matches(token, action, card / child) for token in conditions):
                (card / child / attribute).write_text(value)
    return (card / "id").read_text()


@pytest.mark.parametrize(
    ("where", "number", "children", "name"),
    [
        (USB, 1, ["pcmC1D0c"], "Mic"),
        (USB, 1, ["pcmC1D0p"], "Speaker"),
        (USB, 1, ["pcmC1D0p", "pcmC1D0c", "hwC1D0"], "Speakerphone"),
        (USB, 12, ["pcmC12D0p", "pcmC12D1p"], "Speaker"),
        (USB, 2, ["midiC2D0"], "Device"),
        (PLATFORM, 0, ["pcmC0D0c", "pcmC0D0p"], "Device"),
        (PLATFORM, 0, ["pcmC0D0p"], "Device"),
    ],
)
def test_a_card_is_named_for_what_it_does(
    tmp_path: Path, where: str, number: int, children: list[str], name: str
) -> None:
    assert plug_in(tmp_path, where, number, children) == name


@pytest.mark.parametrize("action", ["change", "remove"])
def test_other_events_leave_names_alone(tmp_path: Path, action: str) -> None:
    assert plug_in(tmp_path, USB, 1, ["pcmC1D0c"], action) == "Device"


def test_the_names_are_names_that_the_kernel_takes() -> None:
    for rule in rules():
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,15}", rule[-1][3])


def test_it_runs_before_the_mixer_settings_are_restored() -> None:
    assert "78-sound-card.rules" < FILE.name < "90-alsa-restore.rules"
