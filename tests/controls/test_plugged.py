from __future__ import annotations

import os
from pathlib import Path

from clonespeaker.controls.plugged import plugged_in


def describe(sys: Path, event: str, name: str, mask: str) -> None:
    capabilities = sys / event / "device/capabilities"
    capabilities.mkdir(parents=True)
    (capabilities / "key").write_text(mask + "\n")
    (capabilities.parent / "name").write_text(name + "\n")


def test_what_has_keys(tmp_path: Path) -> None:
    sys, dev = tmp_path / "sys", tmp_path / "dev"
    (dev / "by-id").mkdir(parents=True)
    # As a kernel tells of a power button, a mouse, a monitor's loudspeaker and a presenter.
    describe(sys, "event10", "Logitech USB Receiver", "210000000000 8000000000000 0")
    describe(sys, "event0", "Power Button", "10000000000000 0")
    describe(sys, "event1", "USB Mouse", "1f0000 0 0 0 0")
    describe(sys, "event2", "HDMI", "0")
    (sys / "event3/device").mkdir(parents=True)  # on its way out
    (dev / "event10").touch()
    os.symlink("../event10", dev / "by-id/usb-Logitech-event-kbd")
    power, mouse, presenter = plugged_in(sys, dev)
    assert (power.name, power.keys, power.readable) == ("Power Button", frozenset({116}), False)
    assert power.path == power.stable_path == str(dev / "event0")
    assert mouse.keys == {0x110, 0x111, 0x112, 0x113, 0x114}
    assert presenter.name == "Logitech USB Receiver"
    assert presenter.keys == {64 + 51, 128 + 40, 128 + 45}
    assert (presenter.stable_path, presenter.readable) == (str(dev / "by-id/usb-Logitech-event-kbd"), True)


def test_none(tmp_path: Path) -> None:
    assert plugged_in(tmp_path / "none", tmp_path / "neither") == []
