"""Which device a setting means; the pure part. The devices themselves: tests/sound."""

from __future__ import annotations

import pytest

from clonespeaker.audio.devices import Device, Direction, match, shapes


def device(index: int, name: str, card_id: str | None = None, *, usb: bool = False, channels: int = 2) -> Device:
    return Device(index, name, card_id, usb, channels, channels, 44_100)


PI = [
    device(0, "bcm2835 Headphones: - (hw:0,0)", "Headphones"),
    device(1, "vc4-hdmi-0: MAI PCM i2s-hifi-0 (hw:1,0)", "vc4hdmi0"),
    device(2, "USB PnP Sound Device: Audio (hw:2,0)", "Device", usb=True),
    device(3, "Jabra SPEAK 510 USB: Audio (hw:3,0)", "USB", usb=True),
    device(4, "sysdefault"),
    device(5, "default"),
    device(6, "dmix"),
]
BARE = PI[:2]


@pytest.mark.parametrize(
    ("able", "wanted", "default_index", "found"),
    [
        pytest.param(PI, "auto", 5, [2, 3, 5], id="USB first, then ALSA's default"),
        pytest.param(BARE, "auto", 1, [1], id="no USB, no 'default': PortAudio's"),
        pytest.param(BARE, "auto", None, [], id="nothing at all"),
        pytest.param([PI[2]], "auto", 2, [2], id="no device twice"),
        pytest.param(PI, "default", 0, [5], id="ALSA's default, whatever PortAudio's"),
        pytest.param(BARE, "default", 0, [0], id="PortAudio's where ALSA has none"),
        pytest.param(BARE, "default", None, [], id="no default"),
        pytest.param(PI, "vc4hdmi0", 5, [1], id="a card id"),
        pytest.param(PI, "USB", 5, [3], id="a card id that is part of other names, too"),
        pytest.param(PI, "Device", 5, [2], id="a card id that is a common word"),
        pytest.param(PI, "dmix", 5, [6], id="a whole name"),
        pytest.param(PI, "jabra", 5, [3], id="part of a name, in any case"),
        pytest.param(PI, "usb", 5, [2, 3], id="part of several names"),
        pytest.param(PI, "bcm2835", 5, [0], id="the beginning of a name"),
        pytest.param(PI, "hw:3", 5, [3], id="even a number, for now"),
        pytest.param(PI, "Blaster", 5, [], id="no such"),
        pytest.param([], "auto", None, [], id="no devices"),
    ],
)
def test_match(able: list[Device], wanted: str, default_index: int | None, found: list[int]) -> None:
    assert [each.index for each in match(able, wanted, default_index=default_index)] == found


def test_what_to_write_into_the_settings() -> None:
    assert PI[2].stable_name == "Device"
    assert PI[5].stable_name == "default"


@pytest.mark.parametrize(
    ("direction", "most", "counts"),
    [
        ("speaker", 1, [1]),
        ("speaker", 2, [1, 2]),
        ("speaker", 6, [1, 2, 6]),
        ("speaker", 32, [1, 2, 8]),
        ("microphone", 1, [1]),
        ("microphone", 2, [2, 1]),  # mono would be its left channel alone
        ("microphone", 6, [1, 2, 6]),
    ],
)
@pytest.mark.parametrize("default_rate_hz", [44_100, 48_000, 12_345])
def test_shapes(direction: Direction, most: int, counts: list[int], default_rate_hz: int) -> None:
    found = list(shapes(Device(0, "x", None, False, most, most, default_rate_hz), direction))
    assert [channels for _, channels in found[: len(counts)]] == counts
    assert len(set(found)) == len(found)
    rates = list(dict.fromkeys(rate_hz for rate_hz, _ in found))
    assert rates[0] == default_rate_hz
    assert next(rate for rate in rates if rate != default_rate_hz) == (48_000 if default_rate_hz == 44_100 else 44_100)
    assert {44_100, 48_000, 16_000} <= set(rates)


def test_a_device_has_channels_in_each_direction() -> None:
    one_way = Device(0, "x", None, False, 2, 0, 44_100)
    assert (one_way.channels("microphone"), one_way.channels("speaker")) == (2, 0)
