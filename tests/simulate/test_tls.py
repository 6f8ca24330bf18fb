"""Certificates, good and bad, seen by a client that trusts their authority."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import aiohttp
import pytest

from clonespeaker.errors import ClonespeakerError
from clonespeaker.simulate.faults import TLS_FAULTS
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.simulate.tls import TlsKind
from tests.simulate.conversing import HEADERS, PCM, Conversing, audio, parse_events, read_while_it_comes

REASONS: dict[TlsKind, str] = {
    "expired": "certificate has expired",
    "wrong-host": r"IP address mismatch, certificate is not valid for '127\.0\.0\.1'",
    "self-signed": "self-signed certificate",
}


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    assert ca_file is not None
    return ssl.create_default_context(cafile=str(ca_file))


async def converse(http: aiohttp.ClientSession) -> Conversing:
    response = await http.post("/api/conversation/new", json={"slug": "my-clone"})
    return Conversing(http, (await response.json())["new_conversation"]["conversation_id"])


async def test_a_valid_certificate(clone: SimulatedClone) -> None:
    clone.tls = "valid"
    url = await clone.start()
    assert url.startswith("https://127.0.0.1:")
    connector = aiohttp.TCPConnector(ssl=trusting(clone.ca_file))
    async with aiohttp.ClientSession(url, headers=HEADERS, connector=connector) as http:
        talk = await converse(http)
        assert audio(await talk.ask()) == PCM
        response = await http.get(url.replace("127.0.0.1", "localhost") + "/simulated/faults")
        assert response.status == 200


async def test_who_does_not_trust_the_authority_does_not_connect(clone: SimulatedClone) -> None:
    clone.tls = "valid"
    url = await clone.start()
    async with aiohttp.ClientSession(url) as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError, match="unable to get local issuer certificate"):
            await http.get("/")


@pytest.mark.parametrize("kind", REASONS)
async def test_a_certificate_that_is_not_valid(clone: SimulatedClone, kind: TlsKind) -> None:
    clone.tls = kind
    url = await clone.start()
    connector = aiohttp.TCPConnector(ssl=trusting(clone.ca_file))
    async with aiohttp.ClientSession(url, connector=connector) as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError, match=REASONS[kind]):
            await http.get("/")


@pytest.mark.parametrize("kind", REASONS)
async def test_who_looks_away_can_drive_it_all_the_same(clone: SimulatedClone, kind: TlsKind) -> None:
    clone.tls = kind
    url = await clone.start()
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(ssl=False)) as http:
        assert (await http.put("/simulated/fault", json={"fault": "cut"})).status == 204
    assert clone.fault == "cut"


def test_each_kind_that_is_not_valid_has_a_fault() -> None:
    assert set(TLS_FAULTS) == {f"tls-{kind}" for kind in REASONS}


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("cut", aiohttp.ClientPayloadError),
        ("reset-reply", aiohttp.ClientPayloadError),
        ("stall", TimeoutError),
    ],
)
async def test_replies_break_off_over_tls_too(clone: SimulatedClone, name: str, ending: type[Exception]) -> None:
    clone.tls, clone.fault = "valid", name
    url = await clone.start()
    connector = aiohttp.TCPConnector(ssl=trusting(clone.ca_file))
    async with aiohttp.ClientSession(url, headers=HEADERS, connector=connector) as http:
        stream, error = await read_while_it_comes(await (await converse(http)).generate())
    assert isinstance(error, ending)
    assert PCM.startswith(audio(parse_events(stream)))


async def test_uploads_break_off_over_tls_too(clone: SimulatedClone) -> None:
    clone.tls, clone.fault = "valid", "reset-at-byte"
    url = await clone.start()
    connector = aiohttp.TCPConnector(ssl=trusting(clone.ca_file))
    async with aiohttp.ClientSession(url, headers=HEADERS, connector=connector) as http:
        with pytest.raises(aiohttp.ClientConnectionError):
            await (await converse(http)).generate_live()
    assert not clone.received[0].complete


async def test_the_authoritys_file_goes_when_it_stops(clone: SimulatedClone) -> None:
    clone.tls = "valid"
    await clone.start()
    file = clone.ca_file
    assert file is not None
    assert file.is_file()
    await clone.stop()
    assert not file.parent.exists()
    clone.tls = None
    assert (await clone.start()).startswith("http://")


async def test_without_the_library(clone: SimulatedClone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    clone.tls = "valid"
    with pytest.raises(ClonespeakerError, match=r"pip install 'clonespeaker\[simulate\]'"):
        await clone.start()
    assert clone.ca_file is None
