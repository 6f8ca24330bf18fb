"""Cards, microphone, speaker, and on request the way from the one to the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from clonespeaker.audio.calls import DeviceCalls
from clonespeaker.audio.devices import Device, holders
from clonespeaker.audio.loudness import DEAD_DBFS, Loudness
from clonespeaker.audio.microphone import RATE_HZ, Microphone
from clonespeaker.audio.pcm import Samples, level_dbfs
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.speaker import Speaker
from clonespeaker.cli.doctor import loop
from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.config.settings import Settings
from clonespeaker.errors import DeviceError
from clonespeaker.state import StateDir
from clonespeaker.upkeep import Sound
from clonespeaker.wiring import make_microphone, make_speaker

_SETTLES_S = 0.2  # many cards begin with a click, or with silence
_RECORD_S = 1.0
_LOOP_S = loop.SWEEP_S + 1.0  # Bluetooth speakers are half a second late
_QUIET_DBFS = -70.0
_NOISY_DBFS = -40.0
_FAINT_DBFS = -60.0
_MIXER = "alsamixer, F6 for the card, F4 for its microphone"

_NO_LOOP = (
    "speaker off, or its volume at 0? Microphone far away, or muted? A speakerphone that cancels its own echo rightly "
    "hears nothing"
)


async def check_cards(sound: SoundSystem) -> AsyncGenerator[Finding, None]:
    """What there is, under the names that stay, and who holds what."""
    calls = DeviceCalls()
    devices = await calls.run("speaker", sound.devices)
    cards = [device for device in devices if device.card_id is not None] or devices
    described = [await calls.run("speaker", partial(_describe, sound, device)) for device in cards]
    held = [
        f"{each.card_id} ({each.direction}) is held by {each.program}, process {each.process}" for each in holders()
    ]
    words = "; ".join(dict.fromkeys(described)) or "none"
    if not devices and not held:
        yield Finding("cards", "failed", words, "plug one in; cat /proc/asound/cards shows what the kernel knows")
    else:  # PortAudio does not list what is held, so what is held counts as there
        yield Finding("cards", "ok", "; ".join([words, *held]))


def _describe(sound: SoundSystem, device: Device) -> str:
    does = []
    if device.microphone_channels:
        does.append(f"records {_rates(sound.rates_hz(device, 'microphone'))}")
    if device.speaker_channels:
        does.append(f"plays {_rates(sound.rates_hz(device, 'speaker'))}")
    usb = f"usb:{device.usb_port}, " if device.usb_port else "USB, " if device.is_usb else ""
    return f"{device.stable_name} ({usb}{', '.join(does)})"


def _rates(rates_hz: list[int]) -> str:
    return f"at {' '.join(map(str, rates_hz))} Hz" if rates_hz else "at no usual rate, or is in use"


async def check_devices(
    sound: Sound, settings: Settings, *, daemon: dict[str, Any] | None, with_loop: bool
) -> AsyncGenerator[Finding, None]:
    """The microphone and the speaker that the settings mean.

    Args:
        sound: where they come from.
        settings: all of them.
        daemon: how things stand with the one that runs (its snapshot), which may hold the devices; None: none runs.
        with_loop: play something, and listen for it.
    """
    calls = DeviceCalls()
    microphone = make_microphone(sound, settings.microphone, in_thread=partial(calls.run, "microphone"))
    speaker = make_speaker(sound, settings.speaker, in_thread=partial(calls.run, "speaker"))
    speaker.volume = await asyncio.to_thread(_volume, settings, daemon)
    usable = True
    for name, check in (("microphone", _listen(microphone)), ("speaker", _open(speaker, settings.speaker.volume))):
        try:
            async with aclosing(check):
                async for finding in check:
                    yield finding
        except DeviceError as error:
            usable = False
            yield _held_by_daemon(name, daemon) or _failed(name, error)
    if with_loop and usable:
        yield await _loop(microphone, speaker)
    elif with_loop:
        remedy = "sudo systemctl stop clonespeaker, then again" if daemon else "mend what is above first"
        yield Finding("loop", "warning", "not tried: it takes the microphone and the speaker", remedy)


def _failed(name: str, error: DeviceError) -> Finding:
    # One that is held when PortAudio looks is not even listed, and then said to be missing.
    held = [
        f"{each.program} (process {each.process}) holds {each.card_id}" for each in holders() if each.direction == name
    ]
    remedy = f"{'; '.join(held)}: stop it, if that is the one" if held and not error.busy else ""
    return Finding(name, "failed", str(error), remedy, error.detail)


def _held_by_daemon(name: str, daemon: dict[str, Any] | None) -> Finding | None:
    if daemon is None:
        return None
    if cause := daemon.get("causes", {}).get(f"no-{name}"):
        return Finding(name, "failed", f"the daemon can't use it: {cause}")
    device = daemon.get("device", {}).get(name)
    if device is None:
        return None
    words = f"in use by the daemon: {_shape(device['name'], device['rate_hz'], device['channels'])}"
    if name == "speaker" and "volume" in daemon:
        words += f", volume {daemon['volume']}"
    return Finding(
        name, "ok", words + ("; its level: sudo systemctl stop clonespeaker first" if name == "microphone" else "")
    )


def _shape(name: str, rate_hz: int, channels: int) -> str:
    return f"{name}, {rate_hz} Hz, {channels} channel(s)"


async def _listen(microphone: Microphone) -> AsyncGenerator[Finding, None]:
    await microphone.in_thread(microphone.open)
    try:
        stream = microphone.stream
        assert stream is not None
        words = _shape(stream.device, stream.rate_hz, stream.channels)
        samples = await _record(microphone, _SETTLES_S + _RECORD_S)
    finally:
        await microphone.in_thread(microphone.close)
    yield judge(samples[round(_SETTLES_S * RATE_HZ) :], words)


async def _record(microphone: Microphone, seconds: float) -> Samples:
    recording = microphone.record(pre_roll_ms=0)
    asyncio.get_running_loop().call_later(seconds, recording.finish)
    return np.concatenate([piece async for piece in recording])


def judge(samples: Samples, words: str) -> Finding:
    """What a second of a microphone's sound says about it.

    Args:
        samples: mono at 44.1 kHz.
        words: which microphone it is.
    """
    loudness = Loudness.of(samples, RATE_HZ)
    level, floor, clipped = level_dbfs(samples), loudness.floor_dbfs, loudness.clipped_samples
    words += f"; {samples.size / RATE_HZ:.1f} s at {level:.0f} dBFS, noise floor {floor:.0f} dBFS"
    if loudness.loudest_dbfs <= DEAD_DBFS:
        return Finding(
            "microphone", "warning", f"{words}: no sound at all", f"is it muted, or its level at 0? {_MIXER}"
        )
    if clipped:
        return Finding(
            "microphone", "warning", f"{words}; {clipped} samples clip: too loud", f"lower its level: {_MIXER}"
        )
    if floor > _NOISY_DBFS:
        return Finding(
            "microphone",
            "warning",
            f"{words}: noise all the time",
            f"a fan, a hum, or too high a level? Off with automatic gain, lower the level: {_MIXER}",
        )
    if level < _QUIET_DBFS:
        words += "; speak while this runs to see the level rise"
    return Finding("microphone", "ok", words)


def _volume(settings: Settings, daemon: dict[str, Any] | None) -> int:
    """What holds: in the daemon that runs, else in the next one. Blocks."""
    configured = settings.speaker.volume
    remembered = StateDir(Path(settings.state_dir)).load().volume_instead_of(configured)
    return int((daemon or {}).get("volume", remembered))


async def _open(speaker: Speaker, configured_volume: int) -> AsyncGenerator[Finding, None]:
    await speaker.in_thread(speaker.open)
    try:
        stream = speaker.stream
        assert stream is not None
        words = f"{_shape(stream.device, stream.rate_hz, stream.channels)}, volume {speaker.volume}"
        if speaker.volume != configured_volume:
            words += f" (set by hand; speaker.volume is {configured_volume})"
        if speaker.volume == 0:
            yield Finding("speaker", "warning", f"{words}: silent", "speaker.volume; clonespeaker volume 80")
        else:
            yield Finding("speaker", "ok", words)
    finally:
        await speaker.in_thread(speaker.close)


async def _loop(microphone: Microphone, speaker: Speaker) -> Finding:
    await microphone.in_thread(microphone.open)
    try:
        await speaker.in_thread(speaker.open)
        await asyncio.sleep(_SETTLES_S)
        recording = microphone.record(pre_roll_ms=0)
        asyncio.get_running_loop().call_later(_LOOP_S, recording.finish)
        played_at = time.monotonic()
        async with speaker.play() as playback:
            await playback.put(loop.sweep(), loop.RATE_HZ)
            playback.complete()
            samples = np.concatenate([piece async for piece in recording])
            await playback.drain()
        first_frame_at = recording.first_frame_at
    except DeviceError as error:
        return Finding("loop", "failed", str(error), detail=error.detail)
    finally:
        await speaker.in_thread(speaker.close)
        await microphone.in_thread(microphone.close)
    heard = loop.find(samples)
    if heard is None:
        words = f"the microphone (at {level_dbfs(samples):.0f} dBFS) did not hear what the speaker played"
        return Finding("loop", "failed", words, _NO_LOOP)
    delay_ms = (first_frame_at + heard.at_s - played_at) * 1_000
    words = f"the microphone hears the speaker: at {heard.level_dbfs:.0f} dBFS, {delay_ms:.0f} ms after it was played"
    if heard.level_dbfs < _FAINT_DBFS:
        return Finding("loop", "warning", f"{words}: faint", "turn the speaker up, or the microphone's level")
    if Loudness.of(samples, RATE_HZ).clipped_samples:
        return Finding("loop", "warning", f"{words}; it clips", "turn the speaker down, or the microphone's level")
    return Finding("loop", "ok", words)
