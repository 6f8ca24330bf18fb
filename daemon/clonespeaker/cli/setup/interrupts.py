"""Ctrl-C, a kill and a terminal that is closed: one way to end, where nothing is lost half-way.

Python raises KeyboardInterrupt wherever it happens to be. In the middle of making or clearing away an event loop, that
tears it, and what is raised while an object is cleared away (`__del__`) is dropped. So while a loop runs, its task is
cancelled instead, and whoever asks a question looks whether somebody wanted to end before.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Interrupts:
    """What signals say, and loops that heed it."""

    def __init__(self) -> None:
        self._came = False
        self._runs = False
        self._task: asyncio.Task[Any] | None = None
        self._runner: asyncio.Runner

    @contextlib.contextmanager
    def heeded(self) -> Iterator[None]:
        """Meanwhile signals end what is going on, by KeyboardInterrupt."""
        before = {
            number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
        }
        try:
            with asyncio.Runner() as self._runner:
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """What `work` returns or raises; blocks. KeyboardInterrupt comes once it has been cancelled and has ended."""

        async def cancellable() -> _Result:
            self._task = asyncio.current_task()
            if self._came:  # before there was a task to cancel
                work.close()
                raise asyncio.CancelledError
            return await work

        try:
            self._runs = True
            return self._runner.run(cancellable())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            self._task, self._runs = None, False

    def check(self) -> None:
        """Raises KeyboardInterrupt where one came, whatever became of it."""
        if self._came:
            raise KeyboardInterrupt

    def _on_signal(self, *_: object) -> None:
        came_before, self._came = self._came, True
        if not self._runs:
            raise KeyboardInterrupt
        if self._task is not None and not came_before:
            self._runner.get_loop().call_soon_threadsafe(self._task.cancel)
