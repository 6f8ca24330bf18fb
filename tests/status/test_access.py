from __future__ import annotations

import hmac

import pytest

from clonespeaker.errors import StatusError
from clonespeaker.status import access as access_module
from clonespeaker.status.access import Access, Refusal, Right

LISTED = ["https://panel.example", "http://Kiosk.lan:80", "http://pi.fritz.box:8777", "http://[2001:DB8::0:1]:8080"]
READ, CONTROL = Right.READ, Right.CONTROL
FOREIGN = "192.168.1.5"


def admitted(
    bound: str = "127.0.0.1",
    *,
    port: int = 8777,
    token: str | None = None,
    read_token: str | None = None,
    path: str = "/",
    query: str = "",
    host: str | None = "127.0.0.1:8777",
    origin: str | None = None,
    authorization: str | None = None,
) -> Right | int:
    """What may be done, or the status of the refusal."""
    access = Access(
        host=bound, port=port, token=token, read_token=read_token, allowed_origins=LISTED, hostname="raspberrypi"
    )
    found = access.admit(path=path, query=query, host=host, origin=origin, authorization=authorization)
    if isinstance(found, Refusal):
        assert found.message.endswith("\n")
        assert len(found.message) < 400
        return found.status
    return found


def admitted_from_elsewhere(host: str, *, origin: str | None = None, path: str = "/") -> Right | int:
    """The same on an address that others reach, to who shows the token."""
    return admitted("0.0.0.0", token="s3", host=host, origin=origin, authorization="Bearer s3", path=path)


@pytest.mark.parametrize(
    ("bound", "host", "expected"),
    [
        ("127.0.0.1", "127.0.0.1:8777", CONTROL),
        ("127.0.0.1", "localhost:8777", CONTROL),
        ("127.0.0.1", "LocalHost:8777", CONTROL),
        ("127.0.0.1", "[::1]:8777", CONTROL),
        ("127.0.0.1", "[0:0:0:0:0:0:0:1]:8777", CONTROL),
        ("::1", "[::1]:8777", CONTROL),
        ("localhost", "127.0.0.1:8777", CONTROL),
        ("127.0.0.2", "127.0.0.2:8777", CONTROL),
        ("127.0.0.1", "127.0.0.1", 403),
        ("127.0.0.1", "127.0.0.1:", 403),
        ("127.0.0.1", "127.0.0.1:8778", 403),
        ("127.0.0.1", "127.0.0.1:08777", 403),
        ("127.0.0.1", "127.0.0.1:87770", 403),
        ("127.0.0.1", "127.0.0.1:٨٧٧٧", 403),
        ("127.0.0.1", "127.0.0.1.:8777", 403),
        ("127.0.0.1", "localhost.:8777", 403),
        ("127.0.0.1", "localhost.evil.example:8777", 403),
        ("127.0.0.1", "127.0.0.1.nip.io:8777", 403),
        ("127.0.0.1", "evil.example:8777", 403),
        ("127.0.0.1", "127.0.0.1:8777@evil.example:8777", 403),
        ("127.0.0.1", "evil.example@127.0.0.1:8777", 403),
        ("127.0.0.1", "127.0.0.1:8777/", 403),
        ("127.0.0.1", "127.0.0.1:8777, 127.0.0.1:8777", 403),  # given twice
        ("127.0.0.1", " 127.0.0.1:8777", 403),
        ("127.0.0.1", "127.0.0.1:8777\n", 403),
        ("127.0.0.1", "0.0.0.0:8777", 403),  # which also leads to this machine
        ("127.0.0.1", "192.168.1.5:8777", 403),
        ("127.0.0.1", "127.1:8777", 403),
        ("127.0.0.1", "[::1%25lo]:8777", 403),
        ("127.0.0.1", "[::1%lo]:8777", 403),
        ("127.0.0.1", "[::ffff:127.0.0.1]:8777", 403),
        ("127.0.0.1", "[127.0.0.1]:8777", 403),
        ("127.0.0.1", "[::1:8777", 403),
        ("127.0.0.1", "raspberrypi:8777", 403),
        ("127.0.0.1", "x" * 8_000, 403),
        ("127.0.0.1", "", 403),
        ("127.0.0.1", None, 403),
    ],
)
def test_host_on_loopback(bound: str, host: str | None, expected: Right | int) -> None:
    assert admitted(bound, host=host) == expected
    assert admitted(bound, host=host, path="/healthz") == (READ if expected is CONTROL else expected)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.168.1.5:8777", CONTROL),
        ("10.0.0.7:8777", CONTROL),  # as a router forwards it
        ("[fe80::1]:8777", CONTROL),
        ("raspberrypi:8777", CONTROL),
        ("RaspberryPi.local:8777", CONTROL),
        ("localhost:8777", CONTROL),
        ("pi.fritz.box:8777", CONTROL),  # listed
        ("raspberrypi.evil.example:8777", 403),
        ("raspberrypi.local.:8777", 403),
        ("evil.example:8777", 403),
        ("192.168.1.5.nip.io:8777", 403),
        ("192.168.1.5:80", 403),
        ("0.0.0.0:8777", 403),
        ("[::]:8777", 403),
        ("[fe80::1%eth0]:8777", 403),
        ("999.168.1.5:8777", 403),
        ("", 403),
    ],
)
def test_host_on_an_address_of_the_network(host: str, expected: Right | int) -> None:
    assert admitted_from_elsewhere(host) == expected
    # Without a token there is nothing to be had under a strange name, health included.
    assert admitted_from_elsewhere(host, path="/healthz") == (READ if expected is CONTROL else expected)


