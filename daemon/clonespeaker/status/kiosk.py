"""The kiosk page's files, kept in memory; and what it is told beside the websocket.

`/` is the page, for who wants HTML. Its files lie beside it, by the names they have in `clonespeaker/kiosk/`; they
are the same on every device, so they need no token. `/kiosk.json` tells settings, words and colours, `/picture` is
the picture that the clone sent last, fetched by the daemon: the page itself loads nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from clonespeaker.status.access import Right
from clonespeaker.status.pages import Page

FOLDER = Path(__file__).parents[1] / "kiosk"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",  # the websocket, too
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""What the page may load: nothing but this server's own; and no text becomes markup, whoever asks for it."""

Picture = tuple[str, bytes]
"""Its content type, and itself."""


class Kiosk:
    """The page of one server. Its files are read when the first browser asks, in a thread, and then kept.

    Args:
        screen: what the page is told of the settings; may take a while, so it is asked in a thread.
        picture: the last one of the clone's; None: there is none that can be shown.
    """

    def __init__(self, screen: Callable[[], dict[str, Any]], picture: Callable[[], Awaitable[Picture | None]]) -> None:
        self._screen = screen
        self._picture = picture
        self._files: dict[str, Page] = {}
        self._build = ""
        self._reading = asyncio.Lock()

    async def answer(self, path: str, header: Callable[[str], str | None], right: Right) -> Page | None:
        """The answer to one request; None where there is no such page."""
        if path == "/picture":
            return _of_picture(await self._picture())
        await self._read_once()
        if path == "/kiosk.json":
            told = await asyncio.to_thread(self._screen)
            told |= {"build": self._build, "control": right is Right.CONTROL}
            return Page(200, headers={"Content-Type": "application/json"}, data=msgspec.json.encode(told))
        page = self._files.get("/index.html" if path == "/" else path)
        if page is not None and header("If-None-Match") == page.headers["ETag"]:
            return Page(304, headers=page.headers)
        return page

    async def _read_once(self) -> None:
        async with self._reading:
            if not self._files:
                self._files, self._build = await asyncio.to_thread(_read)


def _read() -> tuple[dict[str, Page], str]:
    files = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}
    build = hashlib.sha256(b"\0".join(files.values())).hexdigest()[:16]
    return {f"/{name}": _page(Path(name).suffix, data) for name, data in files.items()}, build


def _page(suffix: str, data: bytes) -> Page:
    return Page(
        200,
        headers={
            "Content-Type": TYPES[suffix] + "; charset=utf-8",
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-cache",  # kept, but asked for again each time
            "ETag": f'"{hashlib.sha256(data).hexdigest()[:16]}"',
        },
        data=data,
    )


def _of_picture(picture: Picture | None) -> Page:
    if picture is None:
        return Page(204)  # no error, for which a browser's console would have words
    content_type, data = picture
    return Page(200, headers={"Content-Type": content_type}, data=data)
