from __future__ import annotations

import msgspec
import pytest
from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from clonespeaker.config.settings import Settings


def accepted(section: str, name: str, value: object) -> bool:
    try:
        msgspec.convert({section: {name: value}}, Settings)
    except msgspec.ValidationError:
        return False
    return True


PINS = [
    *(f"{prefix}{number}" for prefix in ("", "GPIO", "BCM") for number in range(30)),
    *(f"BOARD{number}" for number in range(42)),
    "gpio17",
    "GPIO017",
    "",
]


def test_the_pins_are_those_that_gpiozero_knows() -> None:
    board = MockFactory(revision="c03111")

    def known(pin: str) -> bool:
        try:
            board.pin(pin)
        except GPIOZeroError:
            return False
        return True

    try:
        assert [pin for pin in PINS if accepted("button", "pin", pin)] == [pin for pin in PINS if known(pin)]
    finally:
        board.close()


@pytest.mark.parametrize(
    ("section", "name", "good", "bad"),
    [
        (
            "clone",
            "base_url",
            ["https://api.delphi.ai", "http://127.0.0.1:8080/v1", "http://[::1]:80", "https://münchen.example/"],
            ["api.delphi.ai", "ftp://a", "https://", "https://u:p@a", "https://a?b", "https://a b", "https://a:x"],
        ),
        (
            "clone",
            "image_url",
            ["https://a.example/camera.jpg?now#x", "http://a?b", None],
            ["camera.jpg", "file:///etc/passwd", "https://a/ b"],
        ),
        ("clone", "slug", ["my-clone", "münchen", None], ["a/b", "a b", "a?b", ""]),
        ("clone", "conversation_id", ["123E4567-e89b-12d3-a456-426614174000", None], ["123", "not-a-uuid"]),
        ("clone", "user_email", ["ada@example.org", None], ["ada", "ada@", "a b@c"]),
        ("clone", "api_key_file", ["/etc/key", None], ["key", "~/key"]),
        (
            "microphone",
            "device",
            [
                "auto",
                "default",
                "Device",
                "USB PnP Sound",
                "2i2",
                "hw:CARD=Device",
                "C-Media (USB)",
                "usb:1-1.2",
                "usb:3-1",
            ],
            ["1", "hw:1,0", "plughw:0", "", "usb:", "usb:1", "usb:1-1.2:1.0", "usb:1-1.", "usb:0d8c:0014"],
        ),
        ("status", "host", ["127.0.0.1", "::1", "kiosk.local"], ["http://a", "a b", ""]),
        (
            "status",
            "allowed_origins",
            [[], ["https://kiosk.local", "http://kiosk.local:8080", "http://[::1]:1", "app://x"]],
            ["https://a", ["https://a/"], ["a"], ["*"], ["null"]],
        ),
    ],
)
def test_what_fits_and_what_does_not(section: str, name: str, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if not accepted(section, name, value)] == []
    assert [value for value in bad if accepted(section, name, value)] == []
