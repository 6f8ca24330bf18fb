"""Who may connect to the local websocket, and what they may do there.

The rules, in this order:

1. **Host.** A request must name this server by one of its own names. A web page can have a name of its own resolve to
   our address and pass for us (DNS rebinding); it can't choose what the browser writes into `Host`. Bound to loopback,
   the names are 127.0.0.1, localhost and [::1]. Bound to what others reach, they are also any address in numbers (for
   nobody rebinds a number), and this machine's hostname, alone and with `.local`. Whoever reaches us under another
   name, through a proxy or the network's DNS, lists that as an origin: its host counts then, too.
2. **Origin.** Programs send none and pass. A browser always sends it with a websocket, so a page passes only where it
   came from this very server, or is listed: any page on the web can otherwise reach a websocket on loopback.
3. **Token.** Where one is set, everything needs one but `/healthz` and the kiosk page's own files (which tell nothing:
   they are the same on every device), as `Authorization: Bearer …` or, since browsers
   can't set that, as `?token=…`. There may be a second one, for reading: who shows it may follow, but gives no
   commands. Bound to anything but loopback, there must be a token, whatever else there is.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qs

from clonespeaker.addresses import is_loopback
from clonespeaker.errors import StatusError

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class Right(Enum):
    """What somebody may do here: follow, or give commands as well."""

    READ = "read"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The HTTP status and the message that a request is refused with."""

    status: int
    message: str


class Access:
    """The rules for one server.

    Args:
        host: the address it is bound to.
        port: the port it is bound to.
        token: who shows it may do everything; None: none is asked for.
        read_token: who shows it may follow; None: there is none.
        allowed_origins: web pages from elsewhere that may connect.
        hostname: this machine's.

    Raises:
        StatusError: an address that others can reach without a token, an empty token, or one for reading alone.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        token: str | None,
        read_token: str | None = None,
        allowed_origins: Iterable[str] = (),
        hostname: str = "localhost",
    ) -> None:
        if "" in (token, read_token):
            raise StatusError("the token is empty: write one into `status.token_file` or `status.read_token_file`")
        if token is None and read_token is not None:
            raise StatusError("a token for reading alone protects nothing: set `status.token_file`, too")
        self._open_to_others = not is_loopback(host)
        if self._open_to_others and token is None:
            raise StatusError(
                f"others can reach {host}, so a token is needed: set `status.token_file`, or `status.host` to 127.0.0.1"
            )
        names = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host}
        if self._open_to_others:
            names |= {hostname, f"{hostname}.local"}
            names -= {"0.0.0.0", "[::]"}  # where it listens, but nobody's address
        self._port = str(port)
        self._own = {own for name in names if (own := _authority(f"{name}:{port}", ""))}
        self._origins = {origin for each in allowed_origins if (origin := _origin(each))}
        self._listed = {origin.partition("://")[2] for origin in self._origins}
        self._tokens = [
            (each.encode(), right)
            for each, right in ((token, Right.CONTROL), (read_token, Right.READ))
            if each is not None
        ]

    def admit(
        self, *, path: str, query: str, host: str | None, origin: str | None, authorization: str | None
    ) -> Right | Refusal:
        """What a request with these headers may do. A header that came twice must be given as no one of the two."""
        named = _authority(host or "", "80")
        own = named is not None and self._is_own(named)
        if not own and not self._is_listed(host or ""):
            return Refusal(
                403,
                f"This server is {', '.join(sorted(self._own))}, and not {_shown(host)}; "
                "what it is called besides goes into `status.allowed_origins`.\n",
            )
        if origin is not None:
            page = _origin(origin)
            if page is None or (page not in self._origins and not (own and page == f"http://{named}")):
                return Refusal(403, f"Pages from {_shown(origin)} may not connect; see `status.allowed_origins`.\n")
        if path == "/healthz" or path.endswith((".js", ".css", ".svg")):
            return Right.READ
        right = self._right_of(query, authorization)
        if right is None:
            return Refusal(401, "Give the token of `status.token_file`: Authorization: Bearer … or ?token=…\n")
        return right

    def _is_own(self, named: str) -> bool:
        if named in self._own:
            return True
        name, _, port = named.rpartition(":")
        return self._open_to_others and port == self._port and _is_address(name)

    def _is_listed(self, host: str) -> bool:
        """Whether it is a listed origin's; whoever forwards from port 443 leaves that out, too."""
        return any(_authority(host, port) in self._listed for port in _DEFAULT_PORTS.values())

    def _right_of(self, query: str, authorization: str | None) -> Right | None:
        if not self._tokens:
            return Right.CONTROL
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            # A token has no blanks: this is a + of base64's, written as it is.
            given = parse_qs(query).get("token", [""])[0].replace(" ", "+")
        shown = given.strip().encode(errors="surrogatepass")
        # All are compared, each in constant time: how long it takes tells nothing of any.
        rights = [right for token, right in self._tokens if hmac.compare_digest(shown, token)]
        return rights[0] if rights else None


def _authority(text: str, default_port: str) -> str | None:
    """`host:port` in the one spelling that is compared; None where it is no such thing."""
    match = _AUTHORITY.fullmatch(text.lower())
    if match is None:
        return None
    name, port = match[1], match[2] or default_port
    if name.startswith("["):
        try:
            name = f"[{ipaddress.IPv6Address(name[1:-1])}]"
        except ValueError:
            return None
    return f"{name}:{port}"


def _origin(text: str) -> str | None:
    """`scheme://host:port` in the one spelling that is compared; None where it is no such thing, `null` for one."""
    scheme, _, rest = text.lower().partition("://")
    authority = _authority(rest, _DEFAULT_PORTS.get(scheme, ""))
    return None if authority is None else f"{scheme}://{authority}"


def _is_address(name: str) -> bool:
    """Whether a host is an address in numbers that somebody may have; `0.0.0.0` is nobody's."""
    try:
        return not ipaddress.ip_address(name.strip("[]")).is_unspecified
    except ValueError:
        return False


def _shown(header: str | None) -> str:
    if header is None:
        return "nameless"
    start = header[:100]
    return f"'{start}'" if start.isprintable() else ascii(start)  # a byte that is no text can't be sent back as one
