"""The daemon: everything opened, wired together, kept running, given back.

The one place that knows the settings and all edges; each gets what it needs as plain arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from clonespeaker.account import Account
from clonespeaker.appliance import Appliance
from clonespeaker.audio.calls import DeviceCalls
from clonespeaker.audio.ear import Ear
from clonespeaker.audio.microphone import Microphone
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.speaker import Speaker
from clonespeaker.clone.client import CloneClient, Patience
from clonespeaker.clone.connection import open_session
from clonespeaker.clone.picture import LastPicture
from clonespeaker.clone.snippets import load_mp3_decoder
from clonespeaker.commands import obey
from clonespeaker.config.changes import AT_ONCE, changed, take_at_once
from clonespeaker.config.credentials import mask_key
from clonespeaker.config.settings import Settings
from clonespeaker.conversation import Conversation
from clonespeaker.cues import cue
from clonespeaker.errors import ConfigError, StuckError
from clonespeaker.exchange import Exchange
from clonespeaker.kept import Kept
from clonespeaker.lookout import Lookout
from clonespeaker.news import News
from clonespeaker.service import Watchdog, notify, notify_reloading
from clonespeaker.state import State, StateDir
from clonespeaker.status.server import StatusServer, open_status_server
from clonespeaker.upkeep import Sound, SoundUpkeep
from clonespeaker.wiring import (
    brightness,
    habits,
    make_cleaner,
    make_conversation,
    make_keys,
    make_lamps,
    make_microphone,
    make_repertoire,
    make_speaker,
    manner,
    open_buttons,
    open_control,
    open_mute_switch,
    screen,
)

log = logging.getLogger(__name__)


class App:
    """The daemon, run once.

    Args:
        settings: all of them.
        api_key: the clone's.
        token: what programs show to the status server, or None.
        read_token: what those show that may only follow, or None.
        sound: where microphones and speakers come from; None: PortAudio.
        listener: is told every event of the status protocol, besides the websocket.
        reread: the settings as they are now, for SIGHUP; raises ConfigError. None: they never change, and SIGHUP ends
            it.
        patience: with the clone's server.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        api_key: str,
        token: str | None = None,
        read_token: str | None = None,
        sound: Sound | None = None,
        listener: Callable[..., None] | None = None,
        reread: Callable[[], Settings] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.settings = settings
        self._reread = reread
        self._patience = patience
        self._api_key = api_key
        self._token = token
        self._read_token = read_token
        self._sound = sound
        self._listener = listener
        self._running: asyncio.Task[None] | None = None  # as long as it may be stopped
        self._status: StatusServer | None = None
        self._lamps = make_lamps(settings.lights)
        self.news = News(self._publish)
        self._picture = LastPicture(settings.clone.base_url)
        self.appliance: Appliance
        self.microphone: Microphone
        self.speaker: Speaker
        self.conversation: Conversation
        self._kept: Kept
        self._exchange: Exchange
        self.account: Account
        self.ready = asyncio.Event()
        """Set once presses count."""

    @property
    def port(self) -> int:
        """The status server's; once `ready`."""
        assert self._status is not None
        return self._status.port

    async def run(self) -> None:
        """Until cancelled, SIGTERM or SIGINT comes, or the terminal is closed whose keyboard is the button.

        Raises:
            ConfigError: what a setting needs is not installed.
            StateError: the state directory can't be used, or another daemon uses it.
            StatusError: the port is taken.
            DeviceError: a sound card is busy, or there is no such button.
            StuckError: the sound system hangs.
        """
        loop, self._running = asyncio.get_running_loop(), asyncio.current_task()
        async with contextlib.AsyncExitStack() as stack:
            for number, what in (
                (signal.SIGTERM, self.stop),
                (signal.SIGINT, self.stop),
                (signal.SIGHUP, self.reload),
            ):
                loop.add_signal_handler(number, what)
                stack.callback(loop.remove_signal_handler, number)
            try:
                await self._run(stack)
            except asyncio.CancelledError:
                if self._running is not None:  # somebody else has cancelled it
                    raise
            finally:
                self._running = None
                if self.ready.is_set():
                    notify("STOPPING=1")
                    log.info("stopping")

    def stop(self) -> None:
        """End `run`. Where it ends already, this means nothing: what was opened is to be given back, all of it."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    def _end_with_the_terminal(self) -> None:
        log.warning("the terminal is closed, and its keyboard was the button")
        self.stop()

    async def _run(self, stack: contextlib.AsyncExitStack) -> None:
        settings = self.settings
        cleaner = make_cleaner(settings.microphone)
        state = StateDir(Path(settings.state_dir))
        state.lock()
        stack.callback(state.unlock)
        saved = state.load()
        if saved.answers_in_mp3:
            load_mp3_decoder()
        sound: Sound = SoundSystem() if self._sound is None else self._sound
        calls = DeviceCalls()
        self.microphone = make_microphone(sound, settings.microphone, in_thread=partial(calls.run, "microphone"))
        self.speaker = make_speaker(sound, settings.speaker, in_thread=partial(calls.run, "speaker"))
        self._kept = Kept(
            state, saved, configured_volume=settings.speaker.volume, at_rest=lambda: self.appliance.is_at_rest()
        )
        stack.push_async_callback(self._kept.save)
        self.speaker.volume = self._kept.volume
        client = await self._make_way_to_the_clone(stack, state, saved)
        ear = Ear(settings.button.detector)
        stack.callback(ear.close)
        repertoire = make_repertoire(settings)
        self.appliance = Appliance(
            microphone=self.microphone,
            speaker=self.speaker,
            exchange=self._exchange,
            conversation=self.conversation,
            news=self.news,
            ear=ear,
            repertoire=repertoire,
            keep_open=settings.microphone.keep_open,
            habits=habits(settings),
            muted=self._kept.muted,
            cleaner=cleaner,
        )
        dials = self.appliance.dials
        dials.on_set = lambda: self._kept.note(volume=dials.volume, muted=dials.muted_by_program)
        upkeep = SoundUpkeep(
            sound,
            calls,
            self.microphone,
            self.speaker,
            self.news,
            keep_microphone_open=settings.microphone.keep_open,
            at_rest=self.appliance.is_at_rest,
            devices=self.appliance.devices,
            on_progress=Watchdog().feed,
        )
        lookout = Lookout(
            client, self.conversation, self.news, slug=settings.clone.slug, at_rest=self.appliance.is_at_rest
        )
        self.account = Account(
            base_url=settings.clone.base_url,
            appliance=self.appliance,
            microphone=self.microphone,
            speaker=self.speaker,
            news=self.news,
            lookout=lookout,
            lamps=self._lamps,
        )
        await self._open(stack, upkeep)
        keys = make_keys(settings.keys, self.appliance)
        stack.callback(keys.close)
        control = open_control(settings.button, self.appliance, on_end=self._end_with_the_terminal)
        stack.callback(control.close)
        if self._lamps is not None:
            stack.push_async_callback(self._lamps.close)
            self._light()
            await self._lamps.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.appliance.run(), name="appliance")
                tasks.create_task(upkeep.run(), name="sound")
                tasks.create_task(lookout.run(), name="lookout")
                tasks.create_task(self._kept.run(), name="kept")
                if settings.button.mode == "tap" and settings.button.end_after_ms:
                    tasks.create_task(ear.prepare(), name="ear")
                tasks.create_task(asyncio.to_thread(repertoire.load), name="sounds")
                if settings.keys:
                    tasks.create_task(keys.run(), name="keys")
                self.ready.set()
                notify("READY=1")
                at = f"{_in_url(settings.status.host)}:{self.port}"
                log.info("ready; status at ws://%s/ (screen: http://%s/)", at, at)
        except BaseExceptionGroup as group:
            stuck, others = group.split(StuckError)
            if stuck is None or others is not None:
                raise
            raise stuck.exceptions[0] from None

    async def _make_way_to_the_clone(
        self, stack: contextlib.AsyncExitStack, state: StateDir, saved: State
    ) -> CloneClient:
        clone = self.settings.clone
        with_whom = clone.slug or clone.conversation_id
        log.info("talking with %s at %s, key %s", with_whom, clone.base_url, mask_key(self._api_key))
        session = await stack.enter_async_context(open_session(self._api_key))
        client = CloneClient(session, clone.base_url, api_key=self._api_key, patience=self._patience)
        self.conversation = make_conversation(client, state, clone)
        self.conversation.on_change = lambda: self._publish(
            "settings", conversation=self.appliance.snapshot()["conversation"]
        )
        self._exchange = Exchange(client, self.conversation, self.speaker, manner(self.settings))
        if not saved.takes_live(client.base_url):
            self._exchange.send_whole()
        if saved.has_taken_live(client.base_url):
            self._exchange.expect_live()
        in_thread = partial(asyncio.get_running_loop().run_in_executor, None)
        self._exchange.on_mp3 = lambda: in_thread(partial(state.update, answers_in_mp3=True))
        self._exchange.on_upload = lambda live: in_thread(partial(state.note_upload, client.base_url, live=live))
        return client

    async def _open(self, stack: contextlib.AsyncExitStack, upkeep: SoundUpkeep) -> None:
        settings, appliance = self.settings, self.appliance
        self._status = status = await open_status_server(
            host=settings.status.host,
            port=settings.status.port,
            token=self._token,
            read_token=self._read_token,
            allowed_origins=settings.status.allowed_origins,
            snapshot=self.account.snapshot,
            obey=partial(obey, appliance, self.conversation),
            health=self.account.health,
            metrics=lambda: self.account.metrics(status_clients=status.clients),
            screen=lambda: screen(self.settings),
            picture=self._picture.get,
        )
        stack.push_async_callback(self._close, status, upkeep)
        await upkeep.open()
        stack.callback(open_mute_switch(settings.mute_switch, appliance).close)
        stack.callback(open_buttons(settings.buttons, appliance).close)

    async def _close(self, status: StatusServer, upkeep: SoundUpkeep) -> None:
        # At the same time, for a service manager waits. A page waits for the picture as long as it is being fetched.
        await asyncio.gather(self._picture.close(), status.close(), upkeep.close())

    def reload(self) -> None:
        """Read the settings again: what can take effect does, the rest is named. Bad ones change nothing.

        Where they never change, SIGHUP says that the terminal is closed: `stop`.
        """
        if self._reread is None:
            self.stop()
            return
        notify_reloading()
        try:
            after = self._reread()
        except ConfigError as error:
            log.warning("settings: not taken over, the old ones stay in force:\n%s", error)
        else:
            self._take_over(after)
        notify("READY=1")

    def _take_over(self, after: Settings) -> None:
        names = changed(self.settings, after)
        volume_changed = "speaker.volume" in names
        self.settings = settings = take_at_once(self.settings, after)
        self.appliance.hand.habits = habits(settings)
        self._exchange.manner = manner(settings)
        if self._lamps is not None:
            self._lamps.dim(brightness(settings.lights))
        self.speaker.read_ahead_s, self.speaker.lead_in_ms = settings.speaker.read_ahead_s, settings.speaker.lead_in_ms
        if volume_changed:  # else it stays as the user has set it meanwhile
            self._kept.configured_volume = settings.speaker.volume
            self.appliance.dials.set_volume(settings.speaker.volume)
        self._publish("settings", reread=True)
        taken = ", ".join(filter(AT_ONCE.__contains__, names)) or "nothing"
        log.info("settings: read again (but not the key, nor the tokens); changed: %s", taken)
        if waiting := [name for name in names if name not in AT_ONCE]:
            log.warning("settings: these need a restart (systemctl restart clonespeaker): %s", ", ".join(waiting))

    def _publish(self, event: str, **fields: Any) -> None:
        if event == "picture" or "conversation" in fields:
            self._picture.note(fields.get("url"))
        if self._status is not None:
            self._status.publish(event, **fields)
        if self._listener is not None:
            self._listener(event, **fields)
        if event in ("state", "fault"):
            faults = ", ".join(self.news.faults)
            notify(f"STATUS={self.news.state}" + (f"; {faults}" if faults else ""))
        if self._lamps is not None:
            if event == "level":
                self._lamps.hear(fields["dbfs"])
            else:
                self._light()

    def _light(self) -> None:
        assert self._lamps is not None
        self._lamps.follow(cue(self.news.state, muted=self.appliance.dials.muted, faults=self.news.faults))


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