@pytest.mark.parametrize("host", ["\udcff", "evil\x1b[2J", "x\xa0"])
def test_a_host_that_is_no_text_is_refused_in_text(host: str) -> None:
    refusal = Access(host="127.0.0.1", port=8777, token=None, allowed_origins=[]).admit(
        path="/", query="", host=host, origin=None, authorization=None
    )
    assert isinstance(refusal, Refusal)
    assert refusal.status == 403
    assert refusal.message.strip().isascii()
    assert refusal.message.strip().isprintable()


def test_port_80_needs_no_number() -> None:
    for host in ("localhost", "localhost:80"):
        for origin in (None, "http://localhost", "http://localhost:80"):
            assert admitted(port=80, host=host, origin=origin) is CONTROL
        assert admitted(port=80, host=host, origin="https://localhost") == 403
        assert admitted(port=80, host=host, origin="http://localhost:443") == 403
    assert admitted(port=443, host="localhost") == 403


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("127.0.0.1:8777", None, CONTROL),
        ("127.0.0.1:8777", "http://127.0.0.1:8777", CONTROL),
        ("localhost:8777", "http://localhost:8777", CONTROL),
        ("LOCALHOST:8777", "HTTP://localhost:8777", CONTROL),
        ("localhost:8777", "https://panel.example", CONTROL),
        ("localhost:8777", "https://panel.example:443", CONTROL),
        ("localhost:8777", "http://kiosk.lan", CONTROL),
        ("localhost:8777", "http://[2001:db8::1]:8080", CONTROL),
        ("localhost:8777", "http://127.0.0.1:8777", 403),
        ("127.0.0.1:8777", "http://localhost:8777", 403),
        ("127.0.0.1:8777", "https://127.0.0.1:8777", 403),
        ("127.0.0.1:8777", "http://127.0.0.1", 403),
        ("127.0.0.1:8777", "http://127.0.0.1:80", 403),
        ("127.0.0.1:8777", "http://127.0.0.1:87770", 403),
        ("127.0.0.1:8777", "http://127.0.0.1:8777/", 403),
        ("127.0.0.1:8777", "http://evil@127.0.0.1:8777", 403),
        ("127.0.0.1:8777", "http://127.0.0.1:8777 http://evil.example", 403),
        ("127.0.0.1:8777", "http://127.0.0.1:8777, http://127.0.0.1:8777", 403),  # given twice
        ("localhost:8777", "http://localhost.:8777", 403),
        ("127.0.0.1:8777", "https://evil.example", 403),
        ("127.0.0.1:8777", "http://panel.example", 403),
        ("127.0.0.1:8777", "https://panel.example:8777", 403),
        ("127.0.0.1:8777", "https://panel.example.", 403),
        ("127.0.0.1:8777", "https://panel.example.evil.example", 403),
        ("127.0.0.1:8777", "null", 403),
        ("127.0.0.1:8777", "", 403),
        ("127.0.0.1:8777", "file://", 403),
        ("127.0.0.1:8777", "//127.0.0.1:8777", 403),
    ],
)
def test_origin(host: str, origin: str | None, expected: Right | int) -> None:
    assert admitted(host=host, origin=origin) == expected


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        # The kiosk page, shown on another machine.
        ("192.168.1.5:8777", "http://192.168.1.5:8777", CONTROL),
        ("raspberrypi.local:8777", "http://raspberrypi.local:8777", CONTROL),
        ("pi.fritz.box:8777", "http://pi.fritz.box:8777", CONTROL),
        ("192.168.1.5:8777", "https://panel.example", CONTROL),
        ("192.168.1.5:8777", "http://192.168.1.6:8777", 403),
        ("192.168.1.5:8777", "http://raspberrypi.local:8777", 403),
        # A page whose name was rebound to us: its Origin is its Host.
        ("evil.example:8777", "http://evil.example:8777", 403),
    ],
)
def test_origin_on_an_address_of_the_network(host: str, origin: str, expected: Right | int) -> None:
    assert admitted_from_elsewhere(host, origin=origin) == expected
    if expected is CONTROL:
        assert admitted("0.0.0.0", token="s3", host=host, origin=origin) == 401


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("panel.example", "https://panel.example", CONTROL),
        ("panel.example:443", "https://panel.example", CONTROL),
        ("kiosk.lan", "http://kiosk.lan", CONTROL),
        ("panel.example", None, CONTROL),
        # Somebody on the network may pass for a listed name; what is listed is https, which he can't.
        ("panel.example:8777", "http://panel.example:8777", 403),
        ("panel.example", "http://panel.example", 403),
    ],
)
def test_a_proxy_that_passes_the_host_on(host: str, origin: str | None, expected: Right | int) -> None:
    assert admitted(host=host, origin=origin) == expected


