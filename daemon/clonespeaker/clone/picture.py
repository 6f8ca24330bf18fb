"""The picture that the clone sent last, fetched for the screens: so a page that shows it loads nothing from elsewhere.

Its address comes from a server, and is not to be trusted: nobody may use this device to look at what only it can reach.
So only addresses of the open internet are asked (by what a name resolves to, each redirect anew) or the clone's own
server; without the key, without cookies; and what comes must be a picture, small, and soon there.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from clonespeaker.addresses import is_open_internet
from clonespeaker.clone.connection import USER_AGENT

MOST_BYTES = 4 * 2**20
MOST_REDIRECTS = 3
WITHIN_S = 10.0

log = logging.getLogger(__name__)

# What browsers show, but SVG: that is a document. By how they begin, for a server may say anything.
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypavif", 4, "image/avif"),
)


class LastPicture:
    """What there is to show. Nothing is fetched before somebody wants to see it.

    Args:
        base_url: the clone's server; its own pictures may come from wherever it is.
    """

    def __init__(self, base_url: str) -> None:
        self._own = URL(base_url).origin()
        self._url: str | None = None
        self._got: tuple[str, bytes] | None = None
        self._fetching: asyncio.Task[tuple[str, bytes] | None] | None = None

    def note(self, url: str | None) -> None:
        """The clone has sent this one; None: what it sent belongs to the past."""
        self._url, self._got = url, None
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None

    async def get(self) -> tuple[str, bytes] | None:
        """Its content type and itself; None where there is none that can be shown.

        Cancelled, the fetching goes on, for who asks again.
        """
        if self._got is not None or self._url is None:
            return self._got
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._look(self._url), name="picture")
        fetching = self._fetching
        await asyncio.wait([fetching])
        return (
            None if fetching.cancelled() else fetching.result()
        )  # another one came meanwhile; its own request gets it

    async def close(self) -> None:
        """What is being fetched is wanted no more."""
        fetching = self._fetching
        self.note(None)
        if fetching is not None:
            await asyncio.wait([fetching])

    async def _look(self, url: str) -> tuple[str, bytes] | None:
        try:
            async with asyncio.timeout(WITHIN_S):
                self._got = await self._fetch(URL(url))
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            log.info("the clone's picture can't be shown: %s", str(error) or type(error).__name__)
            self._url = None
        self._fetching = None
        return self._got

    async def _fetch(self, url: URL) -> tuple[str, bytes]:
        connector = aiohttp.TCPConnector(resolver=_Resolver(self._own.host), limit=1)
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": USER_AGENT, "Accept": "image/*", "Accept-Encoding": "identity"},
        ) as session:
            for _ in range(MOST_REDIRECTS + 1):
                self._check(url)
                async with session.get(url, allow_redirects=False) as response:
                    if response.status in (301, 302, 303, 307, 308):
                        url = url.join(URL(response.headers.get("Location", "")))
                        continue
                    response.raise_for_status()
                    return await _read(response)
        raise ValueError("it is redirected again and again")

    def _check(self, url: URL) -> None:
        if url.scheme not in ("http", "https") or url.host is None:
            raise ValueError("it has no web address")
        if url.origin() == self._own:
            return
        try:
            address = ipaddress.ip_address(url.host)
        except ValueError:
            if url.host == self._own.host:  # the same machine, another of its doors
                raise ValueError("it lies behind another port of the clone's server") from None
            if url.host.replace(".", "").isdigit():  # 127.1 say, which aiohttp's resolver may not be asked about
                raise ValueError("its address is not of the open internet") from None
            return  # a name, which the resolver looks at
        if not is_open_internet(address):
            raise ValueError("its address is not of the open internet")


class _Resolver(AbstractResolver):
    """Finds what lies in the open internet, and one host wherever that is."""

    def __init__(self, own_host: str | None) -> None:
        self._own_host = own_host
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        """As aiohttp asks for it."""
        found = await self._inner.resolve(host, port, family)
        if host != self._own_host:
            found = [each for each in found if is_open_internet(ipaddress.ip_address(each["host"].partition("%")[0]))]
        if not found:
            raise OSError(None, "its address is not of the open internet")
        return found

    async def close(self) -> None:
        """As aiohttp calls it."""
        await self._inner.close()


async def _read(response: aiohttp.ClientResponse) -> tuple[str, bytes]:
    data = bytearray()
    async for piece in response.content.iter_chunked(64 * 1024):
        data += piece
        if len(data) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES // 2**20} MiB")
    for beginning, at, content_type in _BEGINNINGS:
        if data[at : at + len(beginning)] == beginning:
            return content_type, bytes(data)
    raise ValueError("what came is no picture")
