"""`doctor`: everything checked, from the settings to the key, each line with what to do about it.

Nothing is changed: no conversation is made, nothing is played. What is recorded is looked at and thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from clonespeaker.audio.microphone import Microphone
from clonespeaker.audio.pcm import level_dbfs
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.speaker import Speaker
from clonespeaker.cli.daemon import connect_to_daemon
from clonespeaker.cli.terminal import coloured, say, say_json
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import open_session
from clonespeaker.config.credentials import mask_key, read_api_key
from clonespeaker.config.load import load, require_clone
from clonespeaker.config.settings import Settings
from clonespeaker.controls.button import open_button
from clonespeaker.errors import EXIT_FAILED, CloneError, ConfigError, DeviceError, StatusError
from clonespeaker.state import StateDir
from clonespeaker.wiring import make_microphone, make_speaker

_RECORD_S = 1.0
_DEAD_DBFS = -90.0  # below the noise of any microphone that is on
_QUIET_DBFS = -70.0
_CLIPPED = 32_700


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        name: what was looked at.
        result: how it is.
        words: what was seen.
        remedy: what to do, where something is to be done and `words` do not say it.
        detail: what a technician wants besides; in the JSON alone.
    """

    name: str
    result: Literal["ok", "warning", "failed"]
    words: str
    remedy: str = ""
    detail: str = ""


def main(options: argparse.Namespace) -> int:
    """Check everything; exit 1 where something failed."""
    findings = asyncio.run(_check_all(options))
    failed = any(finding.result == "failed" for finding in findings)
    if options.json:
        say_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    return EXIT_FAILED if failed else 0


async def _check_all(options: argparse.Namespace) -> list[Finding]:
    findings = []
    async for finding in _checks(options):
        findings.append(finding)
        if not options.json:
            _show(finding)
    return findings


def _show(finding: Finding) -> None:
    colour = {"ok": "green", "warning": "yellow", "failed": "red"}[finding.result]
    say(f"{coloured(finding.result.ljust(7), colour)}  {finding.name}: {finding.words}")
    if finding.remedy:
        say(f"         → {finding.remedy}")


