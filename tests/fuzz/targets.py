"""What is promised about everything that comes from outside, whatever it is: one function for each way in.

A target takes any bytes. It returns where the promises in its docstring are kept, and raises where one is broken:
AssertionError, or whatever was not to be raised.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.answers import record, refusal, reply_event, reply_whole, snippets, sse, wav_file
from tests.fuzz.local import access, card, command, environment, settings, state

TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        sse, wav_file, reply_event, reply_whole, snippets, refusal, record,
        settings, environment, card, state, command, access,
    )
}  # fmt: skip
"""Name → target."""
