"""The way to the clone, blocked at each step: the first block is named, and nothing behind it is tried."""

from __future__ import annotations

import asyncio
import email.utils
import json
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.cli.doctor.network import check_clone, check_way, in_words
from clonespeaker.config.settings import Clone, Settings
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.simulate.tls import TlsKind, open_tls
from clonespeaker.state import SavedConversation, StateDir
from clonespeaker.state import State as Saved
from tests.peers import NOBODY, Peer, connected, serving

DAY_S = 86_400.0


async def way(url: str, tls: ssl.SSLContext | None = None) -> dict[str, Finding]:
    return {finding.name: finding async for finding in check_way(url, tls=tls)}


async def test_a_clear_way() -> None:
    clone = SimulatedClone()
    try:
        found = await way(await clone.start())
    finally:
        await clone.stop()
    assert {name: finding.result for name, finding in found.items()} == {"dns": "ok", "clock": "ok", "tls": "ok"}
    assert found["dns"].words == "127.0.0.1 is 127.0.0.1"
    assert found["clock"].words == "right, within 1 s of the server's"


async def test_a_name_that_is_not_found() -> None:
    found = await way(f"https://{NOBODY}")
    assert list(found) == ["dns"]
    assert found["dns"].result == "failed"
    assert f"{NOBODY} is not found" in found["dns"].words
    assert "nothing beyond is tried" in found["dns"].words


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_port_where_nobody_listens(scheme: str) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        found = await way(f"{scheme}://127.0.0.1:{reserved.getsockname()[1]}")
    assert list(found) == ["dns", "connection"]
    assert found["connection"].result == "failed"
    assert "Connection refused" in found["connection"].words


async def test_a_server_that_hangs_up() -> None:
    async def hang_up(peer: Peer) -> None:
        pass

    async with serving(hang_up) as server:
        found = await way(server.url)
    assert found["clock"].words.endswith("the server does not say its own")


def dated(off_s: float) -> Callable[[Peer], Awaitable[None]]:
    """A server whose clock is so far ahead of ours."""

    async def talk(peer: Peer) -> None:
        head = await peer.head()
        assert "x-api-key" not in head.lower()
        await peer.answer("403 No", Date=email.utils.formatdate(time.time() + off_s, usegmt=True))

    return talk


@pytest.mark.parametrize(
    ("off_s", "result", "words"),
    [
        (100, "ok", "right, within"),
        (DAY_S * 400 + 60, "failed", "400 days behind the server's"),
        (-3 * 3_600 - 60, "failed", "3 hours ahead of the server's"),
    ],
)
async def test_a_clock_that_is_wrong(off_s: float, result: str, words: str) -> None:
    async with serving(dated(off_s)) as server:
        found = await way(server.url)
    assert found["clock"].result == result
    assert words in found["clock"].words
    assert ("timedatectl" in found["clock"].remedy) == (result == "failed")


async def test_a_certificate_that_is_good(tmp_path: Path) -> None:
    clone = SimulatedClone(tls="valid")
    try:
        url = await clone.start()
        found = await way(url, ssl.create_default_context(cafile=clone.ca_file))
    finally:
        await clone.stop()
    assert found["tls"].result == "ok"
    assert found["tls"].words.startswith("TLSv1.3, a certificate that is trusted, for another ")
    assert found["clock"].result == "ok"


@pytest.mark.parametrize(
    ("kind", "words", "remedy"),
    [
        ("expired", "certificate has expired", "the server's owners have to renew it"),
        ("wrong-host", "certificate is not valid for", "clone.base_url"),
        ("self-signed", "unable to get local issuer certificate|self-signed", "ca-certificates"),
    ],
)
async def test_certificates_that_are_no_good(kind: TlsKind, words: str, remedy: str) -> None:
    clone = SimulatedClone(tls=kind)
    try:
        url = await clone.start()
        found = await way(url, ssl.create_default_context(cafile=clone.ca_file))
    finally:
        await clone.stop()
    assert list(found) == ["dns", "clock", "tls"]
    assert found["clock"].words == "right, within 1 s of the server's"
    assert found["tls"].result == "failed"
    assert any(each in found["tls"].words for each in words.split("|"))
    assert remedy in found["tls"].remedy
    assert clone.received == []


