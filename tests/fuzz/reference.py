"""Server-Sent Events, read the simple way: what `SseParser` is held against."""

from __future__ import annotations

import re

BOM = b"\xef\xbb\xbf"


def read_events(stream: bytes, *, cut_off: bool) -> list[bytes]:
    """The standard's text (WHATWG HTML, 9.2.6), line by line, over the whole stream at once.

    Args:
        stream: all of it.
        cut_off: give out the event at the end that lacks its blank line, too.
    """
    *lines, rest = re.split(rb"\r\n|\n|\r", stream.removeprefix(BOM))
    if cut_off:
        lines += [rest, b""]
    events, data = list[bytes](), list[bytes]()
    for line in lines:
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                data.append(value[1:] if value.startswith(b" ") else value)
        elif data:
            events.append(b"\n".join(data))
            data = []
    return events
