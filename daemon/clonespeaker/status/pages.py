"""What the local websocket's port answers over plain HTTP, and whom it turns away.

`/` says what this is, `/healthz` tells whether all is well (200 or 503, with JSON), anything else is 404. A request
for a websocket on `/` that `access` lets in gets no page: the handshake goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from clonespeaker.status.access import Access

_HELLO = "This is clonespeaker. Programs connect here by websocket (protocol 1); people type `clonespeaker status`.\n"


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP answer; text/plain where `headers` say nothing else."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Pages:
    """The pages of one server."""

    def __init__(self, access: Access, health: Callable[[], dict[str, Any]]) -> None:
        self._access = access
        self._health = health

    def answer(self, target: str, header: Callable[[str], str | None], *, is_full: bool) -> Page | None:
        """The answer to one request; None lets the websocket handshake go on.

        Args:
            target: path and query.
            header: a request header's value by its name.
            is_full: no more websockets can be taken.
        """
        path, _, query = target.partition("?")
        refusal = self._access.refusal(
            path=path,
            query=query,
            host=header("Host"),
            origin=header("Origin"),
            authorization=header("Authorization"),
        )
        if refusal is not None:
            status, message = refusal
            return Page(status, message, {"WWW-Authenticate": "Bearer"} if status == 401 else {})
        if path == "/healthz":
            health = self._health()
            text = msgspec.json.encode(health).decode() + "\n"
            return Page(200 if health["ok"] else 503, text, {"Content-Type": "application/json"})
        if path != "/":
            return Page(404, "There are / and /healthz here.\n")
        if header("Upgrade") is None:
            return Page(200, _HELLO)
        if is_full:
            return Page(503, "Too many programs are connected already: close one.\n")
        return None
