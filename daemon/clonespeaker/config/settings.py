"""The settings: one frozen type per section of `config.yaml`, each field with its default, range and meaning.

Every single-value check, every "is not …" message and the JSON Schema are taken from the annotations here; only
what concerns two settings at once is checked elsewhere, in `conflicts.py`.
The word at the end of a name is its unit: `_ms` milliseconds, `_s` and `_seconds` seconds, `_hz` samples a second.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from clonespeaker.config.forms import (
    AbsolutePath,
    BoardName,
    Email,
    Host,
    Hours,
    InputDevice,
    KeyName,
    Name,
    Origin,
    Pin,
    PublicUrl,
    ServerUrl,
    SoundDevice,
    Spi,
    Title,
    Uuid,
)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all sections have in common: they can't be changed, and know all their keys."""


class Clone(Section, frozen=True, kw_only=True):
    """The clone to talk with, and how."""

    base_url: Annotated[
        ServerUrl,
        Meta(description="The clone's server. Plain http only to this machine, unless allow_http is true."),
    ] = "https://api.delphi.ai"
    slug: Annotated[
        Name | None,
        Meta(description="The clone's name, as in its web address. Needed unless conversation_id is set."),
    ] = None
    conversation_id: Annotated[
        Uuid | None, Meta(description="An existing conversation to go on with. Empty: a new one for this device.")
    ] = None
    instance_slug: Annotated[
        Name | None, Meta(description="One instance of the clone, where it has several. Empty: the usual one.")
    ] = None
    user_email: Annotated[
        Email | None, Meta(description="Whose conversations these are: makes them personal. Empty: nobody's.")
    ] = None
    image_url: Annotated[
        PublicUrl | None,
        Meta(description="A public picture sent with every utterance, a camera's snapshot, say. Empty: none."),
    ] = None
    api_key_file: Annotated[
        AbsolutePath | None,
        Meta(
            description="The file that holds the API key. Empty: the systemd credential `api-key`, else the "
            "environment's CLONESPEAKER_API_KEY."
        ),
    ] = None
    reply: Annotated[
        Literal["voice", "text"],
        Meta(description="What the clone answers with: voice (with text beside it), or text alone."),
    ] = "voice"
    upload: Annotated[
        Literal["auto", "live", "exact"],
        Meta(
            description="How speech is sent: live while the user speaks, exact once the recording is over, or "
            "auto: live until the server refuses that."
        ),
    ] = "auto"
    retry_for_s: Annotated[
        float,
        Meta(
            ge=0,
            le=600,
            description="Seconds in which a question is kept and tried again where the clone can't be reached. "
            "0: told at once.",
        ),
    ] = 20
    new_conversation_after_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86400,
            description="Seconds of quiet after which the next visitor begins a new conversation. 0: never.",
        ),
    ] = 0
    allow_http: Annotated[
        bool, Meta(description="Allow a base_url with plain http to another machine: the key can be overheard.")
    ] = False


class Microphone(Section, frozen=True, kw_only=True):
    """What listens."""

    device: Annotated[
        SoundDevice,
        Meta(
            description="The card to record with: auto (a USB card where there is one, else ALSA's default), "
            "default, an ALSA card id, a USB port (usb:1-1.2), or part of a name."
        ),
    ] = "auto"
    pre_roll_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=5000,
            description="Milliseconds from before the press that belong to the utterance, so that no first word "
            "is lost. Needs keep_open.",
        ),
    ] = 300
    min_hold_ms: Annotated[
        int,
        Meta(ge=0, le=5000, description="Milliseconds the button must be held; a shorter press sends nothing."),
    ] = 250
    max_seconds: Annotated[
        int, Meta(ge=1, le=600, description="Seconds an utterance may last; what has been said is sent then.")
    ] = 60
    keep_open: Annotated[
        bool,
        Meta(description="Keep the microphone open between turns: starts at once, and makes pre-roll possible."),
    ] = True
    noise_suppression: Annotated[
        bool, Meta(description="Take steady noise out of what is sent. Needs the extra `voice`.")
    ] = False
    auto_gain: Annotated[
        bool, Meta(description="Bring what is sent to one level, near or far. Needs the extra `voice`.")
    ] = False


class Speaker(Section, frozen=True, kw_only=True):
    """What answers."""

    device: Annotated[
        SoundDevice,
        Meta(
            description="The card to play on: auto (a USB card where there is one, else ALSA's default), "
            "default, an ALSA card id, a USB port (usb:1-1.2), or part of a name."
        ),
    ] = "auto"
    period_ms: Annotated[
        int,
        Meta(
            ge=2,
            le=100,
            description="Milliseconds of sound the card asks for at once. More is safer, less is quicker.",
        ),
    ] = 10
    start_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=2000,
            description="Milliseconds of the reply at hand before it plays. What a bad network needs beyond is learnt.",
        ),
    ] = 60
    read_ahead_s: Annotated[
        float,
        Meta(ge=5, le=300, description="Seconds of the reply held at most while it waits for being played."),
    ] = 30
    lead_in_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=5000,
            description="Milliseconds of silence before a reply, for speakers that wake slowly and swallow its first "
            "word. What they have been awake for since the press counts.",
        ),
    ] = 0
    volume: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="Loudness in percent; 100 is the sound as it came. What is set by hand later is remembered, "
            "until this is changed.",
        ),
    ] = 80
    reply_rate_hz: Annotated[
        int,
        Meta(ge=8000, le=192000, description="Samples a second of replies that come as raw PCM, which do not say."),
    ] = 44100


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


class Status(Section, frozen=True, kw_only=True):
    """The local websocket for screens and programs, and the kiosk page."""

    host: Annotated[
        Host, Meta(description="The address it listens on. Any but this machine's own needs a token_file.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Its port. 0: any free one, for tests.")] = 8777
    token_file: Annotated[
        AbsolutePath | None,
        Meta(description="The file that holds the token clients must show. Empty: none asked for."),
    ] = None
    read_token_file: Annotated[
        AbsolutePath | None,
        Meta(
            description="The file that holds a second token: who shows it may follow, but gives no commands. "
            "Needs a token_file. Empty: none."
        ),
    ] = None
    allowed_origins: Annotated[
        tuple[Origin, ...],
        Meta(description="Web pages from elsewhere that may connect, like https://kiosk.local:8080."),
    ] = ()


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


class Settings(Section, frozen=True, kw_only=True):
    """Everything that can be set; `Settings()` is a device as it comes."""

    clone: Clone = Clone()
    microphone: Microphone = Microphone()
    speaker: Speaker = Speaker()
    button: Button = Button()
    buttons: Annotated[
        tuple[FurtherButton, ...],
        Meta(description="Further buttons, each with a pin and what press, long_press and double_press do."),
    ] = ()
    keys: Annotated[
        tuple[Key, ...],
        Meta(description="Keys of keyboards, pedals and presenters, with what they do. Needs the extra `keys`."),
    ] = ()
    mute_switch: MuteSwitch = MuteSwitch()
    lights: Lights = Lights()
    sounds: Sounds = Sounds()
    status: Status = Status()
    kiosk: Kiosk = Kiosk()
    state_dir: Annotated[AbsolutePath, Meta(description="The directory for what must outlive a restart.")] = (
        "/var/lib/clonespeaker"
    )
    language: Annotated[
        Literal["en", "de", "fr", "es"],
        Meta(description="The language in which whoever stands in front of the device is told something."),
    ] = "en"
    board: Annotated[
        BoardName | None,
        Meta(
            description="The sound board on the header: fills in pins and cards where the settings leave them empty. "
            "Empty: none."
        ),
    ] = None
