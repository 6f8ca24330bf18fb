r"""Server-Sent Events, read piece by piece.

As the WHATWG HTML standard says (section 9.2.6), but for two liberties that this server needs: only the data
counts (`event`, `id` and `retry` mean nothing here), and an event that the stream's end cut off before its blank
line is given out all the same, for servers that close right after the last one.

A network read may end anywhere: inside a character, between `\r` and `\n`. Lines may be hundreds of kilobytes
long, so what is searched once is never searched again, and what comes in one read is not copied: events are views of
it. What has to wait for a later read is gathered in one buffer: as a list of views, a line that comes byte by byte
would take two hundred times its size, and each view would keep the whole of its chunk. An event of more than
`limit_bytes` is passed over whole, in bounded memory, and counted in `oversized`.
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
        self._line = bytearray()  # what earlier chunks had of the line that has not ended yet
        self._line_bytes = 0  # of it so far, also where it is passed over
        self._data: memoryview | bytearray | None = None  # of the event that has not ended yet
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
            self._end_line(view[at:end], events)
            at = after
        self._after_cr = at == len(chunk) and chunk.endswith(b"\r")
        self._measure(view[at:])
        if not self.passing_over:
            self._line += view[at:]
        return events

    def close(self) -> list[Data]:
        """The event that the stream's end cut off before its blank line, where there is one."""
        events: list[Data] = []
        self._end_line(memoryview(b""), events)
        self._end_event(events)
        return events

    def _measure(self, part: memoryview) -> None:
        """`part` belongs to the line; where the event is too large with it, it is passed over."""
        self._line_bytes += len(part)
        # The field's name does not count as data, so leave it room.
        most = self._limit_bytes + len(b"data: ") - (0 if self._data is None else len(self._data) + 1)
        if self._line_bytes > most and part and not self.passing_over:
            self.passing_over = True
            self.oversized += 1
            self._line, self._data = bytearray(), None

    def _end_line(self, part: memoryview, events: list[Data]) -> None:
        """The line ends with `part`."""
        self._measure(part)
        length, self._line_bytes = self._line_bytes, 0
        line = part
        if self._line:
            self._line += part
            line, self._line = memoryview(self._line), bytearray()
        head = bytes(line[:_HEAD_BYTES])
        if self._at_start:
            self._at_start = False
            if head.startswith(_BOM):
                line, length, head = line[len(_BOM) :], length - len(_BOM), head[len(_BOM) :]
        if not length:
            self._end_event(events)
        elif not self.passing_over and (head == b"data" or head.startswith(b"data:")):
            self._take(line[6 if head.startswith(b"data: ") else 5 :])

    def _take(self, value: memoryview) -> None:
        """A line of the event's data."""
        if self._data is None:
            self._data = value
            return
        if not isinstance(self._data, bytearray):
            self._data = bytearray(self._data)
        self._data += b"\n"
        self._data += value

    def _end_event(self, events: list[Data]) -> None:
        if self._data is not None:
            events.append(memoryview(self._data))
        self._data = None
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