@pytest.mark.parametrize(
    ("query", "authorization", "expected"),
    [
        ("", "Bearer s3cret", CONTROL),
        ("", "bearer s3cret", CONTROL),
        ("token=s3cret", None, CONTROL),
        ("a=b&token=s3cret", None, CONTROL),
        ("", "Bearer r3ad", READ),
        ("token=r3ad", None, READ),
        ("token=s3cret", "Bearer r3ad", READ),
        ("token=r3ad", "Bearer s3cret", CONTROL),
        ("token=r3ad&token=s3cret", None, READ),
        ("", None, 401),
        ("", "Bearer", 401),
        ("", "Bearer wrong", 401),
        ("", "Bearer s3cre", 401),
        ("", "Bearer s3crets", 401),
        ("", "Bearer S3CRET", 401),
        ("", "Bearer s3cret, Bearer s3cret", 401),
        ("", "Bearer s3cretr3ad", 401),
        ("", "Basic s3cret", 401),
        ("", "Bearer \udcff", 401),
        ("", "Bearer ü", 401),
        ("token=", None, 401),
        ("token=wrong", None, 401),
        ("token=\ud800", None, 401),
        ("token=%ff", None, 401),
        ("token=s3cret", "Bearer wrong", 401),
    ],
)
def test_tokens(query: str, authorization: str | None, expected: Right | int) -> None:
    assert admitted(token="s3cret", read_token="r3ad", query=query, authorization=authorization) == expected


def test_without_a_token_for_reading_there_is_none() -> None:
    assert admitted(token="s3cret", authorization="Bearer s3cret") is CONTROL
    for wrong in ("Bearer ", "Bearer r3ad", "Bearer None", None):
        assert admitted(token="s3cret", authorization=wrong) == 401


@pytest.mark.parametrize("given", ["s3cret", "r3ad", "wrong"])
def test_each_token_is_compared_whatever_the_first_says(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    class Digest:
        @staticmethod
        def compare_digest(one: bytes, other: bytes) -> bool:
            compared.append(other)
            return hmac.compare_digest(one, other)

    monkeypatch.setattr(access_module, "hmac", Digest)
    admitted(token="s3cret", read_token="r3ad", authorization=f"Bearer {given}")
    assert compared == [b"s3cret", b"r3ad"]


def test_health_needs_no_token_but_the_rest() -> None:
    assert admitted(token="s3cret", path="/healthz") is READ
    assert admitted(token="s3cret", path="/healthz", host="evil.example") == 403
    assert admitted(token="s3cret", path="/healthz", origin="https://evil.example") == 403
    for path in ("/healthz/x", "/healthz/", "//healthz", "/Healthz", "/metrics", "http://127.0.0.1:8777/healthz", "*"):
        assert admitted(token="s3cret", path=path) == 401


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "", FOREIGN, "pi.local", "localhost.evil.example"])
def test_an_address_of_the_network_needs_a_token(bound: str) -> None:
    for read_token in (None, "r3ad"):
        with pytest.raises(StatusError, match=r"status\.token_file"):
            Access(host=bound, port=8777, token=None, read_token=read_token)


def test_a_token_for_reading_alone_protects_nothing() -> None:
    with pytest.raises(StatusError, match=r"set `status\.token_file`, too"):
        Access(host="127.0.0.1", port=8777, token=None, read_token="r3ad")


@pytest.mark.parametrize("tokens", [("", None), ("s3cret", "")])
def test_an_empty_token_is_none(tokens: tuple[str, str | None]) -> None:
    with pytest.raises(StatusError, match="empty"):
        Access(host="127.0.0.1", port=8777, token=tokens[0], read_token=tokens[1])
