"""The daemon as it is, on a sound card that isn't there, talking with a simulated clone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from clonespeaker.app import App
from clonespeaker.audio.files import WavRecorder
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.speaker import Speaker
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import open_session
from clonespeaker.clone.reply import Citation
from clonespeaker.config import settings as kinds
from clonespeaker.config.settings import Settings
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError
from clonespeaker.exchange import Exchange, Manner
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.state import StateDir
from clonespeaker.timeline import Timeline
from clonespeaker.turn import Cancelled, Said
from clonespeaker.utterance import Utterance
from tests.sound.card import SoundCard, until

_Result = TypeVar("_Result")
_SECONDS_AT_MOST = 30.0  # for anything that is waited for


@dataclass
class Daemon:
    """A running `App` and who it deals with.

    Attributes:
        card: its microphone and its speaker.
        clone: at the other end.
        app: itself.
        events: of the status protocol, as they came.
    """

    card: SoundCard
    clone: SimulatedClone
    app: App
    running: asyncio.Task[None]
    events: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def on_event(self, event: str, **fields: Any) -> None:
        self.events.append({"event": event, **fields})
        self._news.set()

    def press(self) -> None:
        self.app.appliance.hand.press()

    def release(self) -> None:
        self.app.appliance.hand.release()

    async def hold(self, samples: Samples) -> None:
        """Press, speak, let go a moment later: where exactly a recording ends is another test's (test_microphone)."""
        self.press()
        await self.card.speak(samples)
        await asyncio.sleep(0.02)
        self.release()

    def cancel(self) -> None:
        self.app.appliance.post(Cancelled())

    def say(self, text: str = "Hello") -> None:
        self.app.appliance.post(Said(text=text))

    def utterances(self) -> list[Samples]:
        """What speech the clone has got, oldest first."""
        return [np.frombuffer(each.pcm, "<i2").astype(np.int16) for each in self.clone.received if each.pcm]

    async def has_listened(self) -> None:
        """For as long as the pre-roll is, since it was started."""
        await asyncio.sleep(self.app.settings.microphone.pre_roll_ms / 1_000 + 0.05)

    async def turn_over(self, number: int) -> dict[str, Any]:
        """A turn's last event."""
        return await self.told("turn", turn=number)

    async def told(self, event: str, *, since: int = 0, **fields: Any) -> dict[str, Any]:
        """An event with these fields, be it that it came already, or comes."""
        return await self._while_it_runs(self._told({"event": event, **fields}, since))

    async def until_asked(self, times: int = 1) -> None:
        """So many generate requests have begun to arrive at the clone."""
        await self._while_it_runs(until(lambda: len(self.clone.received) >= times))

    async def _told(self, wanted: dict[str, Any], since: int) -> dict[str, Any]:
        while True:
            for event in self.events[since:]:
                if wanted.items() <= event.items():
                    return event
            self._news.clear()
            await self._news.wait()

    async def _while_it_runs(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        wanted = asyncio.create_task(work)
        await asyncio.wait({self.running, wanted}, return_when=asyncio.FIRST_COMPLETED, timeout=_SECONDS_AT_MOST)
        if wanted.done():
            return wanted.result()
        wanted.cancel()
        if self.running.done():
            self.running.result()
        raise AssertionError(f"it never came; what did: {[e for e in self.events if e['event'] != 'level']}")


@contextlib.asynccontextmanager
async def run_daemon(card: SoundCard, state_dir: Path, **sections: dict[str, Any]) -> AsyncIterator[Daemon]:
    """A daemon, ready for a press.

    Args:
        card: plugged in, its environment in force.
        state_dir: for what outlives it.
        sections: settings that differ, by section; `simulate` sets the clone.
    """
    clone = SimulatedClone(voice="echo", tone_s=0.2, think_s=0.01, rate_limit_per_minute=None)
    for name, value in sections.pop("simulate", {}).items():
        setattr(clone, name, value)
    settings = Settings(
        clone=kinds.Clone(**{"base_url": await clone.start(), "slug": clone.slug} | sections.get("clone", {})),
        microphone=kinds.Microphone(**sections.get("microphone", {})),
        speaker=kinds.Speaker(**{"volume": 100} | sections.get("speaker", {})),
        button=kinds.Button(**{"source": "none"} | sections.get("button", {})),
        sounds=kinds.Sounds(**{"earcons": False, "speech": False} | sections.get("sounds", {})),
        status=kinds.Status(port=0),
        state_dir=str(state_dir),
    )
    told: list[Any] = []
    app = App(settings, api_key=clone.api_key, listener=lambda event, **fields: told[0](event, **fields))
    daemon = Daemon(card, clone, app, asyncio.create_task(app.run()))
    told.append(daemon.on_event)
    try:
        await daemon._while_it_runs(app.ready.wait())
        await daemon._while_it_runs(app.conversation.current())
        yield daemon
    finally:
        daemon.running.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await daemon.running
        finally:
            await clone.stop()


class Nobody:
    """An audience that doesn't listen."""

    def on_wait(self, error: CloneError) -> None: ...

    def on_answer(self) -> None: ...

    def on_caption(self, text: str, *, final: bool) -> None: ...

    def on_picture(self, url: str) -> None: ...

    def on_citations(self, citations: tuple[Citation, ...]) -> None: ...

    def on_play(self, samples: Samples) -> None: ...

    def on_first_sound(self) -> None: ...


@dataclass
class Line:
    """An exchange's way to a simulated clone: for replies alone, without a microphone.

    Attributes:
        clone: at its end; says back what it is told.
        speaker: of the sound card.
    """

    clone: SimulatedClone
    speaker: Speaker
    _client: CloneClient
    _conversation: Conversation

    async def tell(self, samples: Samples, voice: Speaker | WavRecorder, **arguments: Any) -> Timeline:
        """Ask with `samples`, hear the reply out on `voice`; `arguments` are those of its `Manner`."""
        timeline = Timeline()
        timeline.begin_without_button()
        exchange = Exchange(self._client, self._conversation, voice, Manner(**arguments))
        await exchange.run(Utterance.of(samples), timeline, Nobody())
        return timeline


@contextlib.asynccontextmanager
async def open_line(state_dir: Path, **speaker_arguments: Any) -> AsyncIterator[Line]:
    """A line, and the real speaker opened."""
    clone = SimulatedClone(voice="echo", think_s=0, rate_limit_per_minute=None)
    sound = SoundSystem()
    speaker = Speaker(lambda fill: sound.open_speaker("auto", period_ms=10, fill=fill), **speaker_arguments)
    speaker.open()
    try:
        async with open_session(clone.api_key) as session:
            client = CloneClient(session, await clone.start(), api_key=clone.api_key)
            yield Line(clone, speaker, client, Conversation(client, StateDir(state_dir), slug=clone.slug))
    finally:
        await clone.stop()
        await asyncio.to_thread(speaker.close)
        sound.close()
