"""The forms that texts in the settings may have: for each a pattern, and the words that describe it to people."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

WORDS = "words"
"""Where an annotation keeps the words for what can't be read off a range or choices: "'x' is not <words>"."""

Name = Annotated[str, Meta(pattern=r"^[^\s/?#]+$", extra={WORDS: "a name (without spaces or slashes)"})]
Title = Annotated[
    str,
    Meta(
        pattern=r"^\S(.{0,98}\S)?$", extra={WORDS: "a line of up to 100 characters, with no spaces before and after it"}
    ),
]
Uuid = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        extra={WORDS: "an id like 123e4567-e89b-12d3-a456-426614174000"},
    ),
]
Email = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", extra={WORDS: "an address like ada@example.org"})]
ServerUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://([^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?(/[^\s?#]*)?$",
        extra={WORDS: "a server's address like https://api.delphi.ai (no name, password, ? or # in it)"},
    ),
]
PublicUrl = Annotated[
    str,
    Meta(
        pattern=r"^https?://([^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?([/?]\S*)?$",
        extra={WORDS: "a web address like https://example.org/camera.jpg"},
    ),
]
Origin = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9+.-]*://([A-Za-z0-9_.-]+|\[[0-9a-fA-F:.]+\])(:[1-9]\d{0,4})?$",
        extra={
            WORDS: "an origin as browsers send it, like https://kiosk.local or http://kiosk.local:8080 (nothing after "
            "it, no *; a name with other letters as xn--…)"
        },
    ),
]
AbsolutePath = Annotated[str, Meta(pattern=r"^/", extra={WORDS: "a path from the root on, like /etc/clonespeaker/…"})]
Host = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_.:-]+$", extra={WORDS: "an address like 127.0.0.1, or a host's name"})]
SoundDevice = Annotated[
    str,
    Meta(
        pattern=r"^(?!\d+$|(plug)?hw:\d|usb:(?!\d+-\d+(\.\d+)*$)).+$",
        extra={
            WORDS: "auto, default, an ALSA card id, a USB port like usb:1-1.2 or part of a name (card numbers change "
            "from boot to boot; `clonespeaker devices` lists the names)"
        },
    ),
]
# The pins of the 40-pin header that are no power, ground or id pins, as gpiozero names them.
Pin = Annotated[
    str,
    Meta(
        pattern=r"^((GPIO|BCM)?(1?[0-9]|2[0-7])|BOARD([3578]|1[0-35689]|2[1-46-9]|3[1-35-8]|40))$",
        extra={WORDS: "a pin like GPIO17 (GPIO0 to GPIO27), or BOARD11 for its place on the header"},
    ),
]
KeyName = Annotated[
    str, Meta(pattern=r"^(KEY|BTN)_[A-Z0-9_]+$", extra={WORDS: "a key's name like KEY_PAGEDOWN or BTN_LEFT"})
]
InputDevice = Annotated[
    str, Meta(pattern=r"^.+$", extra={WORDS: "part of a device's name, or a path like /dev/input/by-id/…"})
]
Spi = Annotated[
    str, Meta(pattern=r"^\d{1,2}\.\d$", extra={WORDS: "an SPI port like 0.0 (bus and device, for /dev/spidev0.0)"})
]
Hours = Annotated[
    str,
    Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$", extra={WORDS: "hours like 22:00-07:00"}),
]
# Header place → GPIO number; https://pinout.xyz
_BOARD = {
    3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25,
    23: 11, 24: 8, 26: 7, 27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
}  # fmt: skip


def gpio_number(pin: str) -> int:
    """The number of a `Pin`, however it is called: 17 for GPIO17, BCM17, 17 and BOARD11."""
    return _BOARD[int(pin[5:])] if pin.startswith("BOARD") else int(pin.removeprefix("GPIO").removeprefix("BCM"))


# Each has a file in hardware/boards; a test holds both together.
BoardName = Literal[
    "adafruit-voice-bonnet",
    "aiy-voice-bonnet",
    "aiy-voice-hat-v1",
    "gpio-usb",
    "pirate-audio",
    "respeaker-2mic",
    "wm8960",
]
