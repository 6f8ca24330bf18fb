from __future__ import annotations

import pytest

from clonespeaker.errors import StatusError
from clonespeaker.status.access import Access

LISTED = "https://panel.example"


def refused(
    bound: str = "127.0.0.1",
    *,
    port: int = 8777,
    token: str | None = None,
    path: str = "/",
    query: str = "",
    host: str | None = "127.0.0.1:8777",
    origin: str | None = None,
    authorization: str | None = None,
) -> int | None:
    access = Access(host=bound, port=port, token=token, allowed_origins=[LISTED])
    refusal = access.refusal(path=path, query=query, host=host, origin=origin, authorization=authorization)
    if refusal is None:
        return None
    status, message = refusal
    assert message.endswith("\n")
    assert len(message) < 300
    return status


@pytest.mark.parametrize(
    ("bound", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8777", None),
        ("127.0.0.1", "localhost:8777", None),
        ("127.0.0.1", "LocalHost:8777", None),
        ("127.0.0.1", "[::1]:8777", None),
        ("::1", "[::1]:8777", None),
        ("localhost", "127.0.0.1:8777", None),
        ("127.0.0.2", "127.0.0.2:8777", None),
        ("127.0.0.1", "127.0.0.1", 403),
        ("127.0.0.1", "127.0.0.1:8778", 403),
        ("127.0.0.1", "evil.example:8777", 403),
        ("127.0.0.1", "127.0.0.1:8777, 127.0.0.1:8777", 403),
        ("127.0.0.1", "x" * 8_000, 403),
        ("127.0.0.1", "", 403),
        ("127.0.0.1", None, 403),
    ],
)
def test_host_on_loopback(bound: str, host: str | None, status: int | None) -> None:
    assert refused(bound, host=host) == status


@pytest.mark.parametrize("host", ["\udcff", "evil\x1b[2J", "x\xa0"])
def test_a_host_that_is_no_text_is_refused_in_text(host: str) -> None:
    refusal = Access(host="127.0.0.1", port=8777, token=None, allowed_origins=[]).refusal(
        path="/", query="", host=host, origin=None, authorization=None
    )
    assert refusal is not None
    assert refusal[0] == 403
    assert refusal[1].strip().isascii()
    assert refusal[1].strip().isprintable()


def test_port_80_needs_no_number() -> None:
    assert refused(port=80, host="localhost") is None
    assert refused(port=80, host="localhost:80", origin="http://localhost:80") is None


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:8777", None, None),
        ("127.0.0.1:8777", "http://127.0.0.1:8777", None),
        ("localhost:8777", "http://localhost:8777", None),
        ("localhost:8777", LISTED, None),
        ("localhost:8777", "http://127.0.0.1:8777", 403),
        ("127.0.0.1:8777", "https://127.0.0.1:8777", 403),
        ("127.0.0.1:8777", "http://127.0.0.1", 403),
        ("127.0.0.1:8777", "http://127.0.0.1:87770", 403),
        ("127.0.0.1:8777", "https://evil.example", 403),
        ("127.0.0.1:8777", f"{LISTED}.evil.example", 403),
        ("127.0.0.1:8777", "null", 403),
        ("127.0.0.1:8777", "", 403),
    ],
)
def test_origin(host: str, origin: str | None, status: int | None) -> None:
    assert refused(host=host, origin=origin) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, None),
        (LISTED, None),
        ("http://192.168.1.5:8777", None),
        ("http://pi.local:8777", 403),
    ],
)
def test_origin_on_an_address_of_the_network(origin: str | None, status: int | None) -> None:
    found = refused("192.168.1.5", token="s3", host="192.168.1.5:8777", origin=origin, authorization="Bearer s3")
    assert found == status


def test_any_host_reaches_an_address_of_the_network() -> None:
    assert refused("0.0.0.0", token="s3", host="pi.local:8777", authorization="Bearer s3") is None
    assert refused("0.0.0.0", token="s3", host="evil.example:8777", origin="http://evil.example:8777") == 403


@pytest.mark.parametrize(
    ("query", "authorization", "status"),
    [
        ("", "Bearer s3cret", None),
        ("", "bearer s3cret", None),
        ("token=s3cret", None, None),
        ("a=b&token=s3cret", None, None),
        ("", None, 401),
        ("", "Bearer", 401),
        ("", "Bearer wrong", 401),
        ("", "Bearer s3cret, Bearer s3cret", 401),
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
def test_token(query: str, authorization: str | None, status: int | None) -> None:
    assert refused(token="s3cret", query=query, authorization=authorization) == status


def test_health_needs_no_token_but_the_rest() -> None:
    assert refused(token="s3cret", path="/healthz") is None
    assert refused(token="s3cret", path="/healthz", host="evil.example") == 403
    assert refused(token="s3cret", path="/healthz/x") == 401


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "", "192.168.1.5", "pi.local"])
def test_an_address_of_the_network_needs_a_token(bound: str) -> None:
    with pytest.raises(StatusError, match=r"status\.token_file"):
        Access(host=bound, port=8777, token=None, allowed_origins=[])


def test_an_empty_token_is_none() -> None:
    with pytest.raises(StatusError, match="empty"):
        Access(host="127.0.0.1", port=8777, token="", allowed_origins=[])
