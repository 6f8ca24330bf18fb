from __future__ import annotations

import pytest

from clonespeaker.config.settings import Settings
from tests.config.settings_text import check_mistake, leaves, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("speaker: {volume: loud}", "speaker.volume: 'loud' is not a whole number from 0 to 100"),
        ("speaker: {volume: 101}", "speaker.volume: '101' is not a whole number from 0 to 100"),
        ("speaker: {volume: 7.5}", "speaker.volume: '7.5' is not a whole number from 0 to 100"),
        ("speaker: {volume: yes}", "speaker.volume: 'yes' is not a whole number from 0 to 100"),
        ("speaker: {volume: '7'}", "speaker.volume: '7' is not a whole number from 0 to 100; take the quotes off"),
        ("speaker: {volume: [7]}", "speaker.volume: a list is not a whole number from 0 to 100"),
        ("speaker: {device: {a: b}}", "speaker.device: a group of settings is not auto, default, an ALSA card id,"),
        ("speaker: {read_ahead_s: .nan}", "speaker.read_ahead_s: '.nan' is not a number from 5 to 300"),
        ("speaker: {read_ahead_s: .inf}", "speaker.read_ahead_s: '.inf' is not a number from 5 to 300"),
        ("speaker: {volume: !!bool maybe}", "speaker.volume: 'maybe' is not a whole number from 0 to 100"),
        ("speaker: {volume: !!int '+'}", "speaker.volume: '+' is not a whole number from 0 to 100"),
        ("speaker: {volume: !!timestamp x}", "speaker.volume: 'x' is not a whole number from 0 to 100"),
        ("speaker: {volume: " + "9" * 5000 + "}", "speaker.volume: '" + "9" * 60 + "…' is not a whole number"),
        ("sounds: {earcons: maybe}", "sounds.earcons: 'maybe' is not true or false"),
        ("clone: {reply: voise}", "clone.reply: 'voise' is not one of text, voice; did you mean voice?"),
        (
            "lights: {kind: leds}",
            "lights.kind: 'leds' is not one of apa102, led, none, rgb, sk6812, ws2812; did you mean",
        ),
        ("lights: {pins: GPIO5}", "lights.pins: 'GPIO5' is not a list like [a, b]; write [GPIO5]"),
        ("lights: {pins: GPIO55}", "lights.pins: 'GPIO55' is not a list like [a, b]"),
        ("lights: {spi: 0}", "lights.spi: '0' is not an SPI port like 0.0"),
        ("lights: {quiet_hours: 22-7}", "lights.quiet_hours: '22-7' is not hours like 22:00-07:00"),
        ("board: respeaker", "board: 'respeaker' is not one of adafruit-voice-bonnet, "),
        ("board: respeeker", "respeaker-2mic, wm8960; did you mean respeaker-2mic?"),
        ("board: [wm8960]", "board: a list is not one of adafruit-voice-bonnet, "),
        ("clone: {conversation_id: 7}", "clone.conversation_id: '7' is not an id like 123e4567-"),
        ('clone: {slug: "a\\nb"}', "clone.slug: 'a\\nb' is not a name"),
        ('clone: {slug: "\\ud800"}', "clone.slug: '\\ud800' is not a name"),
        ("clone: {slug: !secret slug}", "clone.slug: !secret means nothing here; write the value itself"),
        ("status: {allowed_origins: http://a}", "status.allowed_origins: 'http://a' is not a list like [a, b]"),
        ("buttons: mute", "buttons: 'mute' is not a list with a line like - {pin: GPIO5, press: mute} for each button"),
        ("keys: mute", "keys: 'mute' is not a list with a line like - {key: KEY_PAGEDOWN, press: talk} for each key"),
        (
            "buttons: {pin: GPIO5}",
            "buttons: a group of settings is not a list with a line like - {pin: GPIO5, press: mute} for each button; "
            "begin it with -, on a line of its own",
        ),
        (
            "buttons:\n  - pin: GPIO5\n    press: mute\n  - pin: GPIO6\n    press: shout",
            "config.yaml:5: buttons: item 2: press: 'shout' is not one of",
        ),
        (
            "buttons:\n  - {pin: GPIO5, press: mute}\n  - {press: mute}",
            "config.yaml:3: buttons: item 2: pin is missing",
        ),
        ("lights:\n  pins:\n    - GPIO5\n    - GPIO55", "config.yaml:4: lights.pins: 'GPIO55' is not a pin"),
        ("buttons: [GPIO5]", "buttons: item 1: 'GPIO5' is not a group like {pin: …}"),
        ("buttons: [{press: mute}]", "buttons: item 1: pin is missing"),
        ("buttons: [{pin: GPIO5, pres: mute}]", "buttons: item 1: pres: no such setting; did you mean press?"),
        (
            "buttons: [{pin: GPIO5, x: 1}]",
            "buttons: item 1: x: no such setting; there are pin, pull, bounce_ms, press, ",
        ),
        ("buttons: [{pin: GPIO5, ? [a] : 1}]", "buttons: item 1: a list or a group: no such setting; there are pin, "),
        ("buttons: [{pin: GPIO5, pin: GPIO6}]", "buttons: item 1: pin: set before; delete one of the two"),
        (
            "buttons: [{pin: GPIO5, press: mute}, {pin: GPIO99, press: mute}]",
            "buttons: item 2: pin: 'GPIO99' is not a pin like GPIO17",
        ),
        (
            "buttons: [{pin: GPIO5, press: volumeup}]",
            "buttons: item 1: press: 'volumeup' is not one of cancel, mute, new-conversation, volume-down, volume-up; "
            "did you mean volume-up?",
        ),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    check_mistake(text, expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\ufeff",
        "# nothing\n",
        "---\n",
        "~",
        "clone:\n",
        "speaker: {}\nlights: ~\n",
        "speaker:\n  volume:\n",
        "speaker: {volume: null}",
        "clone: {slug: ''}",
        "board:",
    ],
)
def test_nothing_said_is_the_default(text: str) -> None:
    assert read(text) == Settings()


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("speaker: {volume: 7}", "speaker.volume", 7),
        ("speaker: {read_ahead_s: 12}", "speaker.read_ahead_s", 12.0),
        ("speaker: {read_ahead_s: 7.5}", "speaker.read_ahead_s", 7.5),
        ("sounds: {earcons: no}", "sounds.earcons", False),
        ("button: {pin: 17}", "button.pin", "17"),
        ("clone: {slug: 2024}", "clone.slug", "2024"),
        ("clone: {slug: on}", "clone.slug", "on"),
        ("clone: {slug: 2026-13-41}", "clone.slug", "2026-13-41"),
        ("microphone: {device: ' USB Audio '}", "microphone.device", "USB Audio"),
        ("clone:\n  slug: |\n    a\n", "clone.slug", "a"),
        ("status: {allowed_origins: [http://a, 'http://b:1']}", "status.allowed_origins", ("http://a", "http://b:1")),
        ("state_dir: /srv/x", "state_dir", "/srv/x"),
        ("speaker: &s {device: Device}\nmicrophone: *s", "microphone.device", "Device"),
    ],
)
def test_values(text: str, key: str, value: object) -> None:
    assert leaves(read(text))[key] == value
