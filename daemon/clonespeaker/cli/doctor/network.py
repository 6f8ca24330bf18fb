"""The way to the clone, step by step: the first that fails is the cause, and what lies behind it is not tried.

Clock, certificate and server are looked at with one request that bears no key. Where the certificate is no good, it is
repeated without looking at that, for the server's date alone: a clock that is wrong is the usual reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import os
import re
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import USER_AGENT
from clonespeaker.clone.records import CloneProfile
from clonespeaker.config import settings as kinds
from clonespeaker.config.settings import Settings
from clonespeaker.errors import CloneError
from clonespeaker.state import StateDir

_STEP_S = 5.0
_HEAD_MOST_BYTES = 64 * 1024
_CLOCK_OFF_S = 300.0
_EXPIRES_SOON_DAYS = 7
_SET_CLOCK = "sudo timedatectl set-ntp true, then timedatectl; a Pi without a network starts in the past"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one request without a key has shown of a server.

    Attributes:
        off_s: how far this machine's clock is ahead of the server's; None: it didn't say.
        tls: the version that was agreed upon, "TLSv1.3" say; None without.
        expires_at: its certificate, in Unix seconds; None where that was not looked at.
    """

    off_s: float | None
    tls: str | None
    expires_at: float | None


async def check_way(base_url: str, *, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Finding, None]:
    """DNS, connection, clock and certificate, up to the first that fails.

    Args:
        base_url: the clone's server.
        tls: whom to trust; None: whom this machine does.
    """
    parts = urlsplit(base_url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        async with asyncio.timeout(_STEP_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        why = "no answer" if isinstance(error, TimeoutError) else error.strerror
        yield Finding(
            "dns", "failed", f"{host} is not found ({why}); nothing beyond is tried",
            "is there a network (ip addr, nmcli), and is clone.base_url right?",
        )  # fmt: skip
        return
    yield Finding("dns", "ok", f"{host} is {', '.join(sorted({str(each[4][0]) for each in found}))}")
    context = (tls or ssl.create_default_context()) if secure else None
    try:
        seen = await _look(host, port, context)
    except ssl.SSLError as error:
        for finding in await _untrusted(host, port, error):
            yield finding
        return
    except (OSError, TimeoutError, EOFError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no answer"
        yield Finding(
            "connection", "failed", f"{host} port {port} can't be reached ({why}); nothing beyond is tried",
            "does the network want a login, or a firewall forbid it? Is clone.base_url right?",
        )  # fmt: skip
        return
    yield _clock(seen.off_s)
    yield _certificate(seen) if secure else Finding("tls", "ok", f"plain http to {host}: nothing is encrypted")


async def _look(host: str, port: int, context: ssl.SSLContext | None) -> Seen:
    """Ask for the head of `/`. Raises OSError (ssl.SSLError is one), TimeoutError, EOFError."""
    async with asyncio.timeout(_STEP_S):
        reader, writer = await asyncio.open_connection(
            host, port, ssl=context, server_hostname=host if context else None, limit=_HEAD_MOST_BYTES
        )
        try:
            named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            asked = f"HEAD / HTTP/1.1\r\nHost: {named}\r\nUser-Agent: {USER_AGENT}\r\nConnection: close\r\n\r\n"
            writer.write(asked.encode())
            head = b""
            with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
                head = await reader.readuntil(b"\r\n\r\n")
            encrypted = writer.get_extra_info("ssl_object")
            certificate = encrypted.getpeercert() if encrypted is not None else None
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    date = re.search(r"(?im)^date:\s*(.+?)\s*$", head.decode("latin-1"))
    off_s = None
    if date:
        with contextlib.suppress(ValueError, OverflowError):
            off_s = time.time() - email.utils.parsedate_to_datetime(date[1]).timestamp()
    expires_at = ssl.cert_time_to_seconds(certificate["notAfter"]) if certificate else None
    return Seen(off_s, encrypted.version() if encrypted is not None else None, expires_at)


def _clock(off_s: float | None) -> Finding:
    if off_s is None:
        return Finding("clock", "ok", f"{time.strftime('%Y-%m-%d %H:%M %Z')}; the server does not say its own")
    if abs(off_s) <= _CLOCK_OFF_S:
        return Finding("clock", "ok", f"right, within {max(1, abs(off_s)):.0f} s of the server's")
    way = "ahead of" if off_s > 0 else "behind"
    return Finding("clock", "failed", f"{in_words(abs(off_s))} {way} the server's", _SET_CLOCK)


def in_words(seconds: float) -> str:
    """A length of time, roughly: "3 days"."""
    for unit, unit_s in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _certificate(seen: Seen) -> Finding:
    words = f"{seen.tls}, a certificate that is trusted"
    if seen.expires_at is None:
        return Finding("tls", "ok", words)
    days = (seen.expires_at - time.time()) / 86_400
    words += f", for another {days:.0f} days"
    if days < _EXPIRES_SOON_DAYS:  # those who renew by themselves do so weeks before
        return Finding("tls", "warning", words, "the server's owners have to renew it; nothing to be done here")
    return Finding("tls", "ok", words)


async def _untrusted(host: str, port: int, error: ssl.SSLError) -> list[Finding]:
    off_s = None
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE  # a date is asked for, and nothing is told
    with contextlib.suppress(OSError, TimeoutError, EOFError):
        off_s = (await _look(host, port, anyone)).off_s
    clock = _clock(off_s)
    why = getattr(error, "verify_message", "") or error.reason or type(error).__name__
    words = f"{host} shows no certificate that is trusted ({why}); nothing beyond is tried, and no key was shown"
    if not isinstance(error, ssl.SSLCertVerificationError):
        words = f"no encrypted connection with {host} ({why}); nothing beyond is tried"
    remedy = "does something on the network intercept connections, or want a login? Is clone.base_url right?"
    if clock.result == "failed":
        words += "; this machine's clock is wrong, and that alone does it"
        remedy = _SET_CLOCK
    elif "expired" in why or "not yet valid" in why:
        remedy = "this machine's clock agrees with the server's, so the server's owners have to renew it"
    elif "self-signed" in why or "local issuer" in why:
        remedy = (
            "something on the network intercepts connections (a company's proxy, a login page); else, sudo apt install "
            "ca-certificates"
        )
    return [clock, Finding("tls", "failed", words, remedy, detail=str(error))]


async def check_clone(
    client: CloneClient, settings: Settings, on_name: Callable[[str], object] = lambda name: None
) -> AsyncGenerator[Finding, None]:
    """The key shown, the clone looked at, the conversation found again; up to the first that fails.

    Args:
        client: with the key.
        settings: all of them.
        on_name: told what the clone is called.
    """
    clone = settings.clone
    saved = await asyncio.to_thread(StateDir(Path(settings.state_dir)).load)
    belongs = saved.conversation is not None and _belongs(saved.conversation, client.base_url, clone)
    conversation_id = clone.conversation_id or (
        saved.conversation.conversation_id if saved.conversation and belongs else None
    )
    if clone.slug is None and conversation_id is None:
        yield Finding("clone", "warning", "not asked, so the key is not tried", "set clone.slug")
        return
    try:
        if clone.slug:
            profile = await client.profile(clone.slug)
            on_name(profile.name or "")
            yield _profile(profile, clone.slug, client.base_url)
        if conversation_id is None:
            yield Finding("conversation", "ok", "none yet; the first start makes one")
            return
        messages = await client.history(conversation_id)
        yield Finding("conversation", "ok", f"{conversation_id}, {len(messages)} messages")
    except CloneError as error:
        yield _refused(error, clone)


def _belongs(saved: object, base_url: str, clone: kinds.Clone) -> bool:
    expected = {
        "base_url": base_url, "slug": clone.slug, "instance_slug": clone.instance_slug, "user_email": clone.user_email
    }  # fmt: skip
    return all(getattr(saved, name) == value for name, value in expected.items())


def _profile(profile: CloneProfile, slug: str, base_url: str) -> Finding:
    words = f"{profile.name or slug} at {base_url} takes the key"
    lacks = [name for name in ("purpose", "description") if not getattr(profile, name)]
    if lacks:
        return Finding(
            "clone",
            "warning",
            f"{words}, but has no {' and no '.join(lacks)}",
            "it refuses questions until it has a purpose, a description and at least one document; add them where the "
            "clone is made",
        )
    return Finding("clone", "ok", f"{words}, and has a purpose and a description")


def _refused(error: CloneError, clone: kinds.Clone) -> Finding:
    if error.status == 401:
        return Finding("key", "failed", str(error), "put the right one in its place; see the first line on the key")
    if error.fault == "no-conversation" and clone.slug:
        return Finding("conversation", "warning", str(error), "nothing to do: a new one begins by itself")
    remedy = {
        "offline": "is the network up, and clone.base_url right?",
        "no-conversation": "set clone.slug, so that another can be made",
        "server-error": "nothing to be done here; try again later",
        "busy": "one key may serve many devices; wait a minute",
    }.get(error.fault or "", "")
    return Finding("clone", "failed", str(error), remedy, error.detail)
