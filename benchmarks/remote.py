"""The daemon as a process, driven over its websocket as a program would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tests.sound.card import SoundCard
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.processes import START_S, WITH_US, Told, run_process

API_KEY = "dsk-simulated"
SLUG = "my-clone"


class Daemon:
    """`clonespeaker run`, at the other end of its websocket."""

    def __init__(self, connection: ClientConnection, process: asyncio.subprocess.Process, port: int) -> None:
        self._connection = connection
        self.process = process
        self.port = port
        self.told = Told("the daemon")
        self.events: list[dict[str, Any]] = []
        """Those of `turn` and `fault` since the start."""

    async def press(self) -> float:
        """The button goes down; when that was."""
        return await self._command("press")

    async def release(self) -> float:
        """The button goes up; when that was."""
        return await self._command("release")

    async def say(self, text: str) -> float:
        """An utterance that need not be spoken."""
        return await self._command("say", text=text)

    async def cancel(self) -> float:
        """Stop the turn under way."""
        return await self._command("cancel")

    async def turn(self, outcome: str = "answered", within_s: float = 30.0) -> dict[str, Any]:
        """The turn that is over next, with its timeline. Raises RuntimeError where it came out differently."""
        turn = await self.told.next("turn", within_s)
        if turn["outcome"] != outcome:
            raise RuntimeError(f"a turn was to be {outcome}: {turn}")
        return turn

    async def listen(self) -> None:
        """Take what it tells, until it is gone."""
        with contextlib.suppress(ConnectionClosed):
            async for frame in self._connection:
                message = json.loads(frame)
                if message["type"] == "result" and not message["ok"]:
                    self.told.add("refusal", message)
                if message.get("event") in ("turn", "fault"):
                    self.events.append(message)
                self.told.add(message.get("event", message["type"]), message)
        self.told.end()

    async def has_settled(self) -> None:
        """Until it has a conversation and sound devices. Raises RuntimeError where it has none."""
        async with asyncio.timeout(START_S):
            while True:
                await self._command("snapshot")
                snapshot = await self.told.next("snapshot", START_S)
                if snapshot["state"] == "idle" and snapshot["conversation"]["id"]:
                    break
                await asyncio.sleep(0.05)
        if snapshot["faults"]:
            raise RuntimeError(f"the daemon has faults: {snapshot['faults']}")
        await asyncio.sleep(0.5)  # the pre-roll is full
        self.told.forget()

    async def _command(self, name: str, **fields: Any) -> float:
        frame = json.dumps({"id": 1, "command": name, **fields})
        at_s = time.monotonic()
        await self._connection.send(frame)
        return at_s


@contextlib.asynccontextmanager
async def run_daemon(
    card: SoundCard, base_url: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Daemon]:
    """The daemon as a process, ready for a press.

    Args:
        card: its sound card.
        base_url: of its clone.
        settings: that differ, by the names that the environment has for them.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as state_dir:
        environment = card.environment | {
            "CLONESPEAKER_API_KEY": API_KEY,
            "CLONESPEAKER_CLONE__BASE_URL": base_url,
            "CLONESPEAKER_CLONE__ALLOW_HTTP": "true",
            "CLONESPEAKER_CLONE__SLUG": SLUG,
            "CLONESPEAKER_BUTTON__SOURCE": "none",
            "CLONESPEAKER_SPEAKER__VOLUME": "100",
            "CLONESPEAKER_SOUNDS__EARCONS": "false",
            "CLONESPEAKER_SOUNDS__SPEECH": "false",
            "CLONESPEAKER_STATUS__PORT": str(port),
            "CLONESPEAKER_STATE_DIR": state_dir,
            **(settings or {}),
        }
        command = (*WITH_US, sys.executable, "-m", "clonespeaker", "run")
        async with run_process(command, environment) as process, await _connect(process, port) as connection:
            daemon = Daemon(connection, process, port)
            listening = asyncio.create_task(daemon.listen())
            try:
                await daemon.has_settled()
                yield daemon
            finally:
                listening.cancel()


async def _connect(process: asyncio.subprocess.Process, port: int) -> ClientConnection:
    async with asyncio.timeout(START_S):
        while process.returncode is None:
            try:
                return await connect(f"ws://127.0.0.1:{port}/", compression=None, max_queue=None, proxy=None)
            except OSError:
                await asyncio.sleep(0.02)
    raise RuntimeError(f"the daemon ended with {process.returncode} before it was ready")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
