"""A daemon that runs in a test: real in all but its sound cards, with a simulated clone beside it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from clonespeaker.app import App
from clonespeaker.audio.files import FileSound
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.stream import Fill, OnBlock, Stream
from clonespeaker.clone.client import Patience
from clonespeaker.config.settings import Button, Clone, Lights, Microphone, Settings, Sounds, Speaker, Status
from clonespeaker.errors import DeviceError
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.status.client import StatusClient, connect
from clonespeaker.turn import Cancelled, Said, State

SPEECH: Samples = (8_000 * np.sin(np.arange(4_410) / 9) + 3_000).astype(np.int16)
SPEECH_S = 0.1


class SoundOfTest(FileSound):
    """Paced like real cards. What it plays is kept; what it should refuse is refused.

    Attributes:
        plugged: what is there; the system knows of it after a `refresh`.
        held_by: who holds a card.
        hangs: while it is clear, opening does not return.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plugged = {"microphone", "speaker"}
        self.held_by = ""
        self.refreshed = 0
        self.hangs = threading.Event()
        self.hangs.set()
        self._listed = set(self.plugged)
        self.played: list[tuple[float, bytes]] = []
        self.refused: dict[str, DeviceError] = {}  # by "microphone" or "speaker"
        self.opened: list[str] = []
        self.streams: dict[str, Stream] = {}
        self.opens_in_s = 0.0
        self.is_closed = False

    def open_microphone(self, wanted: str, *, period_ms: float, on_block: OnBlock) -> Stream:
        return self._open("microphone", super().open_microphone(wanted, period_ms=period_ms, on_block=on_block))

    def open_speaker(self, wanted: str, *, period_ms: float, fill: Fill) -> Stream:
        asked_at = 0.0

        def listen(frames: int, delay_s: float, underflowed: bool) -> bytes:
            nonlocal asked_at
            # Where a machine stood still, no card asks for all that was missed at once: at twice its pace, here.
            time.sleep(max(0.0, asked_at + period_ms / 2_000 - time.monotonic()))
            asked_at = time.monotonic()
            block = fill(frames, delay_s, underflowed)
            self.played.append((time.monotonic(), block))
            return block

        return self._open("speaker", super().open_speaker(wanted, period_ms=period_ms, fill=listen))

    def there(self) -> object:
        return frozenset(self.plugged)

    def held(self) -> object:
        return self.held_by

    def refresh(self) -> None:
        self.refreshed += 1
        self._listed = set(self.plugged)

    def close(self) -> None:
        self.is_closed = True

    def unplug(self, name: str) -> None:
        """It stops."""
        self.plugged.remove(name)
        self.streams[name].stop()

    def _open(self, name: str, stream: Stream) -> Stream:
        self.hangs.wait()
        if name not in self.plugged & self._listed:
            raise DeviceError(name, f"no {name} found")
        if name in self.refused:
            raise self.refused[name]
        time.sleep(self.opens_in_s)  # as some cards do
        self.opened.append(name)
        self.streams[name] = stream
        return stream

    @property
    def heard(self) -> bytes:
        """All that was played, silence included."""
        return b"".join(block for _, block in self.played)

    @property
    def last_heard_at(self) -> float:
        """When the last block that is not silent was played."""
        return max((at for at, block in self.played if any(block)), default=0.0)

    @property
    def peak(self) -> int:
        """Of what was played."""
        return int(np.abs(np.frombuffer(self.heard, np.int16).astype(np.int32)).max(initial=0))


