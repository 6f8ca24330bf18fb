from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from clonespeaker.clone.picture import MOST_BYTES, LastPicture

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
JPEG = b"\xff\xd8\xff\xe0" + b"pixels"


class Web:
    """A server on loopback, which is where nobody may have the daemon look, unless it is the clone's own."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[web.Request] = []
        self.body, self.status, self.headers = PNG, 200, {"Content-Type": "text/html"}

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return web.Response(body=self.body, status=self.status, headers=self.headers)


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None) -> AsyncIterator[Web]:
    server = Web()
    app = web.Application()
    app.router.add_get("/{path:.*}", handler or server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x20ftypavif\x00", "image/avif"),
    ],
)
async def test_a_picture_of_the_clones_own_server(body: bytes, content_type: str) -> None:
    async with serving() as server:
        server.body = body
        picture = LastPicture(server.url)
        picture.note(f"{server.url}/portrait.png")
        assert await picture.get() == (content_type, body)
        assert await picture.get() == (content_type, body)
    [request] = server.asked  # once, however many look
    assert "x-api-key" not in request.headers
    assert "Cookie" not in request.headers


async def test_nothing_is_fetched_before_somebody_wants_to_see_it_or_after_it_is_past() -> None:
    async with serving() as server:
        picture = LastPicture(server.url)
        assert await picture.get() is None
        picture.note(f"{server.url}/portrait.png")
        picture.note(None)
        assert await picture.get() is None
    assert server.asked == []


@pytest.mark.parametrize(
    "body", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", PNG + bytes(MOST_BYTES)], ids=len
)
async def test_what_is_no_picture_or_too_large(body: bytes) -> None:
    async with serving() as server:
        server.body = body
        picture = LastPicture(server.url)
        picture.note(f"{server.url}/portrait.png")
        assert await picture.get() is None
        assert await picture.get() is None
    assert len(server.asked) == 1  # nor is it tried again and again


async def test_one_that_is_slow_to_come_is_there_for_who_asks_again() -> None:
    """The status server cuts off who waits for longer than a handshake may take."""
    asked, go_on = [], asyncio.Event()

    async def slowly(request: web.Request) -> web.Response:
        asked.append(request.path)
        await go_on.wait()
        return web.Response(body=PNG)

    async with serving(slowly) as server:
        picture = LastPicture(server.url)
        picture.note(f"{server.url}/portrait.png")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(picture.get(), 0.1)
        again = asyncio.create_task(picture.get())
        go_on.set()
        assert await again == ("image/png", PNG)
    assert asked == ["/portrait.png"]


async def test_one_that_another_takes_the_place_of() -> None:
    go_on = asyncio.Event()

    async def first_slowly(request: web.Request) -> web.Response:
        if request.path == "/first.png":
            await go_on.wait()
        return web.Response(body=PNG)

    async with serving(first_slowly) as server:
        picture = LastPicture(server.url)
        picture.note(f"{server.url}/first.png")
        first = asyncio.create_task(picture.get())
        await asyncio.sleep(0.05)
        picture.note(f"{server.url}/second.png")
        assert await first is None
        assert await picture.get() == ("image/png", PNG)
        picture.note(f"{server.url}/first.png")
        first = asyncio.create_task(picture.get())
        await asyncio.sleep(0.05)
        await picture.close()
        assert await first is None
        go_on.set()


async def test_a_picture_that_is_gone() -> None:
    async with serving() as server:
        server.status = 404
        picture = LastPicture(server.url)
        picture.note(f"{server.url}/portrait.png")
        assert await picture.get() is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "2130706433", "127.1", "0x7f000001"])
async def test_nobody_has_the_device_look_at_itself(host: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving() as server:
        port = server.url.rpartition(":")[2]
        picture = LastPicture("https://api.delphi.ai")
        picture.note(f"http://{host}:{port}/portrait.png")
        assert await picture.get() is None
    assert server.asked == []
    assert "its address is not of the open internet" in caplog.text  # we have refused, whatever aiohttp makes of it


async def test_not_at_another_port_of_the_clones_server_either() -> None:
    async with serving() as server:
        picture = LastPicture("http://127.0.0.1:1")
        picture.note(f"{server.url}/portrait.png")
        assert await picture.get() is None
    assert server.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_redirect_is_looked_at_anew(host: str) -> None:
    async with serving() as inside, serving() as clone:
        port = inside.url.rpartition(":")[2]
        clone.status, clone.headers = 302, {"Location": f"http://{host}:{port}/portrait.png"}
        picture = LastPicture(clone.url)
        picture.note(f"{clone.url}/portrait.png")
        assert await picture.get() is None
    assert len(clone.asked) == 1
    assert inside.asked == []


async def test_redirects_within_the_clones_server_and_their_end() -> None:
    async def once(request: web.Request) -> web.Response:
        if request.path == "/a.png":
            raise web.HTTPFound("/b.png")
        if request.path == "/b.png":
            return web.Response(body=PNG)
        raise web.HTTPFound("/round.png")

    async with serving(once) as server:
        picture = LastPicture(server.url)
        picture.note(f"{server.url}/a.png")
        assert await picture.get() == ("image/png", PNG)
        picture.note(f"{server.url}/round.png")
        assert await picture.get() is None
