r"""Server-Sent Events, read piece by piece.

As the WHATWG HTML standard says (section 9.2.6), but for two liberties that this server needs: only the data
counts (`event`, `id` and `retry` mean nothing here), and an event that the stream's end cut off before its blank
line is given out all the same, for servers that close right after the last one.

A network read may end anywhere: inside a character, between `\r` and `\n`. Lines may be hundreds of kilobytes
long, so what is searched once is never searched again, and what comes in one read is not copied: events are views of
it. An event of more than `limit_bytes` is passed over whole, in bounded memory, and counted in `oversized`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

LIMIT_BYTES = 12 * 1024 * 1024
"""The largest event read: a minute and three quarters of uncompressed sound in one piece."""

Data = bytes | memoryview
"""An event's data; a view where it came in one piece."""

_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = len(_BOM + b"data: ")
_NOWHERE = sys.maxsize


class SseParser:
    """Bytes in, the data of events out.

    Args:
        limit_bytes: events with more data are passed over.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._line: list[memoryview] = []  # the line that has not ended yet, in the pieces it came in
        self._line_bytes = 0
        self._data: list[Data] = []  # the data lines of the event that has not ended yet
        self._data_bytes = 0
        self._after_cr = False  # the last line ended in \r: a \n right after belongs to it
        self._at_start = True
        self.passing_over = False
        """The event going on is too large."""
        self.oversized = 0
        """Events passed over for their size."""

    @property
    def growing_bytes(self) -> int:
        """Of the line that has not ended yet."""
        return self._line_bytes

    def feed(self, chunk: bytes) -> list[Data]:
        """The data of each event that `chunk` completes, in order; lines joined by newlines."""
        events: list[Data] = []
        if not chunk:
            return events
        view = memoryview(chunk)
        at = 1 if self._after_cr and chunk.startswith(b"\n") else 0
        for end, after in _line_ends(chunk, at):
            self._grow(view[at:end])
            self._end_line(events)
            at = after
        self._after_cr = at == len(chunk) and chunk.endswith(b"\r")
        self._grow(view[at:])
        return events

    def close(self) -> list[Data]:
        """The event that the stream's end cut off before its blank line, where there is one."""
        events: list[Data] = []
        self._end_line(events)
        self._end_event(events)
        return events

    def _grow(self, part: memoryview) -> None:
        if not part:
            return
        self._line_bytes += len(part)
        if not self.passing_over:
            self._line.append(part)
            # The field's name does not count as data, so leave it room.
            if self._data_bytes + self._line_bytes > self._limit_bytes + len(b"data: "):
                self.passing_over = True
                self.oversized += 1
                self._line, self._data, self._data_bytes = [], [], 0

    def _end_line(self, events: list[Data]) -> None:
        parts, length = self._line, self._line_bytes
        self._line, self._line_bytes = [], 0
        line = parts[0] if len(parts) == 1 else memoryview(b"".join(parts))
        head = bytes(line[:_HEAD_BYTES])
        if self._at_start:
            self._at_start = False
            if head.startswith(_BOM):
                line, length, head = line[len(_BOM) :], length - len(_BOM), head[len(_BOM) :]
        if not length:
            self._end_event(events)
        elif not self.passing_over and (head == b"data" or head.startswith(b"data:")):
            value = line[6 if head.startswith(b"data: ") else 5 :]
            self._data.append(value)
            self._data_bytes += len(value) + 1

    def _end_event(self, events: list[Data]) -> None:
        if self._data:
            events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
        self._data, self._data_bytes = [], 0
        self.passing_over = False


def _line_ends(chunk: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Where each line in `chunk` ends, and where the next one begins."""
    newline, carriage_return = at - 1, at - 1  # the next of each, once searched for
    while True:
        if newline < at:
            newline = _find(chunk, b"\n", at)
        if carriage_return < at:
            carriage_return = _find(chunk, b"\r", at)
        end = min(newline, carriage_return)
        if end == _NOWHERE:
            return
        at = end + 2 if newline == end + 1 and carriage_return == end else end + 1
        yield end, at


def _find(chunk: bytes, what: bytes, at: int) -> int:
    found = chunk.find(what, at)
    return _NOWHERE if found < 0 else found