@pytest.mark.parametrize(("off_s", "words"), [(-400 * DAY_S, "400 days ahead of"), (400 * DAY_S, "400 days behind")])
async def test_a_clock_that_is_wrong_explains_a_certificate(tmp_path: Path, off_s: float, words: str) -> None:
    date = email.utils.formatdate(time.time() + off_s, usegmt=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"x-api-key" not in await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 403 No\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    ca_file = tmp_path / "ca.pem"
    tls = open_tls("expired", "127.0.0.1", ca_file)
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        found = await way(f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=ca_file))
    assert [finding.result for finding in found.values()] == ["ok", "failed", "failed"]
    assert words in found["clock"].words
    assert "this machine's clock is wrong, and that alone does it" in found["tls"].words
    assert "timedatectl" in found["tls"].remedy


async def test_no_tls_where_it_was_expected() -> None:
    clone = SimulatedClone()
    try:
        found = await way((await clone.start()).replace("http:", "https:"))
    finally:
        await clone.stop()
    assert found["tls"].result == "failed"
    assert "no encrypted connection with 127.0.0.1" in found["tls"].words


@pytest.mark.parametrize(("seconds", "words"), [(7, "7 seconds"), (600, "10 minutes"), (DAY_S, "24 hours")])
def test_times_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


async def clone_of(
    clone: SimulatedClone, state_dir: Path, *, key: str = "dsk-simulated", **settings: str | None
) -> list[Finding]:
    url = await clone.start()
    names: list[str] = []
    try:
        async with connected(url, key=key) as client:
            wanted = Settings(clone=Clone(**{"base_url": url, "slug": "my-clone"} | settings), state_dir=str(state_dir))  # type: ignore[arg-type]
            found = [finding async for finding in check_clone(client, wanted, names.append)]
    finally:
        await clone.stop()
    assert all(name == "Simulated Clone" for name in names)
    return found


async def test_a_clone_that_is_well(tmp_path: Path) -> None:
    clone, conversation = await clone_of(SimulatedClone(), tmp_path)
    assert clone.result == conversation.result == "ok"
    assert "takes the key, and has a purpose and a description" in clone.words
    assert conversation.words == "none yet; the first start makes one"


async def test_a_key_that_is_refused(tmp_path: Path) -> None:
    (finding,) = await clone_of(SimulatedClone(), tmp_path, key="dsk-another")
    assert (finding.name, finding.result) == ("key", "failed")
    assert "refused the API key (401)" in finding.words
    assert "dsk-another" not in str(finding)


async def test_a_slug_that_nobody_has(tmp_path: Path) -> None:
    (finding,) = await clone_of(SimulatedClone(), tmp_path, slug="nobody")
    assert (finding.name, finding.result) == ("clone", "failed")
    assert "Check clone.slug" in finding.words


NOWHERE = "00000000-0000-4000-8000-000000000000"


async def test_a_conversation_that_is_gone(tmp_path: Path) -> None:
    _, conversation = await clone_of(SimulatedClone(), tmp_path, conversation_id=NOWHERE)
    assert conversation.result == "warning"
    assert "a new one begins by itself" in conversation.remedy
    (finding,) = await clone_of(SimulatedClone(), tmp_path, slug=None, conversation_id=NOWHERE)
    assert finding.result == "failed"
    assert "set clone.slug" in finding.remedy


async def test_nobody_to_talk_with(tmp_path: Path) -> None:
    (finding,) = await clone_of(SimulatedClone(), tmp_path, slug=None)
    assert (finding.result, finding.words) == ("warning", "not asked, so the key is not tried")


async def test_a_saved_conversation_of_other_settings_is_nobody_s_business(tmp_path: Path) -> None:
    saved = SavedConversation(conversation_id=NOWHERE, base_url="https://elsewhere.example", slug="my-clone")
    StateDir(tmp_path).save(Saved(conversation=saved))
    _, conversation = await clone_of(SimulatedClone(), tmp_path)
    assert conversation.words.startswith("none yet")


@pytest.mark.parametrize("lacks", ["purpose", "description"])
async def test_a_clone_without_its_prerequisites(tmp_path: Path, lacks: str) -> None:
    profile = {"name": "Jo", "purpose": "to tell", "description": "somebody"} | {lacks: ""}

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.answer("200 OK", json.dumps({"clone": profile}).encode())

    async with serving(talk) as server, connected(server.url) as client:
        settings = Settings(clone=Clone(base_url=server.url, slug="jo"), state_dir=str(tmp_path))
        findings = [finding async for finding in check_clone(client, settings)]
    assert findings[0].result == "warning"
    assert f"has no {lacks}" in findings[0].words
    assert "at least one document" in findings[0].remedy
