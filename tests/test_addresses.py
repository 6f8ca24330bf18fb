from __future__ import annotations

import ipaddress

import pytest

from clonespeaker.addresses import is_loopback, is_open_internet


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("Localhost", True),
        ("0.0.0.0", False),
        ("192.168.1.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.1", False),
        ("172.16.3.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.251", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::fb", False),
        ("::ffff:192.168.1.1", False),
        ("64:ff9b::192.168.1.1", False),
        ("64:ff9b::93.184.215.14", True),
        ("2002:c0a8:0101::1", False),
        ("fec0::1", False),  # site-local, of old
        ("64:ff9b:1::7f00:1", False),  # a NAT64 of somebody's own
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
    ],
)
def test_the_open_internet(address: str, is_open: bool) -> None:
    assert is_open_internet(ipaddress.ip_address(address)) is is_open
