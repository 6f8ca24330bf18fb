"""What the simulated clone can show: a picture of its own, and things to cite."""

from __future__ import annotations

import functools
import struct
import zlib

PATH = "/simulated/picture.png"
"""Where the server has the picture; nobody needs a key for it."""

_WIDTH, _HEIGHT = 480, 320
_SOURCES = (
    ("Sketch of the Analytical Engine", "https://example.org/sketch", "It weaves algebraic patterns."),
    ("Notes by the translator", "https://example.org/notes?page=7", "It can do whatever we know how to order it."),
    ("A talk, with slides", "https://example.net/talks/engines", "Where the numbers are cards, and the cards holes."),
)


@functools.cache
def picture() -> bytes:
    """A PNG: a sun over a horizon."""
    rows = b"".join(b"\0" + b"".join(_colour(x, y) for x in range(_WIDTH)) for y in range(_HEIGHT))
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)  # 8 bits each of red, green, blue
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def sources(count: int) -> list[dict[str, str]]:
    """So many citations, each with an address of its own."""
    found = []
    for number in range(count):
        title, url, text = _SOURCES[number % len(_SOURCES)]
        again = number // len(_SOURCES)
        found.append(
            {
                "title": f"{title}, part {again + 1}" if again else title,
                "url": f"{url}#{again + 1}" if again else url,
                "text": text,
                "type": "web",
            }
        )
    return found


def _colour(x: int, y: int) -> bytes:
    if y > _HEIGHT * 0.7:
        return bytes((24, 72, 96 + (y * 7 + x // 9) % 24))
    if (x - _WIDTH / 2) ** 2 + (y - _HEIGHT * 0.7) ** 2 < (_HEIGHT * 0.35) ** 2:
        return bytes((250, 200, 90))
    return bytes((90 + y // 2, 120 + y // 3, 200 - y // 4))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
