"""Parts made from the settings: all of the daemon's, and some for commands that work without one."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from clonespeaker import cues
from clonespeaker.appliance import Appliance
from clonespeaker.audio.cleaner import Cleaner, open_cleaner
from clonespeaker.audio.microphone import PERIOD_MS, Microphone
from clonespeaker.audio.speaker import Speaker
from clonespeaker.audio.stream import InThread
from clonespeaker.clone.client import CloneClient
from clonespeaker.commands import act
from clonespeaker.config import settings as kinds
from clonespeaker.config.settings import Settings
from clonespeaker.controls.button import open_button
from clonespeaker.controls.gestures import Gesture
from clonespeaker.controls.keyboard import Keyboard
from clonespeaker.controls.keys import Keys, Wanted, key_code, open_evdev
from clonespeaker.controls.pushed import Pushed
from clonespeaker.conversation import Conversation
from clonespeaker.errors import DeviceError
from clonespeaker.exchange import Manner
from clonespeaker.hand import Habits
from clonespeaker.lamps import Brightness, Lamps
from clonespeaker.lights.light import Light
from clonespeaker.sounds.repertoire import Repertoire
from clonespeaker.state import StateDir
from clonespeaker.upkeep import Sound
from clonespeaker.words import load_words

_SWITCH_BOUNCE_MS = 30.0


def make_conversation(client: CloneClient, memory: StateDir | None, clone: kinds.Clone) -> Conversation:
    """The conversation that the settings mean; found or made when it is first needed."""
    return Conversation(
        client,
        memory,
        slug=clone.slug,
        instance_slug=clone.instance_slug,
        user_email=clone.user_email,
        conversation_id=clone.conversation_id,
    )


def make_microphone(
    sound: Sound, microphone: kinds.Microphone, *, in_thread: InThread = asyncio.to_thread
) -> Microphone:
    """A microphone, not opened."""
    return Microphone(
        lambda on_block: sound.open_microphone(microphone.device, period_ms=PERIOD_MS, on_block=on_block),
        in_thread=in_thread,
    )


def make_cleaner(microphone: kinds.Microphone) -> Cleaner | None:
    """What cleans recordings; None where they go out as they come.

    Raises:
        ConfigError: what does it is not installed.
    """
    if not (microphone.noise_suppression or microphone.auto_gain):
        return None
    return open_cleaner(noise_suppression=microphone.noise_suppression, auto_gain=microphone.auto_gain)


def make_speaker(sound: Sound, speaker: kinds.Speaker, *, in_thread: InThread = asyncio.to_thread) -> Speaker:
    """A speaker, not opened."""
    return Speaker(
        lambda fill: sound.open_speaker(speaker.device, period_ms=speaker.period_ms, fill=fill),
        start_ms=speaker.start_ms,
        read_ahead_s=speaker.read_ahead_s,
        lead_in_ms=speaker.lead_in_ms,
        volume=speaker.volume,
        in_thread=in_thread,
    )


def make_repertoire(settings: Settings) -> Repertoire:
    """What the device sounds by itself, in its language."""
    directory = settings.sounds.directory
    return Repertoire(
        lambda: load_words(settings.language).prompts(),
        settings.language,
        directory=Path(directory) if directory else None,
    )


def habits(settings: Settings) -> Habits:
    """The appliance's."""
    return Habits(
        pre_roll_ms=settings.microphone.pre_roll_ms,
        min_hold_ms=settings.microphone.min_hold_ms,
        max_seconds=settings.microphone.max_seconds,
        tap_mode=settings.button.mode == "tap",
        end_after_ms=settings.button.end_after_ms,
        earcons_on=settings.sounds.earcons,
        start_on=settings.sounds.start,
        speech_on=settings.sounds.speech,
        new_conversation_after_s=settings.clone.new_conversation_after_s,
    )


def manner(settings: Settings) -> Manner:
    """The exchange's."""
    return Manner(
        reply=settings.clone.reply,
        upload=settings.clone.upload,
        image_url=settings.clone.image_url,
        retry_for_s=settings.clone.retry_for_s,
        longest_ms=settings.microphone.pre_roll_ms + settings.microphone.max_seconds * 1_000,
        raw_rate_hz=settings.speaker.reply_rate_hz,
    )


def screen(settings: Settings) -> dict[str, Any]:
    """What the kiosk page is told: settings, words, and what states and faults look like, the gravest first. Blocks."""
    told: dict[str, Any] = msgspec.to_builtins(
        {
            "language": settings.language,
            "mode": settings.button.mode,
            "words": load_words(settings.language),
            "cues": {"states": cues.STATES, "faults": cues.FAULTS},
        }
    )
    return {**msgspec.to_builtins(settings.kiosk), **told}


