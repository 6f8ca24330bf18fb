"""The doctor's command: which checks, in which order, told how.

Nothing is changed, and nothing is heard, but where it is asked for: `--loop` plays a sound, `--press` wants the button
pressed, `--lights` shows what the lights can tell, `--upload` asks the clone one question and remembers how it was
taken. What is recorded is looked at and thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import asdict
from typing import Any

from clonespeaker.audio.calls import DeviceCalls
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.cli.daemon import connect_to_daemon
from clonespeaker.cli.doctor.controls import check_button, check_detector
from clonespeaker.cli.doctor.finding import Finding, within
from clonespeaker.cli.doctor.keys import check_keys
from clonespeaker.cli.doctor.lights import SHOWN_S, check_lights, looks
from clonespeaker.cli.doctor.network import check_clone, check_way
from clonespeaker.cli.doctor.settings import check_key, check_settings, check_state, check_tokens
from clonespeaker.cli.doctor.share import as_text, report
from clonespeaker.cli.doctor.sound import check_cards, check_devices
from clonespeaker.cli.doctor.sounds import check_sounds
from clonespeaker.cli.doctor.system import check_pi, check_service, check_space
from clonespeaker.cli.doctor.upload import check_remembered, measure
from clonespeaker.cli.terminal import coloured, complain, say, say_json
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import open_session
from clonespeaker.config.credentials import read_api_key
from clonespeaker.config.load import Loaded, load
from clonespeaker.config.settings import Settings
from clonespeaker.errors import EXIT_FAILED, ConfigError, StatusError

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}
_QUICK_S, _SLOW_S, _QUESTION_S = 15.0, 30.0, 120.0  # what a check may take


def main(options: argparse.Namespace) -> int:
    """Check everything; exit 1 where something failed."""
    logging.getLogger("clonespeaker").addHandler(logging.NullHandler())  # what matters is a finding
    visit = _Visit(options)
    findings = asyncio.run(visit.run())
    failed = any(finding.result == "failed" for finding in findings)
    if options.share:
        told = report(findings, visit.loaded, options.config, visit.names, os.environ)
        if options.json:
            say_json(told)
        else:
            say(as_text(told))
    elif options.json:
        say_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    return EXIT_FAILED if failed else 0


class _Visit:
    """One run of all checks.

    Attributes:
        loaded: the settings; None where they can't be read.
        names: what was met that tells whose clone it is.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._daemon: dict[str, Any] | None = None
        self.loaded: Loaded | None = None
        self.names: list[str] = []

    async def run(self) -> list[Finding]:
        """All findings; told as they come, where a person reads."""
        findings = []
        async for finding in self._checks():
            findings.append(finding)
            if not self._options.json and not self._options.share:
                _show(finding)
        return findings

    async def _checks(self) -> AsyncIterator[Finding]:
        try:
            self.loaded = load(self._options.config, os.environ)
        except ConfigError as error:
            for problem in error.problems:
                yield Finding("settings", "failed", problem)
        settings = self.loaded.settings if self.loaded else None
        for name, seconds, check in self._of_this_machine(settings):
            async for finding in within(name, seconds, check):
                yield finding
        if settings is None:
            return
        way_is_clear = True
        async for finding in within("network", _SLOW_S, check_way(settings.clone.base_url)):
            way_is_clear = way_is_clear and (finding.result != "failed" or finding.name == "clock")
            yield finding
        clone = self._of_the_clone(settings, way_is_clear=way_is_clear)
        async for finding in within("clone", 2 * _SLOW_S + _QUESTION_S, clone):
            yield finding

    def _of_this_machine(self, settings: Settings | None) -> list[tuple[str, float, AsyncGenerator[Finding, None]]]:
        checks = []
        if self.loaded is not None and settings is not None:
            checks += [
                ("settings", _QUICK_S, _in_thread(check_settings, self.loaded)),
                ("key", _QUICK_S, _in_thread(check_key, settings, os.environ)),
                ("tokens", _QUICK_S, _in_thread(check_tokens, settings)),
                ("state", _QUICK_S, _in_thread(lambda: [check_state(settings)])),
                ("space", _QUICK_S, _in_thread(lambda: [check_space(settings)])),
                ("daemon", _QUICK_S, self._check_daemon()),
            ]
        checks += [("service", _SLOW_S, _in_thread(check_service)), ("power", _SLOW_S, _in_thread(check_pi))]
        if settings is not None:
            press_s = self._options.press
            checks += [
                ("sound", _SLOW_S, self._check_sound(settings)),
                ("button", _QUICK_S + (press_s or 0), self._check_button(settings)),
                ("silence", _QUICK_S, _in_thread(check_detector, settings)),
                ("keys", _QUICK_S + (press_s or 0), check_keys(settings, press_s=press_s, ask=complain)),
                ("lights", _QUICK_S + SHOWN_S * len(looks()), self._check_lights(settings)),
                ("sounds", _QUICK_S, _in_thread(check_sounds, settings)),
            ]
        return checks

    async def _check_daemon(self) -> AsyncGenerator[Finding, None]:
        self._options.url = None
        try:
            async with connect_to_daemon(self._options, to_control=False) as daemon:
                self._daemon = daemon.snapshot
        except (StatusError, ConfigError) as error:
            yield Finding("daemon", "warning", str(error))
            return
        self.names.append(str(self._daemon.get("clone", {}).get("name") or ""))
        faults = self._daemon["faults"]
        if self._daemon["muted"]:
            by_switch = self._daemon.get("mute_switch")
            words = "runs, but its microphone is muted" + (" by its switch" if by_switch else "")
            yield Finding("daemon", "warning", words, "switch it on there" if by_switch else "clonespeaker unmute")
        elif faults:
            causes = self._daemon.get("causes", {})
            words = "; ".join(f"{fault}: {causes.get(fault, 'no cause told')}" for fault in faults)
            yield Finding("daemon", "warning", f"runs, with faults: {words}")
        else:
            yield Finding("daemon", "ok", "runs, without faults")

    async def _check_sound(self, settings: Settings) -> AsyncGenerator[Finding, None]:
        sound, calls = SoundSystem(), DeviceCalls()
        async for finding in within("cards", _SLOW_S, check_cards(sound)):
            yield finding
        devices = check_devices(sound, settings, daemon=self._daemon, with_loop=self._options.loop)
        async for finding in within("sound", _SLOW_S, devices):
            yield finding
        await calls.run("speaker", sound.close)

    async def _check_button(self, settings: Settings) -> AsyncGenerator[Finding, None]:
        # Not handed on: whether a daemon runs is not known before this one's turn.
        async for finding in check_button(settings, daemon=self._daemon, press_s=self._options.press, ask=complain):
            yield finding

    async def _check_lights(self, settings: Settings) -> AsyncGenerator[Finding, None]:
        show_s = SHOWN_S if self._options.lights else None
        async for finding in check_lights(settings, daemon=self._daemon, show_s=show_s, ask=complain):
            yield finding

    async def _of_the_clone(self, settings: Settings, *, way_is_clear: bool) -> AsyncGenerator[Finding, None]:
        api_key = ""
        with contextlib.suppress(ConfigError):  # told before
            api_key = await asyncio.to_thread(read_api_key, settings, os.environ)
        answers = way_is_clear and bool(api_key)
        if answers:
            async with open_session(api_key) as session:
                client = CloneClient(session, settings.clone.base_url, api_key=api_key)
                async for finding in within("clone", _SLOW_S, check_clone(client, settings, self.names.append)):
                    answers = answers and finding.result != "failed"
                    yield finding
        if not self._options.upload:
            async for finding in within("upload", _QUICK_S, _in_thread(lambda: [check_remembered(settings)])):
                yield finding
        elif answers:
            async for finding in within("upload", _QUESTION_S, measure(settings, api_key)):
                yield finding
        else:
            yield Finding("upload", "warning", "not measured, for the clone can't be asked", "mend what is above first")


async def _in_thread(check: Callable[..., Iterable[Finding]], *arguments: Any) -> AsyncGenerator[Finding, None]:
    for finding in await asyncio.to_thread(lambda: list(check(*arguments))):
        yield finding


def _show(finding: Finding) -> None:
    say(f"{coloured(finding.result.ljust(7), _COLOURS[finding.result])}  {finding.name}: {finding.words}")
    if finding.remedy:
        say(f"         → {finding.remedy}")
