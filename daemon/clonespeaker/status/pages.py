"""What the local websocket's port answers over plain HTTP, and whom it turns away.

`/` is the kiosk page for browsers, and says what this is to whoever wants no HTML; `/healthz` tells whether all is well
(200 or 503, with JSON), `/metrics` tells figures to Prometheus, `kiosk` has the rest, and what nobody has is 404. A
request for a websocket on `/` that `access` lets in gets no page: the handshake goes on.

Whatever is asked for, `access` is asked first. No page is for other sites: not as a script, not in a frame, not in a
cache, and an address with a token in it is told to nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from clonespeaker.status.access import Access, Refusal, Right

_HELLO = """\
This is clonespeaker. Programs connect here by websocket (protocol 1); people type `clonespeaker status`,
or open this address in a browser. There are /healthz, for whether all is well, and /metrics, for Prometheus.
"""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer, unless a page has its own."""


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP answer; text/plain where `headers` say nothing else. `data` are its bytes, where it has no text."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes | None = None


class Pages:
    """The pages of one server.

    Args:
        access: who may have them.
        health: what `/healthz` answers.
        metrics: what `/metrics` answers to an Accept header: content type and text.
        kiosk: what the kiosk page and its files answer, to a path, headers and a right; None: no such page.
    """

    def __init__(
        self,
        access: Access,
        health: Callable[[], dict[str, Any]],
        metrics: Callable[[str], Awaitable[tuple[str, str]]],
        kiosk: Callable[[str, Callable[[str], str | None], Right], Awaitable[Page | None]],
    ) -> None:
        self._access = access
        self._health = health
        self._metrics = metrics
        self._kiosk = kiosk

    async def answer(self, target: str, header: Callable[[str], str | None], *, is_full: bool) -> Page | Right:
        """The answer to one request; a right lets the websocket handshake go on. Nothing is waited for then.

        Args:
            target: path and query.
            header: a request header's value by its name.
            is_full: no more websockets can be taken.
        """
        path, _, query = target.partition("?")
        admitted = self._access.admit(
            path=path,
            query=query,
            host=header("Host"),
            origin=header("Origin"),
            authorization=header("Authorization"),
        )
        if isinstance(admitted, Refusal):
            wanted = {"WWW-Authenticate": "Bearer"} if admitted.status == 401 else {}
            return Page(admitted.status, admitted.message, wanted)
        if path == "/healthz":
            health = self._health()
            text = msgspec.json.encode(health).decode() + "\n"
            return Page(200 if health["ok"] else 503, text, {"Content-Type": "application/json"})
        if path == "/metrics":
            content_type, text = await self._metrics(header("Accept") or "")
            return Page(200, text, {"Content-Type": content_type})
        if header("Upgrade") is None or path != "/":
            wants_html = "text/html" in (header("Accept") or "")
            page = await self._kiosk(path, header, admitted) if path != "/" or wants_html else Page(200, _HELLO)
            return page or Page(404, "There are /, /healthz and /metrics here.\n")
        if is_full:
            return Page(503, "Too many programs are connected already: close one.\n")
        return admitted
