"""The settings: one frozen type per section of `config.yaml`, each field with its default, range and meaning.

What people touch, see and hear is in `front.py`, all else here.

Every single-value check, every "is not …" message and the JSON Schema are taken from the annotations here; only
what concerns two settings at once is checked elsewhere, in `conflicts.py`.
The word at the end of a name is its unit: `_ms` milliseconds, `_s` and `_seconds` seconds, `_hz` samples a second.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from clonespeaker.config.forms import (
    WORDS,
    AbsolutePath,
    BoardName,
    Email,
    Host,
    Name,
    Origin,
    PublicUrl,
    ServerUrl,
    SoundDevice,
    Uuid,
)
from clonespeaker.config.front import Button, FurtherButton, Key, Kiosk, Lights, MuteSwitch, Sounds
from clonespeaker.config.section import Section

__all__ = [
    "Button", "Clone", "FurtherButton", "Key", "Kiosk", "Lights", "Microphone", "MuteSwitch", "Settings", "Sounds",
    "Speaker", "Status",
]  # fmt: skip


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


class Settings(Section, frozen=True, kw_only=True):
    """Everything that can be set; `Settings()` is a device as it comes."""

    clone: Clone = Clone()
    microphone: Microphone = Microphone()
    speaker: Speaker = Speaker()
    button: Button = Button()
    buttons: Annotated[
        tuple[FurtherButton, ...],
        Meta(
            description="Further buttons, each with a pin and what press, long_press and double_press do.",
            extra={WORDS: "a list with a line like - {pin: GPIO5, press: mute} for each button"},
        ),
    ] = ()
    keys: Annotated[
        tuple[Key, ...],
        Meta(
            description="Keys of keyboards, pedals and presenters, with what they do. Needs the extra `keys`.",
            extra={WORDS: "a list with a line like - {key: KEY_PAGEDOWN, press: talk} for each key"},
        ),
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