def make_lamps(lights: kinds.Lights) -> Lamps | None:
    """The lights that the settings mean, not opened; None where there are none."""
    return None if lights.kind == "none" else Lamps(partial(open_light, lights), brightness(lights))


def open_light(lights: kinds.Lights) -> Light:
    """Those that the settings mean, dark. Blocks.

    Raises:
        DeviceError: there are no such pins, or no such port; or they are not this user's.
    """
    pins = lights.pins
    if lights.kind in ("led", "rgb"):
        from clonespeaker.lights.pins import open_pins

        return open_pins(pins, active_high=lights.active == "high")
    if pins:
        from clonespeaker.lights.pins import open_clocked_strip

        return open_clocked_strip(*pins, order=lights.order, lamps=lights.count)
    from clonespeaker.lights.strip import open_strip

    return open_strip(lights.kind, order=lights.order, lamps=lights.count, spi=lights.spi)


def brightness(lights: kinds.Lights) -> Brightness:
    """The lamps'."""
    hours = None
    if lights.quiet_hours is not None:
        since, until = (int(time[:2]) * 60 + int(time[3:]) for time in lights.quiet_hours.split("-"))
        hours = since, until
    return Brightness(lights.brightness, hours, lights.quiet_brightness)


class Control(Protocol):
    """What a user presses."""

    def close(self) -> None:
        """Give it back."""


def open_control(button: kinds.Button, appliance: Appliance, *, on_end: Callable[[], object]) -> Control:
    """What the settings mean to be pressed; `on_end` is called when that is a keyboard whose terminal is gone.

    Raises:
        DeviceError: there is no such thing here.
    """
    if button.source == "gpio":
        opened = open_button(
            button.pin, pull=button.pull, bounce_ms=button.bounce_ms, on_change=appliance.hand.on_button
        )
        if opened.down:
            appliance.hand.stuck("was down when this program started")
        return opened
    if button.source == "keyboard":
        if not sys.stdin.isatty():
            raise DeviceError("button", "button.source is keyboard, but there is no terminal to type into")
        return Keyboard(
            sys.stdin.fileno(),
            on_change=appliance.hand.on_button,
            on_key=lambda key: None,
            # In tap mode the second tap is a press, too.
            is_down=lambda: appliance.is_listening() and not appliance.hand.habits.tap_mode,
            on_end=on_end,
        )
    return _NoButton()


def open_buttons(buttons: Sequence[kinds.FurtherButton], appliance: Appliance) -> Control:
    """The further ones.

    Raises:
        DeviceError: one of them isn't there.
    """
    opened = contextlib.ExitStack()
    with contextlib.ExitStack() as stack:
        for button in buttons:
            pushed = make_pushed(button, appliance)
            stack.callback(pushed.close)
            device = open_button(
                button.pin, pull=button.pull, bounce_ms=button.bounce_ms, on_change=pushed.on_change, setting="buttons:"
            )
            stack.callback(device.close)
        opened = stack.pop_all()
    return opened


def make_keys(keys: Sequence[kinds.Key], appliance: Appliance) -> Keys:
    """Those of keyboards, pedals and presenters that are there, and those that come later; not run yet.

    Raises:
        ConfigError: evdev is not installed, or a key's name is none.
    """
    wanted = []
    for key in keys:
        code = key_code(key.key)
        on_change = appliance.hand.on_button if key.press == "talk" else make_pushed(key, appliance).on_change
        wanted.append(Wanted(code, key.key, key.device, key.grab, on_change))
    return Keys(wanted, open_evdev)


def make_pushed(button: kinds.FurtherButton | kinds.Key, appliance: Appliance) -> Pushed:
    """What a button means, done."""
    names = {gesture: getattr(button, gesture.value) for gesture in Gesture}
    deeds = {gesture: partial(act, appliance, name) for gesture, name in names.items() if name is not None}
    return Pushed(deeds, repeats=button.press in ("volume-up", "volume-down"))


def open_mute_switch(switch: kinds.MuteSwitch, appliance: Appliance) -> Control:
    """The switch that mutes, where there is one; the appliance knows by then how it stands.

    Raises:
        DeviceError: there is no such thing here.
    """
    if switch.pin is None:
        return _NoButton()
    closed_is_muted = (switch.muted_when == "low") == (switch.pull != "down")
    opened = open_button(
        switch.pin,
        pull=switch.pull,
        bounce_ms=_SWITCH_BOUNCE_MS,
        on_change=lambda closed: appliance.dials.switch_mute(closed == closed_is_muted),
        setting="mute_switch.pin",
    )
    appliance.dials.switch_mute(opened.down == closed_is_muted)
    return opened


class _NoButton:
    def close(self) -> None:
        """Nothing was opened."""
