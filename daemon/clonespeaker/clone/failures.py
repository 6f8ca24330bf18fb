"""What goes wrong between here and the clone, in words: aiohttp's exceptions and HTTP's statuses → CloneError.

An edge's own map: each error says what happened and what to do, and whether trying again may help.
"""

from __future__ import annotations

import contextlib
import email.utils
import os
import ssl
import time
from collections.abc import Iterator, Mapping

import msgspec

from clonespeaker.errors import CloneError

_SAID_MOST = 300  # characters of a server's own words that are passed on


class ConnectionBroken(CloneError):
    """The connection stood, and was lost before any answer came."""

    def __init__(self, message: str, *, detail: str) -> None:
        super().__init__(message, fault="offline", retryable=True, detail=detail)


class ContentLost(CloneError):
    """The server has what was asked for, and said so; but its answer did not come whole, or can't be read."""

    def __init__(self, message: str, *, fault: str, retryable: bool = False, detail: str = "") -> None:
        super().__init__(message, fault=fault, retryable=retryable, status=200, detail=detail)


class TooLarge(Exception):
    """An answer that is larger than any that is read here."""


@contextlib.contextmanager
def unreachable(base_url: str) -> Iterator[None]:
    """Map what aiohttp raises until an answer begins. Raises CloneError."""
    import aiohttp

    try:
        yield
    except aiohttp.ClientConnectorDNSError as error:
        raise _offline(
            f"can't find {error.host}: no internet, or clone.base_url ({base_url}) is misspelt", error
        ) from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise _offline(
            f"{base_url} shows a certificate that is not valid ({_reason(error.certificate_error)}); "
            "check this machine's clock, and whether something on the network intercepts connections",
            error,
            retryable=False,
        ) from error
    except aiohttp.ClientSSLError as error:
        raise _offline(f"no encrypted connection to {base_url} ({_reason(error)})", error, retryable=False) from error
    except aiohttp.ClientConnectorError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise _offline(f"can't connect to {base_url} ({why}); check the network, and clone.base_url", error) from error
    except aiohttp.ServerTimeoutError as error:
        raise _offline(f"{base_url} does not answer; check the network", error) from error
    except TimeoutError as error:
        raise _offline(f"{base_url} took too long to answer; check the network", error) from error
    except aiohttp.ClientConnectionError as error:
        raise ConnectionBroken(f"the connection to {base_url} broke off", detail=_detail(error)) from error
    except aiohttp.ClientError as error:
        raise CloneError(
            f"{base_url} answers something that is not HTTP", fault="server-error", detail=_detail(error)
        ) from error


@contextlib.contextmanager
def incomplete(base_url: str) -> Iterator[None]:
    """Map what goes wrong while an answer comes that has begun well; not a reply's. Raises ContentLost."""
    import aiohttp

    try:
        yield
    except TooLarge as error:
        raise ContentLost(
            f"the answer of {base_url} is too large ({error})", fault="server-error", detail=_detail(error)
        ) from error
    except TimeoutError as error:
        raise ContentLost(
            f"{base_url} took too long to answer; check the network",
            fault="offline",
            retryable=True,
            detail=_detail(error),
        ) from error
    except aiohttp.ClientError as error:
        raise ContentLost(
            f"the connection to {base_url} broke off during its answer; check the network",
            fault="offline",
            retryable=True,
            detail=_detail(error),
        ) from error


@contextlib.contextmanager
def broken_off() -> Iterator[None]:
    """Map what aiohttp raises while a reply is read. Raises CloneError."""
    import aiohttp

    try:
        yield
    except TooLarge as error:
        raise CloneError("the clone's answer is too large", fault="reply-broken") from error
    except TimeoutError as error:
        raise CloneError("the clone stopped answering", fault="reply-broken") from error
    except aiohttp.ClientError as error:
        raise CloneError(
            "the connection broke off during the answer", fault="reply-broken", detail=_detail(error)
        ) from error


