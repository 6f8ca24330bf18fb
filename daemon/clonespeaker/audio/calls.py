"""Calls of sound devices' methods, any of which may never return.

PortAudio hangs with the device it deals with: opening, starting, stopping and closing a stream can then take for ever.
A thread can't be ended from outside, so each call has one of its own that can be left behind; the interpreter's end
does not wait for it. Who calls is told in time, and whoever looks after the devices sees how long the oldest call has
been under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from clonespeaker.errors import DeviceError

WITHIN_S = 3.0
"""What a call may take before it is taken to hang. Cards and sound servers that wake up slowly need a second."""

_Result = TypeVar("_Result")


class DeviceCalls:
    """Runs calls, and knows which are still under way."""

    def __init__(self) -> None:
        self._begun_at: dict[object, float] = {}

    @property
    def oldest_s(self) -> float:
        """Seconds that the oldest call has been under way; 0 where there is none."""
        return max((time.monotonic() - begun_at for begun_at in self._begun_at.values()), default=0.0)

    async def run(self, device: str, call: Callable[[], _Result]) -> _Result:
        """What `call` returns or raises.

        Cancelling this does not end the call; it is left to itself.

        Args:
            device: "microphone" or "speaker"; for the message.
            call: blocks.

        Raises:
            DeviceError: it has not returned in time.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_Result] = loop.create_future()
        me = object()
        self._begun_at[me] = time.monotonic()

        def finish(result: _Result | None, error: BaseException | None) -> None:
            del self._begun_at[me]
            if done.done():  # nobody waits any more
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]

        def work() -> None:
            result, error = None, None
            try:
                result = call()
            except BaseException as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(finish, result, error)

        threading.Thread(target=work, name=f"{device} call", daemon=True).start()
        try:
            async with asyncio.timeout(WITHIN_S):
                return await done
        except TimeoutError:
            raise DeviceError(
                device, f"the {device} does not answer; unplug it and plug it in again, or restart the sound server"
            ) from None
