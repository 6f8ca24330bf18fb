"""Settings that don't go together: each fits its own range, but not the others."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from clonespeaker.addresses import is_loopback
from clonespeaker.config.boards import board_called
from clonespeaker.config.forms import gpio_number
from clonespeaker.config.secrecy import shown
from clonespeaker.config.settings import Settings

# GPIO2 and GPIO3 are I²C, which wants its 1.8 kΩ to 3.3 V; gpiozero's PinFixedPull.
_PULLED_UP = {2, 3}
_HOST_NAME = re.compile(r"[A-Za-z0-9_.-]+")  # once it is ASCII


def conflicts(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong between settings: the keys at fault, the most likely one first, and why."""
    clone, microphone, speaker = settings.clone, settings.microphone, settings.speaker
    status = settings.status
    host = _host(clone.base_url)
    if host is None:
        yield ("clone.base_url",), f"'{shown(clone.base_url)}' is no address; check host and port"
    elif clone.base_url.startswith("http:") and not is_loopback(host) and not clone.allow_http:
        yield (
            ("clone.base_url", "clone.allow_http"),
            f"plain http would show the API key to the network on its way to {shown(host)}; "
            "use https, or set clone.allow_http: true",
        )
    if clone.image_url and _host(clone.image_url) is None:
        yield ("clone.image_url",), f"'{shown(clone.image_url)}' is no address; check host and port"
    if clone.new_conversation_after_s and clone.conversation_id and not clone.slug:
        yield (
            ("clone.new_conversation_after_s", "clone.slug"),
            "a new conversation needs to know with whom; set clone.slug to the clone's name",
        )
    for name, value in (("min_hold_ms", microphone.min_hold_ms), ("pre_roll_ms", microphone.pre_roll_ms)):
        if value >= microphone.max_seconds * 1000:
            yield (
                (f"microphone.{name}", "microphone.max_seconds"),
                f"must be shorter than the longest utterance; {name} is {value}, "
                f"max_seconds {microphone.max_seconds} ({microphone.max_seconds * 1000} ms)",
            )
    if 0 < speaker.start_ms < speaker.period_ms:
        yield (
            ("speaker.start_ms", "speaker.period_ms"),
            f"playing starts with at least one period at hand; start_ms ({speaker.start_ms}) must be 0 or not "
            f"below period_ms ({speaker.period_ms})",
        )
    yield from _pins(settings)
    yield from _board(settings)
    yield from _lights(settings)
    yield from _keys(settings)
    if not is_loopback(status.host) and status.token_file is None:
        yield (
            ("status.host", "status.token_file"),
            f"'{shown(status.host)}' lets others on the network in; name a file with a token in status.token_file, "
            "or use 127.0.0.1",
        )
    for origin in status.allowed_origins:
        if _host(origin) is None:
            yield ("status.allowed_origins",), f"'{shown(origin)}' is no origin; check host and port"
    if status.read_token_file is not None and status.token_file is None:
        yield (
            ("status.read_token_file", "status.token_file"),
            "lets programs follow with this token and control without any; name a file with another token in "
            "status.token_file",
        )
    if status.read_token_file is not None and status.read_token_file == status.token_file:
        yield (
            ("status.read_token_file", "status.token_file"),
            "the same file as status.token_file; who may only follow needs a token of its own",
        )


# How many pins a kind of lights may have.
_PINS = {"led": {1}, "rgb": {3}, "apa102": {0, 2}, "ws2812": {0}, "sk6812": {0}}
_NEEDED = {
    "led": "a LED needs one pin: pins: [GPIO27]",
    "rgb": "an RGB LED needs three pins, red, green and blue: pins: [GPIO22, GPIO27, GPIO23]",
    "apa102": "lamps with a clock need none on an SPI port, else two, data and clock: pins: [GPIO5, GPIO6]",
    "ws2812": "lamps without a clock can be driven by an SPI port alone; leave pins empty",
}
_NEEDED["sk6812"] = _NEEDED["ws2812"]
# What the kernel takes for an SPI port, by its bus; of the others the overlay says.
_SPI_PINS = {"0": {7, 8, 9, 10, 11}, "1": {19, 20, 21}}