async def _checks(options: argparse.Namespace) -> AsyncIterator[Finding]:
    try:
        loaded = load(options.config, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            yield Finding("settings", "failed", problem)
        return
    settings = loaded.settings
    try:
        require_clone(loaded)
        yield Finding("settings", "ok", str(loaded.path or "no file: the defaults, and the environment"))
    except ConfigError as error:
        yield Finding("settings", "failed", str(error))
    running = await _daemon(options)
    yield running
    yield _state_dir(settings)
    async for finding in _sound(settings, daemon_runs=running.result == "ok"):
        yield finding
    yield _button(settings, daemon_runs=running.result == "ok")
    try:
        api_key = read_api_key(settings, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            yield Finding("key", "failed", problem)
        return
    yield Finding("key", "ok", mask_key(api_key))
    async for finding in _clone(settings, api_key):
        yield finding


async def _daemon(options: argparse.Namespace) -> Finding:
    options.url = None
    try:
        async with connect_to_daemon(options, to_control=False) as daemon:
            faults = daemon.snapshot["faults"]
    except (StatusError, ConfigError):
        return Finding("daemon", "warning", "does not run", "clonespeaker run, or systemctl start clonespeaker")
    return Finding("daemon", "ok", "runs, " + (f"with faults: {', '.join(faults)}" if faults else "without faults"))


def _state_dir(settings: Settings) -> Finding:
    path = Path(settings.state_dir)
    nearest = next(parent for parent in (path, *path.parents) if parent.exists())
    if os.access(nearest, os.W_OK):
        return Finding("state", "ok", f"{path} can be written")
    return Finding(
        "state", "warning", f"{path} can't be written by this user", "the service's own user can; else set state_dir"
    )


async def _sound(settings: Settings, *, daemon_runs: bool) -> AsyncIterator[Finding]:
    with contextlib.closing(await asyncio.to_thread(SoundSystem)) as sound:
        yield await _usable("microphone", daemon_runs, _record(make_microphone(sound, settings.microphone)))
        speaker = make_speaker(sound, settings.speaker)
        yield await _usable("speaker", daemon_runs, _open(speaker))


async def _usable(name: str, daemon_runs: bool, check: Awaitable[Finding]) -> Finding:
    try:
        return await check
    except DeviceError as error:
        if daemon_runs and error.busy:
            return Finding(name, "ok", "in use by the daemon")
        return Finding(name, "failed", str(error), detail=error.detail)


async def _record(microphone: Microphone) -> Finding:
    await asyncio.to_thread(microphone.open)
    try:
        stream = microphone.stream
        assert stream is not None
        recording = microphone.record(pre_roll_ms=0)
        asyncio.get_running_loop().call_later(_RECORD_S, recording.finish)
        samples = np.concatenate([piece async for piece in recording])
    finally:
        await asyncio.to_thread(microphone.close)
    words = f"{stream.device}, {stream.rate_hz} Hz, {stream.channels} channel(s)"
    level, peak = level_dbfs(samples), int(np.abs(samples.astype(np.int32)).max(initial=0))
    words += f"; one second at {level:.0f} dBFS"
    if level <= _DEAD_DBFS:
        return Finding(
            "microphone", "warning", f"{words}: no sound at all", "is it muted, or its level at 0? See alsamixer, F4"
        )
    if level < _QUIET_DBFS:
        return Finding("microphone", "ok", f"{words}; speak while this runs to see it rise")
    if peak >= _CLIPPED:
        return Finding("microphone", "warning", f"{words}: too loud, it clips", "lower its level: alsamixer, F4")
    return Finding("microphone", "ok", words)


async def _open(speaker: Speaker) -> Finding:
    await asyncio.to_thread(speaker.open)
    try:
        stream = speaker.stream
        assert stream is not None
        return Finding("speaker", "ok", f"{stream.device}, {stream.rate_hz} Hz, {stream.channels} channel(s)")
    finally:
        await asyncio.to_thread(speaker.close)


def _button(settings: Settings, *, daemon_runs: bool) -> Finding:
    button = settings.button
    if button.source != "gpio":
        return Finding("button", "ok", f"button.source is {button.source}")
    try:
        opened = open_button(button.pin, pull=button.pull, bounce_ms=button.bounce_ms, on_change=lambda down: None)
    except DeviceError as error:
        if daemon_runs:
            return Finding("button", "ok", f"{button.pin}, in use by the daemon")
        return Finding("button", "failed", str(error), detail=error.detail)
    down = opened.down
    opened.close()
    if down:
        return Finding(
            "button", "warning", f"{button.pin} is down", "if nobody presses it, check the wiring and button.pull"
        )
    return Finding("button", "ok", f"{button.pin} is up")


async def _clone(settings: Settings, api_key: str) -> AsyncIterator[Finding]:
    clone = settings.clone
    async with open_session(api_key) as session:
        client = CloneClient(session, clone.base_url, api_key=api_key)
        saved = StateDir(Path(settings.state_dir)).load().conversation
        conversation_id = clone.conversation_id or (saved and saved.conversation_id)
        try:
            if clone.slug:
                profile = await client.profile(clone.slug)
                yield Finding("clone", "ok", f"{profile.name or clone.slug} at {clone.base_url} takes the key")
            if conversation_id:
                messages = await client.history(conversation_id)
                yield Finding("conversation", "ok", f"{conversation_id}, {len(messages)} messages")
            else:
                yield Finding("conversation", "ok", "none yet; the first start makes one")
        except CloneError as error:
            remedy = "is the network up, and clone.base_url right?" if error.fault == "offline" else ""
            yield Finding("clone", "failed", str(error), remedy, error.detail)
