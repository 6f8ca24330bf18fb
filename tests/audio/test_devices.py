"""Which device a setting means; the pure part. The devices themselves: tests/sound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clonespeaker.audio.devices import Card, Device, Direction, Holder, card_of, holders, match, shapes


def device(
    index: int, name: str, card_id: str | None = None, *, usb: bool = False, channels: int = 2, port: str | None = None
) -> Device:
    return Device(index, name, card_id, usb, channels, channels, 44_100, port)


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
TWINS = [
    device(0, "USB PnP Sound Device: Audio (hw:1,0)", "Device", usb=True, port="1-1.2"),
    device(1, "USB PnP Sound Device: Audio (hw:2,0)", "Device_1", usb=True, port="1-1.3"),
    device(2, "USB PnP Sound Device: Audio #1 (hw:2,1)", "Device_1", usb=True, port="1-1.3"),
    device(3, "HDA usb:1-1.2 look-alike"),
]


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
        pytest.param(TWINS, "usb:1-1.2", 0, [0], id="a USB port"),
        pytest.param(TWINS, "usb:1-1.3", 0, [1, 2], id="a USB port, and all that the card has"),
        pytest.param(TWINS, "usb:1-1", 0, [], id="the port of the hub above is not it"),
        pytest.param(PI, "usb:1-1.2", 5, [], id="a USB port where no port is known"),
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


@pytest.fixture
def cards(tmp_path: Path) -> dict[str, Path]:
    """Files as the kernel shows them: a HAT, two sound sticks of one model behind a hub, one in a port of its own."""
    asound, sys_sound, devices = tmp_path / "asound", tmp_path / "class" / "sound", tmp_path / "devices"
    usb = "platform/soc/3f980000.usb/usb1"
    for number, card_id, where in (
        (0, "sndrpigooglevoi", "platform/soc/soc:sound"),
        (1, "Device", f"{usb}/1-1/1-1.2/1-1.2:1.0"),
        (2, "Device_1", f"{usb}/1-1/1-1.3/1-1.3.4/1-1.3.4:1.1"),
        (10, "Mic", "pci0000:00/0000:00:14.0/usb3/3-12/3-12:1.0"),
    ):
        (asound / f"card{number}").mkdir(parents=True)
        (asound / f"card{number}" / "id").write_text(card_id + "\n")
        if "usb" in where:
            (asound / f"card{number}" / "usbid").write_text("0d8c:0014\n")
        card = devices / where / "sound" / f"card{number}"
        card.mkdir(parents=True)
        (card / "device").symlink_to("../..")
        sys_sound.mkdir(parents=True, exist_ok=True)
        (sys_sound / card.name).symlink_to(card)
    return {"asound": asound, "sys_sound": sys_sound}


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("USB PnP Sound Device: Audio (hw:1,0)", Card("Device", True, "1-1.2")),
        ("USB PnP Sound Device: Audio (hw:2,0)", Card("Device_1", True, "1-1.3.4")),
        ("USB: Audio (hw:10,1)", Card("Mic", True, "3-12")),
        ("snd_rpi_googlevoicehat_soundcar: Google (hw:0,0)", Card("sndrpigooglevoi", False, None)),
        ("gone in the meantime: Audio (hw:4,0)", Card(None, False, None)),
        ("default", Card(None, False, None)),
    ],
)
def test_the_card_behind_a_name(cards: dict[str, Path], name: str, card: Card) -> None:
    assert card_of(name, **cards) == card


def test_a_device_has_channels_in_each_direction() -> None:
    one_way = Device(0, "x", None, False, 2, 0, 44_100)
    assert (one_way.channels("microphone"), one_way.channels("speaker")) == (2, 0)


def test_who_holds_which_cards(tmp_path: Path) -> None:
    """As the kernel tells it in /proc/asound."""
    for card, card_id in ((0, "Headphones"), (1, "Device")):
        (tmp_path / f"card{card}").mkdir()
        (tmp_path / f"card{card}" / "id").write_text(f"{card_id}\n")
    parent, mine = os.getppid(), os.getpid()
    for pcm, status in (
        ("card0/pcm0p/sub0", "closed\n"),
        ("card0/pcm0p/sub1", f"state: RUNNING\nowner_pid   : {mine}\n"),
        ("card1/pcm0c/sub0", f"state: RUNNING\nowner_pid   : {parent}\ntrigger_time: 1.0\n"),
        ("card1/pcm0p/sub0", "state: RUNNING\nowner_pid   : 999999999\n"),
    ):
        (tmp_path / pcm).mkdir(parents=True)
        (tmp_path / pcm / "status").write_text(status)
    program = Path(f"/proc/{parent}/comm").read_text().strip()
    assert holders(tmp_path) == [
        Holder("Device", "microphone", program, parent),
        Holder("Device", "speaker", "another program", 999_999_999),
    ]
    assert holders(tmp_path / "nowhere") == []