def _lights(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    lights = settings.lights
    begin, _, end = (lights.quiet_hours or "").partition("-")
    if begin and begin == end:
        yield (
            ("lights.quiet_hours",),
            f"{lights.quiet_hours} is no time at all; write hours like 22:00-07:00, or leave it empty (brightness is "
            "for the whole day)",
        )
    if lights.kind == "none":
        return
    if len(lights.pins) not in _PINS[lights.kind]:
        yield ("lights.pins", "lights.kind"), _NEEDED[lights.kind]
    if lights.kind in ("led", "rgb") and lights.count > 1:
        yield (
            ("lights.count", "lights.kind"),
            f"{lights.count} lamps in a row are apa102, ws2812 or sk6812; {lights.kind} is one lamp",
        )
    pins = [gpio_number(pin) for pin in lights.pins]
    if len(set(pins)) < len(pins):
        yield ("lights.pins",), "the same pin twice"
    taken = set(pins) or _SPI_PINS.get(lights.spi.partition(".")[0], set())
    for key, pin, _, _ in _claims(settings):
        if gpio_number(pin) in taken:
            what = "a light" if pins else f"the SPI port of the lights (spi: {lights.spi})"
            yield ("lights.pins", key, "lights.kind"), f"{pin} is taken by {key} and by {what}; take another"


def _claims(settings: Settings) -> Sequence[tuple[str, str, str, str]]:
    """Pins with a contact: the setting that claims it, the pin, the setting of its resistor, that resistor."""
    button, switch = settings.button, settings.mute_switch
    claims = [("button.pin", button.pin, "button.pull", button.pull)] if button.source == "gpio" else []
    claims += [("buttons", each.pin, "buttons", each.pull) for each in settings.buttons]
    if switch.pin is not None:
        claims.append(("mute_switch.pin", switch.pin, "mute_switch.pull", switch.pull))
    return claims


def _pins(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    claimed: dict[int, str] = {}
    for key, pin, pull_key, pull in _claims(settings):
        number = gpio_number(pin)
        if number in _PULLED_UP and pull != "up":
            yield (
                (pull_key, key),
                f"{pin} has a resistor to 3.3 V on the board; set {_pull_of(pull_key)}: up, or take another pin",
            )
        if number in claimed:
            other = claimed[number]
            whose = other if other != "buttons" else f"{'another' if key == other else 'one'} of the buttons'"
            yield (key, other), f"{pin} is {whose} already; each needs a pin of its own"
        claimed.setdefault(number, key)
    for each in settings.buttons:
        if each.press is each.long_press is each.double_press is None:
            yield ("buttons",), f"the one on {each.pin} does nothing; give it press, long_press or double_press"


def _board(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    if settings.board is None:
        return
    reserved = {gpio_number(pin): use for pin, use in board_called(settings.board).reserved.items()}
    shining = [("lights.pins", pin) for pin in settings.lights.pins] if settings.lights.kind != "none" else []
    for key, pin in [*((key, pin) for key, pin, _, _ in _claims(settings)), *shining]:
        if (use := reserved.get(gpio_number(pin))) is not None:
            yield (key, "board"), f"{pin} is taken by the board ({settings.board}: {use}); take another"


def _keys(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    seen = set()
    for each in settings.keys:
        others = each.long_press is not None or each.double_press is not None
        if each.press is None and not others:
            yield ("keys",), f"{each.key} does nothing; give it press, long_press or double_press"
        if each.press == "talk" and others:
            yield ("keys",), f"{each.key}: whoever talks holds it, so it can have no long_press or double_press besides"
        if (each.key, each.device) in seen:
            yield ("keys",), f"{each.key} is there twice; put all that it does into one"
        seen.add((each.key, each.device))


def _pull_of(key: str) -> str:
    return "its pull" if key == "buttons" else key


def _host(url: str) -> str | None:
    """The host of a web address, or None where host or port can't be."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            ipaddress.IPv6Address(host)
        elif not _HOST_NAME.fullmatch(host.encode("idna").decode()):
            return None
    except ValueError:
        return None
    return host if port != 0 else None