@contextlib.contextmanager
def unreadable(base_url: str, path: str) -> Iterator[None]:
    """Map what msgspec raises while an answer is read. Raises ContentLost."""
    try:
        yield
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ContentLost(
            f"the server's answer to {path} can't be read ({error}); is {base_url} the clone's API?",
            fault="server-error",
        ) from error


def web_page(base_url: str) -> CloneError:
    """A page of HTML came where the API answers otherwise."""
    return CloneError(
        f"{base_url} answers with a web page: this network may want a login, or clone.base_url is not the clone's API",
        fault="offline",
        retryable=True,
        status=200,
    )


def from_status(status: int, *, headers: Mapping[str, str], body: bytes, what: str, base_url: str) -> CloneError:
    """An HTTP status other than 200, with the server's own words.

    Args:
        status: what it answered.
        headers: of the answer.
        body: the beginning of it; JSON with `detail`, HTML, anything.
        what: "clone" or "conversation": what a 404 means here.
        base_url: the server.
    """
    said = _said(body)
    words = f": {said}" if said else ""

    def error(message: str, fault: str, *, retryable: bool = False) -> CloneError:
        return CloneError(
            message, fault=fault, retryable=retryable, status=status, retry_after_s=_retry_after_s(headers), detail=said
        )

    if status == 401:
        return error(
            f"the clone refused the API key (401){words}. Check the key, or make a new one; then restart", "refused"
        )
    if status == 403 and not said:
        return error(f"{base_url} refused the request (403); the key may not be active yet", "refused")
    if status == 403:
        return error(f"the clone refused (403){words}", "prerequisites" if _is_about_prerequisites(said) else "refused")
    if status == 404 and what == "clone":
        return error(f"there is no such clone (404){words}. Check clone.slug and clone.base_url", "no-clone")
    if status == 404:
        return error(f"the clone does not know this conversation (404){words}", "no-conversation")
    if status == 429:
        return error(f"the clone has too many requests at the moment (429){words}", "busy", retryable=True)
    if 300 <= status < 400:
        where = _in_words(headers.get("Location", "")) or "elsewhere"
        return error(f"{base_url} points to {where} ({status}); set clone.base_url to where the API is", "rejected")
    if status >= 500:
        return error(f"the clone's server has trouble ({status}){words}", "server-error", retryable=status != 501)
    if status == 413:
        return error(f"that was too long for the clone (413){words}. Say it in fewer words", "rejected")
    if status == 409:
        return error(f"the clone is busy with something else in this conversation (409){words}", "busy", retryable=True)
    return error(f"the clone did not accept the request ({status}){words}", "rejected")


def _is_about_prerequisites(said: str) -> bool:
    return any(word in said.casefold() for word in ("purpose", "description", "document"))


class _Detail(msgspec.Struct):
    detail: str | list[dict[str, object]] | dict[str, object] | None = None
    message: str | None = None
    error: str | dict[str, object] | None = None


def _said(body: bytes) -> str:
    """The server's own words, where it has any: `detail` (a sentence, or FastAPI's list of them); no HTML."""
    try:
        answer = msgspec.json.decode(body, type=_Detail)
        said = answer.detail or answer.message or answer.error or ""
        if isinstance(said, list):
            said = "; ".join(
                f"{'.'.join(map(str, where)) if isinstance(where := item.get('loc'), list) else ''} "
                f"{item.get('msg', item)}"
                for item in said
            )
        return _in_words(str(said))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # what can just be read may be too deep to tell
        return ""


def _in_words(said: str) -> str:
    """A server's words as they may stand in a message: on one line, nothing that steers a terminal, not too long."""
    said = "".join(character for character in " ".join(said.split()) if character.isprintable())
    return said if len(said) <= _SAID_MOST else said[:_SAID_MOST] + " …"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After`, in seconds or as a date (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _offline(message: str, error: Exception, *, retryable: bool = True) -> CloneError:
    return CloneError(message, fault="offline", retryable=retryable, detail=_detail(error))


def _detail(error: Exception) -> str:
    """For technicians. Not the `repr`: some of aiohttp's show the request's headers, and with them the key."""
    return f"{type(error).__name__}: {error}"


def _reason(error: BaseException) -> str:
    return getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error) or ssl.SSLError.__name__
