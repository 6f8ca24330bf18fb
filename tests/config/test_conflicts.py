from __future__ import annotations

import pytest

from tests.config.settings_text import check_mistake, problems, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clone: {base_url: http://example.org}", "config.yaml:1: clone.base_url: plain http would show the API key"),
        ("clone: {base_url: 'https://a:99999'}", "clone.base_url: 'https://a:99999' is no address"),
        ("clone: {base_url: 'https://[:]'}", "clone.base_url: 'https://[:]' is no address"),
        ("clone: {base_url: 'https://api.delphi.ai\\'}", "clone.base_url: 'https://api.delphi.ai\\' is no address"),
        ("clone: {base_url: 'https://ß..de'}", "clone.base_url: 'https://ß..de' is no address"),
        ("clone: {base_url: 'https://a..b'}", "clone.base_url: 'https://a..b' is no address"),
        (
            "clone: {conversation_id: 123e4567-e89b-12d3-a456-426614174000, new_conversation_after_s: 120}",
            "clone.new_conversation_after_s: a new conversation needs to know with whom; set clone.slug",
        ),
        ("status: {allowed_origins: ['https://a:99999']}", "status.allowed_origins: 'https://a:99999' is no origin"),
        ("clone: {image_url: 'https://a:0/x'}", "clone.image_url: 'https://a:0/x' is no address"),
        ("status: {host: 0.0.0.0}", "config.yaml:1: status.host: '0.0.0.0' lets others on the network in; name a file"),
        (
            "status: {read_token_file: /etc/read-token}",
            "config.yaml:1: status.read_token_file: lets programs follow with this token and control without any; name",
        ),
        (
            "status: {token_file: /etc/token, read_token_file: /etc/token}",
            "status.read_token_file: the same file as status.token_file",
        ),
        (
            "microphone:\n  max_seconds: 1\n  min_hold_ms: 1000",
            "config.yaml:3: microphone.min_hold_ms: must be shorter",
        ),
        (
            "microphone:\n  max_seconds: 1\n  pre_roll_ms: 2000",
            "config.yaml:3: microphone.pre_roll_ms: must be shorter",
        ),
        (
            "speaker: {period_ms: 80}",
            "config.yaml:1: speaker.period_ms: playing starts with at least one period at hand",
        ),
        (
            "button: {pin: GPIO3, pull: down}",
            "button.pull: GPIO3 has a resistor to 3.3 V on the board; set button.pull: up",
        ),
        ("lights: {kind: led}", "config.yaml:1: lights.kind: a LED needs one pin: pins: [GPIO27]"),
        ("lights: {kind: led, pins: [GPIO5, GPIO6]}", "lights.pins: a LED needs one pin"),
        ("lights: {kind: rgb, pins: [GPIO5, GPIO6]}", "lights.pins: an RGB LED needs three pins"),
        ("lights: {kind: apa102, pins: [GPIO5]}", "lights.pins: lamps with a clock need none on an SPI port, else two"),
        ("lights: {kind: ws2812, pins: [GPIO18]}", "lights.pins: lamps without a clock can be driven by an SPI port"),
        ("lights: {kind: sk6812, pins: [GPIO18]}", "lights.pins: lamps without a clock can be driven by an SPI port"),
        ("lights: {kind: led, pins: [GPIO5], count: 3}", "lights.count: 3 lamps in a row are apa102, ws2812 or sk6812"),
        ("lights: {kind: apa102, pins: [GPIO6, BOARD31]}", "lights.pins: the same pin twice"),
        (
            "lights: {kind: led, pins: [BOARD11]}",
            "lights.pins: GPIO17 is taken by button.pin and by a light; take another",
        ),
        (
            "button: {pin: 10}\nlights: {kind: ws2812}",
            "1: button.pin: 10 is taken by button.pin and by the SPI port of the",
        ),
        (
            "button: {pin: 21}\nlights: {kind: apa102, spi: '1.2'}",
            "1: button.pin: 21 is taken by button.pin and by the SPI port of the lights (spi: 1.2)",
        ),
        (
            "button: {pin: GPIO6}\nmute_switch: {pin: BOARD31}",
            "config.yaml:2: mute_switch.pin: BOARD31 is button.pin already; each needs a pin of its own",
        ),
        (
            "buttons: [{pin: GPIO5, press: mute}, {pin: BOARD29, press: cancel}]",
            "buttons: BOARD29 is another of the buttons' already; each needs a pin of its own",
        ),
        (
            "buttons: [{pin: GPIO5, press: mute}]\nmute_switch: {pin: GPIO5}",
            "config.yaml:2: mute_switch.pin: GPIO5 is one of the buttons' already",
        ),
        (
            "board: wm8960\nbuttons: [{pin: GPIO19, press: mute}]",
            "config.yaml:2: buttons: GPIO19 is taken by the board (wm8960: I²S word clock); take another",
        ),
        (
            "board: pirate-audio\nmute_switch: {pin: BOARD40}",
            "config.yaml:2: mute_switch.pin: BOARD40 is taken by the board (pirate-audio: I²S to the speaker)",
        ),
        (
            "board: wm8960\nlights: {kind: led, pins: [GPIO18]}",
            "config.yaml:2: lights.pins: GPIO18 is taken by the board (wm8960: I²S bit clock)",
        ),
        ("lights: {quiet_hours: 22:00-22:00}", "lights.quiet_hours: 22:00-22:00 is no time at all; write hours like"),
        ("buttons: [{pin: GPIO17, press: mute}]", "buttons: GPIO17 is button.pin already; each needs a pin of its own"),
        ("buttons: [{pin: GPIO2, pull: down, press: mute}]", "buttons: GPIO2 has a resistor to 3.3 V on the board;"),
        (
            "buttons: [{pin: GPIO5}]",
            "buttons: the one on GPIO5 does nothing; give it press, long_press or double_press",
        ),
        ("keys: [{key: KEY_UP}]", "keys: KEY_UP does nothing; give it press, long_press or double_press"),
        ("keys: [{key: KEY_UP, press: talk, long_press: mute}]", "keys: KEY_UP: whoever talks holds it"),
        ("keys: [{key: KEY_UP, press: talk}, {key: KEY_UP, press: mute}]", "keys: KEY_UP is there twice"),
        (
            "mute_switch: {pin: BCM2, pull: none}",
            "mute_switch.pull: BCM2 has a resistor to 3.3 V on the board; set mute_switch.pull: up",
        ),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    check_mistake(text, expected)


@pytest.mark.parametrize(
    "text",
    [
        "clone: {base_url: 'http://127.0.0.2:80'}",
        "clone: {base_url: 'http://[::1]:80'}",
        "clone: {base_url: 'http://localhost'}",
        "clone: {base_url: 'http://example.org', allow_http: true}",
        "status: {host: 0.0.0.0, token_file: /etc/token}",
        "status: {host: localhost}",
        "status: {token_file: /etc/token, read_token_file: /etc/read-token}",
        "speaker: {start_ms: 0, period_ms: 80}",
        "button: {pin: GPIO3, pull: up}",
        "lights: {kind: led, pins: [GPIO27], active: low}",
        "lights: {kind: rgb, pins: [GPIO22, GPIO27, BOARD16]}",
        "lights: {kind: apa102, count: 240}",
        "lights: {kind: apa102, pins: [GPIO5, GPIO6]}",
        "lights: {kind: sk6812, spi: 1.0, count: 12, order: rgb, quiet_hours: 22:00-07:00}",
        "button: {pin: GPIO10}\nlights: {kind: led, pins: [GPIO27]}",
        "button: {source: none}\nlights: {kind: led, pins: [GPIO17]}",
        "lights: {kind: none, pins: [GPIO17]}",
        "button: {source: none, pin: GPIO6}\nmute_switch: {pin: GPIO6}",
    ],
)
def test_what_goes_together(text: str) -> None:
    read(text)


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org",
        "http://localhost.evil.example",
        "http://127.0.0.1.nip.io",
        "http://127.0.0.1.",
        "http://128.0.0.1",
        "http://10.0.0.1:80/x",
        "http://0.0.0.0",
        "http://0x7f.1",
        "http://127.1",
        "http://[::ffff:10.0.0.1]",
        "http://[::]",
        "http://[fe80::1]",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1:80@evil.example/",
        "http://127.0.0.1\\@evil.example/",
        "http://localhost%2eevil.example",
        "http://１２７.0.0.1",
        "HTTP://example.org",
    ],
)
def test_plain_http_to_others(address: str) -> None:
    for text, environ in (
        (f"clone: {{base_url: '{address}'}}", {}),
        ("clone: {allow_http: false}", {"CLONESPEAKER_CLONE__BASE_URL": address}),
        ("clone: {base_url: 'https://a.example'}", {"CLONESPEAKER_CLONE__BASE_URL": address}),
    ):
        (problem,) = problems(text, environ)
        assert "clone.base_url: " in problem
        assert any(
            words in problem
            for words in ("plain http would show the API key", "is not a server's address", "is no address")
        )


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_user_in_an_address_is_refused_and_not_shown(scheme: str) -> None:
    for key in ("clone.base_url", "clone.image_url"):
        section, _, name = key.partition(".")
        address = f"{scheme}://eve:quite-secret@api.example"
        for found in (
            problems(f"{section}: {{{name}: '{address}', allow_http: true}}"),
            problems("", {f"CLONESPEAKER_CLONE__{name.upper()}": address}),
        ):
            assert f"{key}: '{scheme}://****@api.example' is not a" in found[0]
            assert "secret" not in str(found)
            assert "eve" not in str(found)


def test_a_mistake_is_not_told_twice_as_a_conflict() -> None:
    (problem,) = problems("status:\n  host: 0.0.0.0\n  token_fil: /etc/token\n")
    assert "did you mean token_file?" in problem
