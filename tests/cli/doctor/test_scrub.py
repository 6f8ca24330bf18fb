from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.cli.doctor.scrub import Scrubber

KNOWN = [
    ("dsk-recognisable0123456789", "<key>"),
    ("ann-example", "<slug>"),
    ("ann", "<user>"),
    ("ann@example.org", "<e-mail>"),
    ("kitchen-pi", "<host>"),
    ("me", "<slug>"),
    ("root", "<user>"),
    ("", "<token>"),
]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("key dsk-recognisable0123456789", "key <key>"),
        ("key dsk-****6789, ****6789", "key <key>, <key>"),
        ("another dsk-else_where-9 there", "another <key> there"),
        ("talking with ANN-Example", "talking with <slug>"),
        ("Ann: annual", "<user>: annual"),
        ("ann@example.org and ann%40example.org", "<e-mail> and <e-mail>"),
        ("bob.b+x@mail.example.co.uk", "<e-mail>"),
        ("at kitchen-pi.local", "at <host>.local"),
        ("some of me", "some of <slug>"),
        ("root:clonespeaker", "root:clonespeaker"),
        ("conversation: 5f0c1f2e-0000-4000-8000-00000000abcd goes on", "conversation: <id> goes on"),
        ("192.168.1.20:8777, 10.0.0.1.", "<address>:8777, <address>."),
        ("127.0.0.1:8777 [::1] 0.0.0.0", "127.0.0.1:8777 [::1] 0.0.0.0"),
        ("fe80::1ff:fe23:4567:890a%wlan0 and 2001:db8::1", "<address> and <address>"),
        ("2026-11-24T20:15:03+0000, 12:30:59", "2026-11-24T20:15:03+0000, 12:30:59"),
        ("b8:27:eb:12:34:56 or B8-27-EB-12-34-56", "<mac> or <mac>"),
        ("https://cdn.example.org/pictures/1.png?x=1 (seen)", "<url> (seen)"),
        ("https://api.delphi.ai: no internet", "https://api.delphi.ai: no internet"),
        ("https://api.delphi.ai/v3/clone/ann", "<url>"),
        ("ws://127.0.0.1:8777/", "ws://127.0.0.1:8777/"),
        ("ws://127.0.0.1:8777/?token=abcdef", "<url>"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer <token>"),
        ("/home/carol/key", "/home/<user>/key"),
        ("SerialNumber: 20190808AB", "SerialNumber: <serial>"),
        ("usb-C-Media_USB_Audio_20190808-00", "<usb device>"),
        ("secret 3fe9a01b77c2d4e5f60718293a4b5c6d", "secret <id>"),
        ("eyJhbGciOiJIUzI1NiJ9eyJzdWIiOiIx", "<id>"),
        ("std::vector at GPIO17, hw:1,0 and 0x50005", "std::vector at GPIO17, hw:1,0 and 0x50005"),
        ("PortAudio 19.6.0, kernel 6.12.25+rpt-rpi-v8 aarch64", "PortAudio 19.6.0, kernel 6.12.25+rpt-rpi-v8 aarch64"),
    ],
)
def test_what_is_taken_out_and_what_stays(text: str, told: str) -> None:
    assert Scrubber(KNOWN).text(text) == told


def test_values_and_names_at_any_depth() -> None:
    value = {"ann@example.org": ["kitchen-pi", {"a": ("dsk-x", 3, None, True)}]}
    assert Scrubber(KNOWN).value(value) == {"<e-mail>": ["<host>", {"a": ["<key>", 3, None, True]}]}


def test_whoever_is_unknown_has_nothing_taken_out() -> None:
    text = "the Raspberry Pi of root and pi"
    assert Scrubber([("root", "<user>"), ("pi", "<user>"), ("", "<x>"), ("a", "<x>")]).text(text) == text


@given(
    secret=st.text(string.ascii_letters + string.digits + string.punctuation, min_size=8, max_size=40),
    around=st.lists(st.text() | st.sampled_from(["https://", "key=", "dsk-", "::", "@", "/home/", "%40", "<", "****"])),
    at=st.integers(0, 8),
)
def test_what_is_known_never_stays(secret: str, around: list[str], at: int) -> None:
    text = "".join([*around[:at], secret, *around[at:]])
    assert secret not in Scrubber([(secret, "<x>")]).text(text)
