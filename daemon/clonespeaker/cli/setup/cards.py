"""The steps for the microphone and the speaker: which card, and does it open."""

from __future__ import annotations

from clonespeaker.audio.devices import Device, Direction
from clonespeaker.cli.setup.devices import Devices
from clonespeaker.cli.setup.dialogue import Dialogue
from clonespeaker.cli.setup.draft import Draft
from clonespeaker.cli.terminal import say, table
from clonespeaker.errors import ConfigError, DeviceError

SKIP = "skip"


def choose_given(name: str, direction: Direction, draft: Draft, devices: Devices | None) -> None:
    """Take the card that an option names; it is opened once, where there are `devices` to look among.

    Raises:
        ConfigError: that can't be a card's name.
        DeviceError: there is no such card, or it can't be opened.
    """
    key = f"{direction}.device"
    if wrong := draft.wrong(key, name):
        raise ConfigError([f"--{direction} {name}: {wrong}"])
    draft.set(key, name)
    if devices is not None:
        devices.open_once(direction)


def choose(direction: Direction, draft: Draft, devices: Devices, talk: Dialogue) -> bool:
    """Ask for a card until one opens; False: left as it was."""
    key = f"{direction}.device"
    while True:
        able, auto = _look(direction, devices, talk)
        names = ["auto", *_worth_showing(able)]
        _show(names, able, auto)
        answer = talk.ask(
            f"Which {direction}? A number or a name; {SKIP} leaves it as it is",
            getattr(draft.settings, direction).device,
            lambda answer, names=names: _wrong(answer, names, key, draft),  # type: ignore[misc]
        )
        if answer == SKIP:
            return False
        draft.set(key, _meant(answer, names))
        try:
            devices.open_once(direction)
            return True
        except DeviceError as error:
            talk.warn(str(error))


def _look(direction: Direction, devices: Devices, talk: Dialogue) -> tuple[list[Device], Device | None]:
    try:
        able, auto = devices.look(direction)
    except DeviceError as error:
        talk.warn(str(error))
        return [], None
    if not able:
        talk.warn(f"No {direction} found. Plug one in; Enter looks again.")
    return able, auto


def _worth_showing(able: list[Device]) -> list[str]:
    """Cards, and `default`; the many names of ALSA's plugins only where there is nothing else."""
    cards = [device.stable_name for device in able if device.card_id is not None or device.name == "default"]
    return list(dict.fromkeys(cards or [device.stable_name for device in able]))


def _show(names: list[str], able: list[Device], auto: Device | None) -> None:
    rows = []
    for number, name in enumerate(names, 1):
        device = next((device for device in able if device.stable_name == name), None)
        if name == "auto":
            words = f"a USB card where there is one; now {auto.stable_name if auto else 'none'}"
        else:
            assert device is not None  # each name but `auto` is a device's
            words = (
                "what ALSA takes by itself"
                if name == "default"
                else device.name.partition(" (hw:")[0].removesuffix(": -")
            )
            words += ", USB" if device.is_usb else ""
        rows.append((f"{number:3}", name, words))
    say(table(rows))


def _meant(answer: str, names: list[str]) -> str:
    return names[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(names) else answer


def _wrong(answer: str, names: list[str], key: str, draft: Draft) -> str:
    if answer.isdecimal() and not 0 < int(answer) <= len(names):
        return f"a number from 1 to {len(names)}, or a name"
    return "" if answer == SKIP else draft.wrong(key, _meant(answer, names))
