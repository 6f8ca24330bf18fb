from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from clonespeaker.config.settings import Button, Kiosk, Settings
from clonespeaker.cues import FAULTS
from clonespeaker.status.kiosk import FOLDER, POLICY, Picture
from clonespeaker.status.server import StatusServer, open_status_server
from clonespeaker.tally import Tally
from clonespeaker.wiring import screen
from tests.status.stand_in import StandIn, figures_of

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@asynccontextmanager
async def serving(
    *, settings: Settings | None = None, picture: Picture | None = None, token: str | None = None
) -> AsyncIterator[tuple[StatusServer, aiohttp.ClientSession]]:
    async def last_picture() -> Picture | None:
        return picture

    stand_in = StandIn()
    server = await open_status_server(
        host="127.0.0.1",
        port=0,
        token=token,
        read_token=token and "reading",
        allowed_origins=[],
        snapshot=stand_in.snapshot,
        obey=stand_in.obey,
        health=lambda: stand_in.health,
        metrics=lambda: figures_of(Tally()),
        screen=lambda: screen(settings or Settings()),
        picture=last_picture,
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}/", headers=HTML) as session:
            yield server, session
    finally:
        await server.close()


async def test_browsers_get_the_page_and_programs_a_line() -> None:
    async with serving() as (_, session):
        async with session.get("/") as page:
            assert page.headers["Content-Type"] == "text/html; charset=utf-8"
            assert page.headers["Content-Security-Policy"] == POLICY
            assert await page.read() == (FOLDER / "index.html").read_bytes()
        async with session.get("/", headers={"Accept": "*/*"}) as page:
            assert page.headers["Content-Type"].startswith("text/plain")
            assert "clonespeaker status" in await page.text()


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("kiosk.css", "text/css"),
        ("main.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
        ("qr.js", "text/javascript"),
    ],
)
async def test_files_are_sent_once(name: str, content_type: str) -> None:
    async with serving(token="s3cret") as (_, session):
        async with session.get(f"/{name}") as page:
            assert page.status == 200
            assert page.headers["Content-Type"] == f"{content_type}; charset=utf-8"
            assert page.headers["Cache-Control"] == "no-cache"
            assert page.headers["X-Content-Type-Options"] == "nosniff"
            assert await page.read() == (FOLDER / name).read_bytes()
            tag = page.headers["ETag"]
        async with session.get(f"/{name}", headers={"If-None-Match": tag}) as page:
            assert (page.status, await page.read()) == (304, b"")
        async with session.get(f"/{name}", headers={"If-None-Match": '"another"'}) as page:
            assert page.status == 200


@pytest.mark.parametrize(
    "path", ["/index.htm", "/kiosk/main.js", "/..%2fcues.py", "/main.js/", "/__init__.py", "/%2e%2e/x.js"]
)
async def test_nothing_else_is_a_file(path: str) -> None:
    async with serving() as (_, session):
        async with session.get(path) as page:
            assert page.status == 404


async def test_what_the_page_is_told() -> None:
    settings = Settings(kiosk=Kiosk(title="Ask Ada", theme="dark"), button=Button(mode="tap"), language="de")
    async with serving(settings=settings, token="s3cret") as (_, session):
        async with session.get("/kiosk.json") as page:
            assert page.status == 401
        async with session.get("/kiosk.json?token=s3cret") as page:
            assert page.headers["Cache-Control"] == "no-store"
            told = json.loads(await page.text())
        async with session.get("/kiosk.json?token=reading") as page:
            only_reading = json.loads(await page.text())
    assert (told["title"], told["theme"], told["text_percent"], told["controls"]) == ("Ask Ada", "dark", 100, True)
    assert (told["mode"], told["language"]) == ("tap", "de")
    assert told["words"]["states"]["listening"] == "Ich höre zu"
    assert list(told["cues"]["faults"]) == list(FAULTS)  # the gravest first
    assert told["cues"]["states"]["listening"]["colour"] == "#1fbf6b"
    assert (told["control"], only_reading["control"]) == (True, False)


async def test_the_clones_picture() -> None:
    async with serving(picture=("image/png", b"\x89PNG\x00")) as (_, session):
        async with session.get("/picture?turn=3") as page:
            assert (page.status, page.headers["Content-Type"], await page.read()) == (200, "image/png", b"\x89PNG\x00")
            assert page.headers["Cache-Control"] == "no-store"
    async with serving(token="s3cret") as (_, session):
        async with session.get("/picture") as page:
            assert page.status == 401
        async with session.get("/picture?token=s3cret") as page:
            assert (page.status, await page.read()) == (204, b"")
