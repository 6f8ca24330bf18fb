"""`devices`: what there is to hear, to be heard, and to press."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

from clonespeaker.audio.devices import Direction
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.cli.terminal import coloured, say, say_json, table
from clonespeaker.controls.plugged import plugged_in


def main(options: argparse.Namespace) -> int:
    """List it."""
    with closing(SoundSystem()) as sound:
        found: dict[str, Any] = {
            "microphones": _devices(sound, "microphone"),
            "speakers": _devices(sound, "speaker"),
            "gpio_chips": gpio_chips(),
            "inputs": [
                {"name": each.name, "path": each.stable_path, "readable": each.readable} for each in plugged_in()
            ],
        }
    if options.json:
        say_json(found)
        return 0
    for title, setting in (("microphones", "microphone.device"), ("speakers", "speaker.device")):
        say(coloured(f"{title} (for {setting}; * is what auto takes)", "bold"))
        rows = [
            (
                " *" if device["auto"] else "  ",
                device["name"],
                f"usb:{device['usb_port']}" if device["usb_port"] else "USB" if device["usb"] else "",
                f"{device['channels']} channel(s)",
                ", ".join(map(str, device["rates_hz"])) + " Hz"
                if device["rates_hz"]
                else "takes no usual rate, or is in use",
            )
            for device in found[title]
        ]
        say(table(rows) or "  none; plug one in, and see `cat /proc/asound/cards`")
    say(coloured("gpio chips", "bold"))
    say("\n".join(f"   {chip}" for chip in found["gpio_chips"]) or "  none; set button.source to keyboard or none")
    say(coloured("keyboards, pedals, presenters (for keys)", "bold"))
    inputs = [
        ("  ", each["name"], each["path"], "" if each["readable"] else "not for this user to read")
        for each in found["inputs"]
    ]
    say(table(inputs) or "   none")
    return 0


def gpio_chips() -> list[str]:
    """Device files of GPIO chips, such as /dev/gpiochip0."""
    return sorted(str(path) for path in Path("/dev").glob("gpiochip*"))


def _devices(sound: SoundSystem, direction: Direction) -> list[dict[str, Any]]:
    able = [device for device in sound.devices() if device.channels(direction)]
    auto = sound.find("auto", direction)[:1] if able else []
    return [
        {
            "name": device.stable_name,
            "portaudio_name": device.name,
            "usb": device.is_usb,
            "usb_port": device.usb_port,
            "channels": device.channels(direction),
            "rates_hz": sound.rates_hz(device, direction),
            "auto": device in auto,
        }
        for device in able
    ]
