"""The daemon: everything opened, wired together, kept running, given back.

The one place that knows the settings and all edges; each gets what it needs as plain arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from clonespeaker import __version__
from clonespeaker.appliance import Appliance
from clonespeaker.audio.calls import DeviceCalls
from clonespeaker.audio.microphone import PERIOD_MS, Microphone
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.speaker import Speaker
from clonespeaker.audio.stream import Stream
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import open_session
from clonespeaker.clone.snippets import load_mp3_decoder
from clonespeaker.commands import obey
from clonespeaker.config.credentials import mask_key
from clonespeaker.config.settings import Settings
from clonespeaker.controls.button import Button, open_button
from clonespeaker.controls.keyboard import Keyboard
from clonespeaker.conversation import Conversation
from clonespeaker.errors import DeviceError, StuckError
from clonespeaker.exchange import Exchange
from clonespeaker.lookout import Lookout
from clonespeaker.news import News
from clonespeaker.service import notify
from clonespeaker.state import StateDir
from clonespeaker.status.server import StatusServer, open_status_server
from clonespeaker.tally import Figures
from clonespeaker.upkeep import Sound, SoundUpkeep

log = logging.getLogger(__name__)


class App:
    """The daemon, run once.

    Args:
        settings: all of them.
        api_key: the clone's.
        token: what programs show to the status server, or None.
        sound: where microphones and speakers come from; None: PortAudio.
        listener: is told every event of the status protocol, besides the websocket.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        api_key: str,
        token: str | None = None,
        sound: Sound | None = None,
        listener: Callable[..., None] | None = None,
    ) -> None:
        self.settings = settings
        self._api_key = api_key
        self._token = token
        self._sound = sound
        self._listener = listener
        self._status: StatusServer | None = None
        self.news = News(self._publish)
        self.appliance: Appliance
        self.microphone: Microphone
        self.speaker: Speaker
        self.conversation: Conversation
        self._lookout: Lookout
        self.ready = asyncio.Event()
        """Set once presses count."""

    @property
    def port(self) -> int:
        """The status server's; once `ready`."""
        assert self._status is not None
        return self._status.port

    async def run(self) -> None:
        """Until cancelled, or SIGTERM or SIGINT comes.

        Raises:
            StateError: the state directory can't be used, or another daemon uses it.
            StatusError: the port is taken.
            DeviceError: a sound card is busy, or there is no such button.
            StuckError: the sound system hangs.
        """
        loop, me = asyncio.get_running_loop(), asyncio.current_task()
        assert me is not None
        stopping = False

        def stop() -> None:
            nonlocal stopping
            stopping = True
            me.cancel()

        async with contextlib.AsyncExitStack() as stack:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop)
                stack.callback(loop.remove_signal_handler, number)
            try:
                await self._run(stack)
            except asyncio.CancelledError:
                if not stopping:
                    raise
            finally:
                if self.ready.is_set():
                    notify("STOPPING=1")
                    log.info("stopping")

    async def _run(self, stack: contextlib.AsyncExitStack) -> None:
        settings = self.settings
        state = StateDir(Path(settings.state_dir))
        state.lock()
        stack.callback(state.unlock)
        if state.load().answers_in_mp3:
            load_mp3_decoder()
        clone = settings.clone
        with_whom = clone.slug or clone.conversation_id
        log.info("talking with %s at %s, key %s", with_whom, clone.base_url, mask_key(self._api_key))
        session = await stack.enter_async_context(open_session(self._api_key))
        client = CloneClient(session, settings.clone.base_url, api_key=self._api_key)
        self.conversation = Conversation(
            client,
            state,
            slug=settings.clone.slug,
            instance_slug=clone.instance_slug,
            user_email=clone.user_email,
            conversation_id=settings.clone.conversation_id,
        )
        self.conversation.on_change = lambda: self._publish(
            "settings", conversation=self.appliance.snapshot()["conversation"]
        )
        sound: Sound = SoundSystem() if self._sound is None else self._sound
        calls = DeviceCalls()
        self._make_sound_devices(sound, calls)
        upkeep = SoundUpkeep(
            sound,
            calls,
            self.microphone,
            self.speaker,
            self.news,
            keep_microphone_open=settings.microphone.keep_open,
            at_rest=lambda: self.appliance.is_at_rest(),
        )
        self.appliance = self._make_appliance(client, state)
        self._lookout = Lookout(
            client, self.conversation, self.news, slug=clone.slug, at_rest=self.appliance.is_at_rest
        )
        self._status = await open_status_server(
            host=settings.status.host,
            port=settings.status.port,
            token=self._token,
            allowed_origins=settings.status.allowed_origins,
            snapshot=self.snapshot,
            obey=partial(obey, self.appliance, self.conversation),
            health=self.health,
            metrics=self.metrics,
        )
        stack.push_async_callback(self._status.close)
        stack.push_async_callback(upkeep.close)
        await upkeep.open()
        stack.callback(self._open_controls().close)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.appliance.run(), name="appliance")
                tasks.create_task(upkeep.run(), name="sound")
                tasks.create_task(self._lookout.run(), name="lookout")
                self.ready.set()
                notify("READY=1")
                log.info("ready; status at ws://%s:%d/", settings.status.host, self.port)
        except BaseExceptionGroup as group:
            stuck, others = group.split(StuckError)
            if stuck is None or others is not None:
                raise
            raise stuck.exceptions[0] from None

    def _make_sound_devices(self, sound: Sound, calls: DeviceCalls) -> None:
        microphone, speaker = self.settings.microphone, self.settings.speaker
        self.microphone = Microphone(
            lambda on_block: sound.open_microphone(microphone.device, period_ms=PERIOD_MS, on_block=on_block),
            in_thread=partial(calls.run, "microphone"),
        )
        self.speaker = Speaker(
            lambda fill: sound.open_speaker(speaker.device, period_ms=speaker.period_ms, fill=fill),
            start_ms=speaker.start_ms,
            read_ahead_s=speaker.read_ahead_s,
            lead_in_ms=speaker.lead_in_ms,
            volume=speaker.volume,
            in_thread=partial(calls.run, "speaker"),
        )

    def _make_appliance(self, client: CloneClient, state: StateDir) -> Appliance:
        settings = self.settings
        exchange = Exchange(
            client,
            self.conversation,
            self.speaker,
            reply=settings.clone.reply,
            upload=settings.clone.upload,
            image_url=settings.clone.image_url,
            retry_for_s=settings.clone.retry_for_s,
            longest_ms=settings.microphone.pre_roll_ms + settings.microphone.max_seconds * 1_000,
            raw_rate_hz=settings.speaker.reply_rate_hz,
        )
        note_mp3 = partial(state.update, answers_in_mp3=True)
        exchange.on_mp3 = lambda: asyncio.get_running_loop().run_in_executor(None, note_mp3)
        return Appliance(
            microphone=self.microphone,
            speaker=self.speaker,
            exchange=exchange,
            conversation=self.conversation,
            news=self.news,
            pre_roll_ms=settings.microphone.pre_roll_ms,
            min_hold_ms=settings.microphone.min_hold_ms,
            max_seconds=settings.microphone.max_seconds,
            keep_open=settings.microphone.keep_open,
            tap_mode=settings.button.mode == "tap",
            earcons_on=settings.sounds.earcons,
            new_conversation_after_s=settings.clone.new_conversation_after_s,
        )

    def _open_controls(self) -> Button | Keyboard | _NoButton:
        button = self.settings.button
        if button.source == "gpio":
            opened = open_button(
                button.pin, pull=button.pull, bounce_ms=button.bounce_ms, on_change=self.appliance.on_button
            )
            if opened.down:
                self.appliance.stuck("was down when this program started")
            return opened
        if button.source == "keyboard":
            if not sys.stdin.isatty():
                raise DeviceError("button", "button.source is keyboard, but there is no terminal to type into")
            return Keyboard(
                sys.stdin.fileno(),
                on_change=self.appliance.on_button,
                on_key=lambda key: None,
                # In tap mode the second tap is a press, too.
                is_down=self.appliance.is_listening if button.mode == "hold" else lambda: False,
            )
        return _NoButton()

    # What the status server asks

    def _publish(self, event: str, **fields: Any) -> None:
        if self._status is not None:
            self._status.publish(event, **fields)
        if self._listener is not None:
            self._listener(event, **fields)

    def snapshot(self) -> dict[str, Any]:
        """The status protocol's."""
        return {
            "device": {
                "version": __version__,
                "microphone": _describe(self.microphone.stream),
                "speaker": _describe(self.speaker.stream),
            },
            "clone": {"base_url": self.settings.clone.base_url, **msgspec.to_builtins(self._lookout.profile)},
            **self.appliance.snapshot(),
        }

    def health(self) -> dict[str, Any]:
        """For `/healthz`: ok while no fault is active."""
        return {"ok": not self.news.faults, "state": self.appliance.turn.state, "faults": list(self.news.faults)}

    def metrics(self) -> Figures:
        """For `/metrics`."""
        assert self._status is not None
        return Figures(
            version=__version__,
            started_at=self.news.started_at,
            state=self.appliance.turn.state,
            muted=self.appliance.muted,
            faults=frozenset(self.news.faults),
            status_clients=self._status.clients,
            microphone_overflows=self.microphone.overflows,
            microphone_lost_samples=self.microphone.lost_samples,
            device_underflows=self.speaker.underflows,
            tally=copy.deepcopy(self.news.tally),
        )


class _NoButton:
    def close(self) -> None:
        """Nothing was opened."""


def _describe(stream: Stream | None) -> dict[str, Any] | None:
    return None if stream is None else {"name": stream.device, "rate_hz": stream.rate_hz, "channels": stream.channels}
