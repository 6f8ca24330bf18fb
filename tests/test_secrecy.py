"""A daemon whose key and tokens are told by everybody else: nothing that it tells has one of them in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import InvalidStatus

from clonespeaker import attempts
from clonespeaker.app import App
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.status.client import connect
from clonespeaker.turn import Said
from tests.daemon import SoundOfTest, settings_of
from tests.peers import Peer, serving, until
from tests.status.stand_in import request
from tests.tattling import tattling

KEY = "dsk-recognisable0123456789"
TOKEN = "tok-recognisable-control"
READ_TOKEN = "tok-recognisable-reading"


@contextlib.asynccontextmanager
async def daemon_at(url: str, state_dir: Path, told: list[dict[str, Any]]) -> AsyncIterator[App]:
    """A daemon with a key and both tokens; notes what it tells."""
    app = App(
        settings_of(url, state_dir),
        api_key=KEY,
        token=TOKEN,
        read_token=READ_TOKEN,
        sound=SoundOfTest(),
        listener=lambda event, **fields: told.append({"event": event, **msgspec.to_builtins(fields)}),
    )
    running = asyncio.create_task(app.run())
    try:
        await app.ready.wait()
        await until(lambda: app.appliance.turn.state == "idle")
        yield app
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def check(state_dir: Path, caplog: pytest.LogCaptureFixture, *told: object) -> None:
    """Nothing secret is in the log, in files, or in what was told."""
    files = [path.read_bytes().decode(errors="replace") for path in state_dir.rglob("*") if path.is_file()]
    records = [f"{record.msg} {record.args} {record.exc_text}" for record in caplog.records]
    everything = "\n".join([caplog.text, *records, *files, *map(repr, told)])
    assert len(everything) > 100
    for secret in (KEY, TOKEN, READ_TOKEN):
        assert secret not in everything


@pytest.mark.parametrize("answer", [pytest.param(answer, id=name) for name, answer in tattling(KEY)])
async def test_a_server_that_tells_the_key(
    answer: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_BACKOFF_S", 0.001)
    caplog.set_level(logging.DEBUG)
    told: list[dict[str, Any]] = []

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)

    async with serving(talk) as server, daemon_at(server.url, tmp_path, told) as app:
        await until(lambda: app.news.faults)
        app.appliance.post(Said(text="Hello"))
        await until(lambda: [each for each in told if each["event"] == "turn"])
        async with connect(f"ws://127.0.0.1:{app.port}/", TOKEN) as client:
            with contextlib.suppress(Exception):
                await client.command("new_conversation")
            snapshot = client.snapshot
        pages = [await request(app.port, f"{page}?token={READ_TOKEN}") for page in ("/", "/healthz", "/metrics", "/x")]
    check(tmp_path, caplog, told, snapshot, pages)


async def test_a_clone_that_names_itself_after_the_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[dict[str, Any]] = []
    line = {"text": f"Your key is {KEY}", "sender": "CLONE", "citations": [{"title": KEY, "url": f"https://{KEY}.a"}]}
    body = json.dumps(
        {
            "new_conversation": {"conversation_id": KEY, "messages": [line]},
            "clone": {"name": KEY, "slug": KEY, "description": KEY, "purpose": KEY},
            "history": [line],
        }
    ).encode()

    async def talk(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.answer("200 OK", body)

    async with serving(talk) as server, daemon_at(server.url, tmp_path, told) as app:
        await until(lambda: app.account.lookout.profile.name)
        snapshot = app.account.snapshot()
        assert "***" in str(snapshot)
        await until(lambda: list(tmp_path.glob("*.json")))
    check(tmp_path, caplog, told, snapshot)


async def test_programs_that_show_tokens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[dict[str, Any]] = []
    clone = SimulatedClone(api_key=KEY, think_s=0, voice="echo")
    try:
        async with daemon_at(await clone.start(), tmp_path, told) as app:
            answers: list[object] = []
            for token in (TOKEN, READ_TOKEN, TOKEN + "x", TOKEN[:-1] + "x"):
                for target in (f"/?token={token}", f"/metrics?token={token}", f"/{token}?token={token}"):
                    answers.append(await request(app.port, target))
                    answers.append(await request(app.port, target, "Host: evil.example"))
                    answers.append(await request(app.port, target, "Origin: https://evil.example"))
                url = f"ws://127.0.0.1:{app.port}/?token={token}"
                with contextlib.suppress(InvalidStatus):
                    async with connect_websocket(url, proxy=None, compression=None) as program:
                        answers.append(await program.recv())
                        await program.send("x" * 70_000)
                        with contextlib.suppress(Exception):
                            while True:
                                answers.append(await program.recv())
            assert {answer[0] for answer in answers if isinstance(answer, tuple)} == {200, 401, 403, 404}
    finally:
        await clone.stop()
    ours = [record for record in caplog.records if record.name != "websockets.client"]  # this test's own program
    everything = "\n".join(f"{record.getMessage()} {record.args} {record.exc_text}" for record in ours)
    for secret in (KEY, TOKEN, READ_TOKEN):
        assert secret not in everything + repr(answers) + repr(told)
