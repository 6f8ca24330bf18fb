"""Boards: what is known of a sound board for the Pi's header, and the settings that it fills in.

One file for each, `hardware/boards/NAME.yaml`; in an installed package they lie beside its modules. Everything but
`settings` is for people, and for what may be built on it later.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import UNSET, Meta, UnsetType

from clonespeaker.config.forms import Pin, SoundDevice, Spi
from clonespeaker.errors import ConfigError

_PLACES = (
    Path(__file__).parents[1] / "boards",  # installed
    Path(__file__).parents[3] / "hardware" / "boards",  # in a checkout
)

RESERVED = ("I²C", "I²S", "amplifier's", "headphones'", "screen's")
"""What a pin's use begins with, where nothing else may have it."""

Text = Annotated[str, Meta(min_length=1)]
Url = Annotated[str, Meta(pattern=r"^https://\S+$")]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Sound(_Part, frozen=True):
    """What a board fills into `microphone` or `speaker`."""

    device: SoundDevice


class Button(_Part, frozen=True):
    """What a board fills into `button`."""

    pin: Pin
    pull: Literal["up", "down", "none"]


class Shining(_Part, frozen=True):
    """What a board fills into `lights`; what is not here, it leaves alone."""

    kind: Literal["led", "apa102"]
    count: Annotated[int, Meta(ge=1)] | UnsetType = UNSET
    pins: tuple[Pin, ...] | UnsetType = UNSET
    spi: Spi | UnsetType = UNSET


class Filled(_Part, frozen=True):
    """The settings that a board fills in, in the shape of `config.yaml`; what is not here, it leaves alone."""

    microphone: Sound | UnsetType = UNSET
    speaker: Sound | UnsetType = UNSET
    button: Button | UnsetType = UNSET
    lights: Shining | UnsetType = UNSET


class Lights(_Part, frozen=True):
    """Lights on a board.

    Attributes:
        kind: how they are driven: `led` (a pin each), `apa102` (DotStar: data and clock), `ktd2027` (over I²C).
        count: how many.
        pins: the pins by what they do.
        note: what else matters.
    """

    kind: Literal["led", "apa102", "ktd2027"]
    count: Annotated[int, Meta(ge=1)]
    pins: dict[Text, Pin] = {}
    note: Text | None = None


class Overlay(_Part, frozen=True):
    """What makes the kernel know a board.

    Attributes:
        lines: for `/boot/firmware/config.txt`, each on a line of its own.
        remarks: where the overlay and its driver come from, and what is known to fail.
    """

    lines: tuple[Text, ...]
    remarks: tuple[Text, ...]


class Card(_Part, frozen=True):
    """A sound card that a board becomes.

    Attributes:
        id: ALSA's id of it.
        does: what it can.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,15}$")]
    does: tuple[Literal["capture", "playback"], ...]


class Board(_Part, frozen=True):
    """A board, as its file describes it.

    Attributes:
        title: its name, for people.
        has: what is on it.
        settings: what it fills in.
        pins: the header's pins that it takes, by what for.
        lights: its lights.
        overlay: what the kernel needs.
        cards: the sound cards that it becomes.
        missing: what no source was found for, and is left out therefore.
        sources: for each group above that states facts, where they come from.
        tested: whether this project has run it on the board itself.
    """

    title: Text
    has: tuple[Text, ...]
    settings: Filled
    pins: dict[Text, Pin]
    lights: tuple[Lights, ...]
    overlay: Overlay
    cards: tuple[Card, ...]
    missing: tuple[Text, ...]
    sources: dict[Literal["button", "pins", "lights", "overlay", "cards"], tuple[Url, ...]]
    tested: bool

    @property
    def reserved(self) -> dict[str, str]:
        """What takes which of its pins for itself, by their names; the others are there to be used."""
        return {pin: use for use, pin in self.pins.items() if use.startswith(RESERVED)}


def read(data: bytes) -> Board:
    """The board that a file describes.

    Raises:
        msgspec.ValidationError, yaml.YAMLError: it is not of this shape.
    """
    return msgspec.convert(yaml.safe_load(data), Board)


def board_called(name: str) -> Board:
    """The board of this name.

    Raises:
        ConfigError: its file is not there, which is the installation's fault.
    """
    for place in _PLACES:
        file = place / f"{name}.yaml"
        if file.is_file():
            return _read_once(file)
    raise ConfigError(
        [f"board: the file of {name!r} is not in {_PLACES[0]}; install clonespeaker again, or leave board empty"]
    )


@cache
def _read_once(file: Path) -> Board:
    # For what it fills in, and for the pins that it takes; YAML is slow on a Pi.
    return read(file.read_bytes())


def fills_in(name: str) -> dict[str, Any]:
    """The settings that a board fills in, by their dotted names. Raises ConfigError, as `board_called`."""
    sections: dict[str, dict[str, Any]] = msgspec.to_builtins(board_called(name).settings)
    return {f"{section}.{key}": value for section, keys in sections.items() for key, value in keys.items()}
