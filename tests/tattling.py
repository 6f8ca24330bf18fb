"""Servers that tell the key they were shown to whoever listens, in every way there is."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator

from tests.peers import Peer


def tattling(key: str) -> Iterator[tuple[str, bytes]]:
    """Answers with the key in them, each by its name."""
    secret = key.encode()
    told = json.dumps({"detail": f"your key is {key}"}).encode()
    for status in ("401 No", "403 No", "404 No", "409 No", "422 No", "429 No", "500 No"):
        yield status[:3], _answer(status, told)
    escaped = b'{"detail": "' + b"".join(b"\\u%04x" % byte for byte in secret) + b'"}'
    yield "escaped", _answer("422 No", escaped)
    yield "nested", _answer("422 No", json.dumps({"detail": [{"loc": ["header", key], "msg": key}]}).encode())
    yield "list", _answer("422 No", json.dumps({"detail": {key: [key]}}).encode())
    yield "far down", _answer("422 No", json.dumps({"detail": "x" * 290 + key}).encode())
    yield "html", _answer("502 No", b"<html>" + secret)
    yield "location", _answer("302 Found", b"", b"Location: /login?key=" + secret)
    yield "elsewhere", _answer("307 No", b"", b"Location: https://" + secret + b".example/")
    yield "retry", _answer("429 No", b"", b"Retry-After: " + secret)
    yield "cookie", _answer("401 No", b"", b"Set-Cookie: a" + secret + b"\x01@()=" + secret + b"; Domain=" + secret)
    yield "type", _answer("200 OK", told, b"Content-Type: " + secret + b"/" + secret)
    yield "encoding", _answer("200 OK", told, b"Content-Encoding: " + secret)
    yield "garbage", b"your key is " + secret + b"\r\n\r\n"
    yield "version", b"HTTP/" + secret + b" 200 OK\r\n\r\n"
    yield "bad header", b"HTTP/1.1 200 OK\r\nbad header " + secret + b"\r\n\r\n"
    yield "bad length", b"HTTP/1.1 200 OK\r\nContent-Length: " + secret + b"\r\n\r\n"
    yield "bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + b"\r\n"
    yield "cut", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + told
    yield "reason", _answer("500 " + key, b"")
    yield "json", _answer("200 OK", json.dumps(key).encode())
    yield "types", _answer("200 OK", json.dumps({"clone": key, "new_conversation": key, "history": key}).encode())
    yield "nothing", b""


def _answer(status: str, body: bytes, *headers: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status}".encode(), b"Content-Length: %d" % len(body), *headers, b"", b""]
    return b"\r\n".join(lines) + body


def tell(answer: bytes) -> Callable[[Peer], Awaitable[None]]:
    """A server's part, for `serving`."""

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)

    return talk
