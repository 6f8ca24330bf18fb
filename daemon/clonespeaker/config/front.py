"""The settings of what whoever stands in front of the device touches, sees and hears; see `settings.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from clonespeaker.config.forms import (
    AbsolutePath,
    Hours,
    InputDevice,
    KeyName,
    Pin,
    Spi,
    Title,
)
from clonespeaker.config.section import Section


class Button(Section, frozen=True, kw_only=True):
    """What starts a turn."""

    source: Annotated[
        Literal["gpio", "keyboard", "none"],
        Meta(description="What is pressed: gpio (a pin), keyboard (SPACE), or none (only programs start turns)."),
    ] = "gpio"
    pin: Annotated[Pin, Meta(description="The pin, GPIO17 for instance, or BOARD11 for its place on the header.")] = (
        "GPIO17"
    )
    pull: Annotated[
        Literal["up", "down", "none"],
        Meta(
            description="The resistor on the pin: up (the button connects it to ground), down (to 3.3 V), or none "
            "(one outside, pulling up)."
        ),
    ] = "up"
    bounce_ms: Annotated[
        int, Meta(ge=0, le=500, description="Milliseconds in which a worn contact's chatter counts as one press.")
    ] = 15
    mode: Annotated[
        Literal["hold", "tap"],
        Meta(
            description="hold: speak while it is held. tap: tap to start; silence sends, as do another tap and "
            "max_seconds."
        ),
    ] = "hold"
    end_after_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=10000,
            description="In tap mode, milliseconds of quiet after speech that end it. 0: only a tap or max_seconds do.",
        ),
    ] = 800
    detector: Annotated[
        Literal["auto", "vad", "energy"],
        Meta(
            description="What tells speech from quiet, in tap mode: vad (a model, of the extra `vad`), energy (the "
            "level alone), or auto: vad where it is installed."
        ),
    ] = "auto"


Deed = Literal["volume-up", "volume-down", "mute", "new-conversation", "cancel"]
"""What further buttons do. `mute` mutes, and the next time unmutes."""


class FurtherButton(Section, frozen=True, kw_only=True):
    """One of `buttons`."""

    pin: Annotated[Pin, Meta(description="Its pin, GPIO5 for instance.")]
    pull: Annotated[
        Literal["up", "down", "none"], Meta(description="The resistor on its pin, as for the main button.")
    ] = "up"
    bounce_ms: Annotated[
        int, Meta(ge=0, le=500, description="Milliseconds in which its contact's chatter counts as one press.")
    ] = 15
    press: Annotated[Deed | None, Meta(description="What a press does.")] = None
    long_press: Annotated[Deed | None, Meta(description="What a press of 0.8 s does.")] = None
    double_press: Annotated[Deed | None, Meta(description="What two presses within 0.4 s do.")] = None


class Key(Section, frozen=True, kw_only=True):
    """One of `keys`."""

    key: Annotated[KeyName, Meta(description="Which, by Linux's name for it: KEY_PAGEDOWN for instance.")]
    device: Annotated[
        InputDevice | None,
        Meta(description="Part of the name of the device it is on, or its path. Empty: any device that has it."),
    ] = None
    grab: Annotated[
        bool, Meta(description="Let no other program, a kiosk's browser say, have what is pressed on that device.")
    ] = False
    press: Annotated[
        Literal["talk", "volume-up", "volume-down", "mute", "new-conversation", "cancel"] | None,
        Meta(description="What a press does; talk: the same as the main button's."),
    ] = None
    long_press: Annotated[Deed | None, Meta(description="What a press of 0.8 s does.")] = None
    double_press: Annotated[Deed | None, Meta(description="What two presses within 0.4 s do.")] = None


class MuteSwitch(Section, frozen=True, kw_only=True):
    """A switch that mutes, whatever programs say."""

    pin: Annotated[Pin | None, Meta(description="Its pin, GPIO6 for instance. Empty: there is none.")] = None
    pull: Annotated[
        Literal["up", "down", "none"],
        Meta(
            description="The resistor on the pin: up (the switch connects it to ground), down (to 3.3 V), or none "
            "(one outside, pulling up)."
        ),
    ] = "up"
    muted_when: Annotated[
        Literal["low", "high"], Meta(description="The pin's level that means muted: low (0 V) or high (3.3 V).")
    ] = "low"


class Lights(Section, frozen=True, kw_only=True):
    """What shines."""

    kind: Annotated[
        Literal["none", "led", "rgb", "apa102", "ws2812", "sk6812"],
        Meta(
            description="The lights that tell the state: a LED on a pin, an RGB LED on three, or lamps in a row: "
            "apa102 (DotStar, SK9822), ws2812 (NeoPixel), sk6812 (with a white lamp in each)."
        ),
    ] = "none"
    pins: Annotated[
        tuple[Pin, ...],
        Meta(
            description="led: its pin; rgb: those of red, green and blue; apa102: data and clock, where it is not on "
            "an SPI port. Else empty."
        ),
    ] = ()
    active: Annotated[
        Literal["high", "low"],
        Meta(description="led, rgb: the pin's level at which it shines; low where the LED goes from 3.3 V to the pin."),
    ] = "high"
    spi: Annotated[Spi, Meta(description="The SPI port of lamps in a row: bus and device, 0.0 for /dev/spidev0.0.")] = (
        "0.0"
    )
    count: Annotated[int, Meta(ge=1, le=240, description="How many lamps are in a row.")] = 1
    order: Annotated[
        Literal["rgb", "rbg", "grb", "gbr", "brg", "bgr"] | None,
        Meta(
            description="Lamps in a row: the order in which they take the colours, where theirs are mixed up. "
            "Empty: their kind's."
        ),
    ] = None
    brightness: Annotated[
        int, Meta(ge=0, le=100, description="How bright they look at most, in percent; half looks like half.")
    ] = 50
    quiet_hours: Annotated[
        Hours | None,
        Meta(description="Hours of the night, 22:00-07:00 say, with a brightness of their own. Empty: none."),
    ] = None
    quiet_brightness: Annotated[
        int, Meta(ge=0, le=100, description="How bright they look at most in quiet_hours, in percent. 0: dark.")
    ] = 20


class Sounds(Section, frozen=True, kw_only=True):
    """What is heard besides the clone."""

    earcons: Annotated[
        bool, Meta(description="Short sounds that tell what it does, that something is wrong, and what a hand has set.")
    ] = True
    start: Annotated[
        bool,
        Meta(
            description="A short sound at the press, too. What is said before it has been heard is not recorded, and "
            "there is no pre-roll."
        ),
    ] = False
    speech: Annotated[bool, Meta(description="Say in words, in the device's language, what is wrong.")] = True
    directory: Annotated[
        AbsolutePath | None,
        Meta(
            description="A directory of WAV files that take the place of the built-in sounds: start.wav, "
            "de/offline.wav. Empty: none."
        ),
    ] = None


class Kiosk(Section, frozen=True, kw_only=True):
    """The page for a screen."""

    title: Annotated[Title | None, Meta(description="What stands at the top of the page. Empty: the clone's name.")] = (
        None
    )
    text_percent: Annotated[int, Meta(ge=50, le=200, description="How large its text is, in percent of the usual.")] = (
        100
    )
    theme: Annotated[
        Literal["auto", "light", "dark", "contrast"],
        Meta(description="Its colours: light, dark, contrast (high contrast), or auto: what the browser prefers."),
    ] = "auto"
    controls: Annotated[
        bool, Meta(description="Show buttons for volume, mute and a new conversation. For screens that can be touched.")
    ] = True
