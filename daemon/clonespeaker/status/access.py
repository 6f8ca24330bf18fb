"""Who may connect to the local websocket.

The rules, in this order:

1. **Host.** Bound to loopback, a request must name this server by one of its own names. Else a web page could have
   its own name resolve to 127.0.0.1 and pass for us (DNS rebinding).
2. **Origin.** Programs send none and pass. A browser always sends it with a websocket, so a page passes only where it
   came from this very server, or is listed: any page on the web can otherwise reach a websocket on loopback.
3. **Token.** Where one is set, everything but `/healthz` needs it, as `Authorization: Bearer …` or, since browsers
   can't set that, as `?token=…`. Bound to anything but loopback, there must be one.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import parse_qs

from clonespeaker.errors import StatusError


class Access:
    """The rules for one server.

    Raises:
        StatusError: an address that others can reach without a token, or an empty token.
    """

    def __init__(self, *, host: str, port: int, token: str | None, allowed_origins: Sequence[str]) -> None:
        if token == "":
            raise StatusError("the token is empty: write one into `status.token_file`")
        self._loopback = _is_loopback(host)
        if not self._loopback and token is None:
            raise StatusError(
                f"others can reach {host}, so a token is needed: set `status.token_file`, or `status.host` to 127.0.0.1"
            )
        names = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host.lower()}
        self._own_hosts = {f"{name}:{port}" for name in names} | (names if port == 80 else set())
        self._token = token
        self._allowed_origins = frozenset(allowed_origins)

    def refusal(
        self, *, path: str, query: str, host: str | None, origin: str | None, authorization: str | None
    ) -> tuple[int, str] | None:
        """The HTTP status and the message that a request with these headers is refused with, or None."""
        own = host is not None and host.lower() in self._own_hosts
        if self._loopback and not own:
            return 403, f"This server is {', '.join(sorted(self._own_hosts))}, and not {_shown(host)}.\n"
        if origin is not None and origin not in self._allowed_origins:
            if not own or origin.lower() != f"http://{host}".lower():
                return 403, f"Pages from {_shown(origin)} may not connect; see `status.allowed_origins`.\n"
        if path != "/healthz" and not self._has_token(query, authorization):
            return 401, "Give the token of `status.token_file`: Authorization: Bearer … or ?token=…\n"
        return None

    def _has_token(self, query: str, authorization: str | None) -> bool:
        if self._token is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            given = parse_qs(query).get("token", [""])[0]
        return hmac.compare_digest(given.strip().encode(errors="surrogatepass"), self._token.encode())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _shown(header: str | None) -> str:
    if header is None:
        return "nameless"
    start = header[:100]
    return f"'{start}'" if start.isprintable() else ascii(start)  # a byte that is no text can't be sent back as one
