r"""Server-Sent Events, read piece by piece.

As the WHATWG HTML standard says (section 9.2.6), but for two liberties that this server needs: only the data
counts (`event`, `id` and `retry` mean nothing here), and an event that the stream's end cut off before its blank
line is given out all the same, for servers that close right after the last one.

A network read may end anywhere: inside a character, between `\r` and `\n`. Lines may be hundreds of kilobytes
long, so what is searched once is never searched again. An event of more than `limit_bytes` is passed over whole,
in bounded memory, and counted in `oversized`.
"""

from __future__ import annotations

import re

LIMIT_BYTES = 16 * 1024 * 1024
"""The largest event read: some two minutes of uncompressed sound in one piece."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class SseParser:
    """Bytes in, the data of events out.

    Args:
        limit_bytes: events with more data are passed over.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._line = bytearray()  # the line that has not ended yet
        self._data: list[bytes] = []  # the data lines of the event that has not ended yet
        self._data_bytes = 0
        self._after_cr = False  # the last line ended in \r: a \n right after belongs to it
        self._at_start = True
        self._passing_over = False  # the event going on is too large
        self.oversized = 0
        """Events passed over for their size."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that `chunk` completes, in order; lines joined by newlines."""
        events: list[bytes] = []
        if not chunk:
            return events
        at = 1 if self._after_cr and chunk.startswith(b"\n") else 0
        for end in _LINE_END.finditer(chunk, at):
            self._grow(chunk[at : end.start()])
            self._end_line(events)
            at = end.end()
        self._after_cr = at == len(chunk) and chunk.endswith(b"\r")
        self._grow(chunk[at:])
        return events

    def close(self) -> list[bytes]:
        """The event that the stream's end cut off before its blank line, where there is one."""
        events: list[bytes] = []
        self._end_line(events)
        self._end_event(events)
        return events

    def _grow(self, part: bytes) -> None:
        if not self._passing_over:
            self._line += part
            # The field's name does not count as data, so leave it room.
            if self._data_bytes + len(self._line) > self._limit_bytes + len(b"data: "):
                self._passing_over = True
                self.oversized += 1
                self._line = bytearray(b":")  # not empty, so that its end does not end the event
                self._data, self._data_bytes = [], 0
        elif part:
            self._line = bytearray(b":")

    def _end_line(self, events: list[bytes]) -> None:
        line, self._line = bytes(self._line), bytearray()
        if self._at_start:
            line = line.removeprefix(_BOM)
            self._at_start = False
        if not line:
            self._end_event(events)
        elif not self._passing_over and (line == b"data" or line.startswith(b"data:")):
            value = line[len(b"data:") :].removeprefix(b" ")
            self._data.append(value)
            self._data_bytes += len(value) + 1

    def _end_event(self, events: list[bytes]) -> None:
        if self._data:
            events.append(b"\n".join(self._data))
        self._data, self._data_bytes = [], 0
        self._passing_over = False
