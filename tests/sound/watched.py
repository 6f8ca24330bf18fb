"""A daemon that notes what it imports, opens, connects or starts while a user waits. A program of its own, for what
watches an interpreter (`sys.addaudithook`) can't be taken out of it again: prints a list for each turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Any

from clonespeaker.app import App
from clonespeaker.config.settings import Button, Clone, Settings, Status

WATCHED = {
    "import",
    "open",
    "socket.__new__",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "ctypes.dlopen",
    "_thread.start_new_thread",
    "_thread.start_joinable_thread",
}
SPOKEN_S = 0.6


class Watch:
    """What happened between release and first sound, turn by turn."""

    def __init__(self) -> None:
        self.turns: list[list[str]] = []
        self.over = asyncio.Event()
        self._waiting = False

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Called by the interpreter."""
        if self._waiting and event in WATCHED:
            self.turns[-1].append(f"{event} {args[0] if args else ''}")

    def on_event(self, event: str, **fields: Any) -> None:
        """Called by the daemon."""
        if event == "state" and fields["state"] == "thinking":
            self.turns.append([])
            self._waiting = True
        elif event == "state":
            self._waiting = False
        elif event == "turn":
            assert fields["outcome"] == "answered", fields
            self.over.set()


async def main(base_url: str, api_key: str, state_dir: str) -> None:
    """Two turns."""
    watch = Watch()
    settings = Settings(
        clone=Clone(base_url=base_url, slug="my-clone"),
        button=Button(source="none"),
        status=Status(port=0),
        state_dir=state_dir,
    )
    app = App(settings, api_key=api_key, listener=watch.on_event)
    running = asyncio.create_task(app.run())
    await app.ready.wait()
    await app.conversation.current()
    sys.addaudithook(watch.audit)
    for _ in range(2):
        watch.over.clear()
        app.appliance.hand.press()
        await asyncio.sleep(SPOKEN_S)
        app.appliance.hand.release()
        await watch.over.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    print(json.dumps(watch.turns))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