class Daemon:
    """The daemon under test; notes every event that it tells."""

    def __init__(self, app: App, clone: SimulatedClone, sound: SoundOfTest) -> None:
        self.app = app
        self.clone = clone
        self.sound = sound
        self.events: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.stumbles_at: str | None = None  # an event whose telling raises what nobody expects
        self._more = asyncio.Event()
        self._seen = 0
        self.task: asyncio.Task[None]

    def on_event(self, told: str, **fields: Any) -> None:
        """Its listener."""
        self.events.append({"event": told, **fields})
        self.at.append(time.monotonic())
        self._more.set()
        if told == self.stumbles_at:
            raise ZeroDivisionError

    async def event(self, event: str, **fields: Any) -> dict[str, Any]:
        """The next one like this that has not been waited for."""
        wanted = {"event": event, **fields}
        async with asyncio.timeout(30):  # the machine may be busy
            while True:
                while self._seen < len(self.events):
                    told = self.events[self._seen]
                    self._seen += 1
                    if wanted.items() <= told.items():
                        return told
                if self.task.done():
                    self.task.result()
                self._more.clear()
                await self._more.wait()

    def told(self, event: str) -> list[dict[str, Any]]:
        """All events of a kind so far."""
        return [each for each in self.events if each["event"] == event]

    @property
    def states(self) -> list[str]:
        """The states gone through since the start."""
        return [each["state"].value for each in self.told("state")]

    @property
    def state(self) -> State:
        return self.app.appliance.turn.state

    async def hold(self, samples: Samples = SPEECH, *, seconds: float = SPEECH_S + 0.04) -> None:
        """Press, speak, let go."""
        self.app.appliance.hand.press()
        await self.event("state", state="listening")
        self.sound.hear(samples)
        await asyncio.sleep(seconds)
        self.app.appliance.hand.release()

    async def talk(self) -> dict[str, Any]:
        """A whole turn → its event."""
        await self.hold()
        return await self.event("turn")

    def say(self, text: str, image_url: str | None = None) -> None:
        self.app.appliance.post(Said(text=text, image_url=image_url))

    def cancel(self) -> None:
        self.app.appliance.post(Cancelled())

    @asynccontextmanager
    async def program(self) -> AsyncIterator[StatusClient]:
        """A program that controls it."""
        async with connect(f"ws://127.0.0.1:{self.app.port}/") as client:
            yield client


def settings_of(
    url: str,
    state_dir: Path,
    *,
    clone_settings: dict[str, Any] | None = None,
    microphone: dict[str, Any] | None = None,
    speaker: dict[str, Any] | None = None,
    button: dict[str, Any] | None = None,
    lights: dict[str, Any] | None = None,
    sounds: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    **others: Any,
) -> Settings:
    """Settings for tests: quick, and in nobody's way."""
    hands = msgspec.convert(others, Settings)
    return msgspec.structs.replace(
        hands,
        clone=Clone(**{"base_url": url, "slug": "my-clone", **(clone_settings or {})}),
        microphone=Microphone(**{"pre_roll_ms": 50, "min_hold_ms": 0, **(microphone or {})}),
        speaker=Speaker(**{"start_ms": 500, "volume": 100, **(speaker or {})}),
        button=Button(**{"source": "none", **(button or {})}),
        lights=Lights(**(lights or {})),
        sounds=Sounds(**{"earcons": False, "speech": False, **(sounds or {})}),
        status=Status(**{"port": 0, **(status or {})}),
        state_dir=str(state_dir),
    )


@asynccontextmanager
async def running(
    state_dir: Path,
    *,
    clone: SimulatedClone | None = None,
    port: int = 0,
    sound: SoundOfTest | None = None,
    patience: Patience | None = None,
    **sections: Any,
) -> AsyncIterator[Daemon]:
    """A daemon that is ready and idle, and has its conversation; `port` is its clone's."""
    async with starting(state_dir, clone=clone, port=port, sound=sound, patience=patience, **sections) as daemon:
        await daemon.event("settings")
        yield daemon


@asynccontextmanager
async def starting(
    state_dir: Path,
    *,
    clone: SimulatedClone | None = None,
    port: int = 0,
    sound: SoundOfTest | None = None,
    patience: Patience | None = None,
    **sections: Any,
) -> AsyncIterator[Daemon]:
    """A daemon that is ready, whatever is missing."""
    clone = clone or SimulatedClone()
    clone.think_s, clone.voice, clone.snippet_ms, clone.rate_limit_per_minute = 0, "echo", 20, None
    if clone.tone_s == SimulatedClone.tone_s:
        clone.tone_s = 0.2
    sound = sound or SoundOfTest()
    daemons: list[Daemon] = []
    try:
        url = await clone.start(port=port)
        app = App(
            settings_of(url, state_dir, **sections),
            api_key=clone.api_key,
            sound=sound,
            patience=patience,
            listener=lambda told, **fields: daemons[0].on_event(told, **fields),
        )
        daemon = Daemon(app, clone, sound)
        daemons.append(daemon)
        daemon.task = asyncio.create_task(app.run())
        try:
            await daemon.event("state", state="idle")
            yield daemon
        finally:
            daemon.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await daemon.task
    finally:
        await clone.stop()
