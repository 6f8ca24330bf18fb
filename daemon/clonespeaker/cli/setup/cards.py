"""The steps for the microphone and the speaker: which card, and does it open."""

from __future__ import annotations

from clonespeaker.audio.devices import Device, Direction
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.cli.setup.dialogue import Dialogue
from clonespeaker.cli.setup.draft import Draft
from clonespeaker.cli.terminal import say, table
from clonespeaker.errors import ConfigError, DeviceError
from clonespeaker.wiring import make_microphone, make_speaker

SKIP = "skip"


def choose_given(name: str, direction: Direction, draft: Draft, sound: SoundSystem | None) -> None:
    """Take the card that an option names; it is opened once, where there is a `sound` to open it with.

    Raises:
        ConfigError: that can't be a card's name.
        DeviceError: there is no such card, or it can't be opened.
    """
    key = f"{direction}.device"
    if wrong := draft.wrong(key, name):
        raise ConfigError([f"--{direction} {name}: {wrong}"])
    draft.set(key, name)
    if sound is not None:
        open_once(sound, direction, draft)


def choose(direction: Direction, draft: Draft, sound: SoundSystem, talk: Dialogue) -> bool:
    """Ask for a card until one opens; False: left as it was."""
    key = f"{direction}.device"
    while True:
        sound.refresh()
        able = [device for device in sound.devices() if device.channels(direction)]
        if not able:
            talk.warn(f"No {direction} found. Plug one in; Enter looks again.")
        names = ["auto", *_worth_showing(able)]
        _show(direction, names, able, sound)
        answer = talk.ask(
            f"Which {direction}? A number or a name; {SKIP} leaves it as it is",
            getattr(draft.settings, direction).device,
            lambda answer, names=names: _wrong(answer, names, key, draft),  # type: ignore[misc]
        )
        if answer == SKIP:
            return False
        draft.set(key, _meant(answer, names))
        try:
            open_once(sound, direction, draft)
            return True
        except DeviceError as error:
            talk.warn(str(error))


def open_once(sound: SoundSystem, direction: Direction, draft: Draft) -> None:
    """Open the card and give it back. Blocks.

    Raises:
        DeviceError: there is none, it is busy, or takes no rate at all.
    """
    settings = draft.settings
    device = (
        make_microphone(sound, settings.microphone)
        if direction == "microphone"
        else make_speaker(sound, settings.speaker)
    )
    device.open()
    device.close()


def _worth_showing(able: list[Device]) -> list[str]:
    """Cards, and `default`; the many names of ALSA's plugins only where there is nothing else."""
    cards = [device.stable_name for device in able if device.card_id is not None or device.name == "default"]
    return list(dict.fromkeys(cards or [device.stable_name for device in able]))


def _show(direction: Direction, names: list[str], able: list[Device], sound: SoundSystem) -> None:
    rows = []
    for number, name in enumerate(names, 1):
        device = next((device for device in able if device.stable_name == name), None)
        if name == "auto":
            taken = sound.find("auto", direction)[0].stable_name if able else "none"
            words = f"a USB card where there is one; now {taken}"
        else:
            assert device is not None  # each name but `auto` is a device's
            words = "what ALSA takes by itself" if name == "default" else device.name.partition(" (hw:")[0]
            words += ", USB" if device.is_usb else ""
        rows.append((f"{number:3}", name, words))
    say(table(rows))


def _meant(answer: str, names: list[str]) -> str:
    return names[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(names) else answer


def _wrong(answer: str, names: list[str], key: str, draft: Draft) -> str:
    if answer.isdecimal() and not 0 < int(answer) <= len(names):
        return f"a number from 1 to {len(names)}, or a name"
    return "" if answer == SKIP else draft.wrong(key, _meant(answer, names))
