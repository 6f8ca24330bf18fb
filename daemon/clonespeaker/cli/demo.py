"""`demo`: the whole thing on this machine: the daemon as it is, and a simulated clone in the same process.

Real microphone and speaker where there are any, files where not; SPACE is the button. Without a terminal, and with
`--once`, a recorded question is spoken into the microphone, once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.resources
import logging
import shutil
import socket
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from clonespeaker.app import App
from clonespeaker.audio.devices import Direction
from clonespeaker.audio.files import FileSound
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.stream import Fill, OnBlock, Stream
from clonespeaker.cli.ask import read_recording
from clonespeaker.cli.screen import Screen
from clonespeaker.cli.terminal import say, say_json, table
from clonespeaker.config.settings import Button, Clone, Settings, Sounds, Status
from clonespeaker.controls.keyboard import Keyboard
from clonespeaker.errors import EXIT_FAILED, DeviceError, StateError
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.timeline import STAGES
from clonespeaker.turn import Cancelled
from clonespeaker.upkeep import Sound
from clonespeaker.utterance import Utterance

_NOTHING = np.zeros(0, np.int16)
_Result = TypeVar("_Result")

_KEYS = "SPACE: hold it, or tap it to start and again to send   c: stop   m: mute   + -: volume   q: quit"


def main(options: argparse.Namespace) -> int:
    """Run it."""
    logging.basicConfig(level=logging.ERROR, format="clonespeaker: %(message)s")  # the screen tells the rest
    once = options.once or options.wav is not None or not sys.stdin.isatty()
    question = read_recording(options.wav or shipped_question()) if once else None
    with _own_directory() as state_dir:
        return asyncio.run(_demo(options, Path(state_dir), question))


def _own_directory() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="clonespeaker-demo-")
    except OSError as error:
        raise StateError(
            f"no temporary directory can be written ({error.strerror}); make room, or set TMPDIR to another"
        ) from error


def shipped_question() -> Path:
    """The recorded question that comes with the package."""
    return Path(str(importlib.resources.files("clonespeaker") / "assets" / "question.wav"))


async def _demo(options: argparse.Namespace, state_dir: Path, question: Samples | None) -> int:
    clone = SimulatedClone()
    url = await clone.start()
    settings = Settings(
        clone=Clone(base_url=url, slug=clone.slug),
        button=Button(source="none"),
        status=Status(port=_port()),
        # What is written to a file, and measured, is the clone's voice and nothing else.
        sounds=Sounds() if question is None else Sounds(earcons=False, speech=False),
        state_dir=str(state_dir),
    )
    sound, files, words = _choose_sound(options.out, spoken_by_file=question is not None)
    screen = Screen(quiet=options.json)
    app = App(settings, api_key=clone.api_key, sound=sound, listener=screen.on_event)
    if not options.json:
        say(f"A simulated clone answers at {url}; it {_how_it_speaks()}.")
        say(words)
        say(f"The page for a screen: http://127.0.0.1:{settings.status.port}/")
        say(
            f"Follow it from another terminal: clonespeaker status --watch --url ws://127.0.0.1:{settings.status.port}/"
        )
    running = asyncio.create_task(app.run())
    try:
        await _first(running, app.ready.wait())
        if question is None:
            await _first(running, _by_hand(app, screen, files))
            code = 0
        else:
            code = await _first(running, _once(app, screen, files, question, options))
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await clone.stop()
    files.check()
    return code


async def _first(running: asyncio.Task[None], work: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of `work`, unless the daemon ends before it is there."""
    wanted = asyncio.create_task(work)
    await asyncio.wait({running, wanted}, return_when=asyncio.FIRST_COMPLETED)
    if not wanted.done():
        wanted.cancel()
        running.result()
        sys.exit(0)
    return wanted.result()


async def _once(app: App, screen: Screen, files: FileSound, question: Samples, options: argparse.Namespace) -> int:
    await app.conversation.current()
    await asyncio.sleep(app.settings.microphone.pre_roll_ms / 1_000)  # something to have as pre-roll
    app.appliance.hand.press()
    files.hear(question)
    await asyncio.sleep(question.size / Utterance.RATE_HZ)
    app.appliance.hand.release()
    turn = await screen.turn_over()
    if options.json:
        say_json({key: value for key, value in turn.items() if key not in ("type", "event")})
    else:
        say()
        say(_as_table(turn))
    return 0 if turn["outcome"] == "answered" else EXIT_FAILED


async def _by_hand(app: App, screen: Screen, files: FileSound) -> None:
    quit_ = asyncio.Event()
    recorded = read_recording(shipped_question())

    def on_space(down: bool) -> None:
        files.hear(recorded if down else _NOTHING)  # where there is a real microphone, nobody listens to this
        app.appliance.hand.on_button(down)

    def on_key(key: str) -> None:
        match key:
            case "q" | "\x04":
                quit_.set()
            case "c":
                app.appliance.post(Cancelled())
            case "m":
                app.appliance.dials.mute(not app.appliance.dials.muted)
            case "+" | "=":
                app.appliance.dials.step_volume(1)
            case "-":
                app.appliance.dials.step_volume(-1)

    say(_KEYS)
    keyboard = Keyboard(
        sys.stdin.fileno(),
        on_change=on_space,
        on_key=on_key,
        is_down=app.appliance.is_listening,
        on_end=quit_.set,
    )
    with contextlib.closing(keyboard), screen.live():
        await quit_.wait()


def _as_table(turn: dict[str, Any]) -> str:
    rows = [("milliseconds from the release", "")]
    rows += [(f"  {stage}", "–" if turn[stage] is None else f"{turn[stage]:,.1f}".rjust(10)) for stage in STAGES]
    rest = ("utterance_ms", "reply_ms", "upload", "retries", "underruns", "http_status", "outcome")
    rows += [(name, str(turn[name])) for name in rest]
    return table(rows)


def _choose_sound(out: Path | None, *, spoken_by_file: bool) -> tuple[Sound, FileSound, str]:
    """Real devices where there are any and no file is wanted instead; the files; and words about it."""
    real = SoundSystem()

    def has(direction: Direction) -> bool:
        with contextlib.suppress(DeviceError):
            return bool(real.find("auto", direction))
        return False

    played_to_file = out or (None if has("speaker") else _new_wav())
    files = FileSound(played_to_file)
    if spoken_by_file:
        heard = "a recorded question"
    elif has("microphone"):
        heard = "yours"
    else:
        heard, spoken_by_file = "none found, so SPACE speaks a recorded question", True
    mixed = _Mixed(files if spoken_by_file else real, files if played_to_file else real, real)
    return mixed, files, f"Microphone: {heard}. Speaker: {played_to_file or 'yours'}."


def _new_wav() -> Path:
    """A file of its own for each demo; it stays, to be listened to elsewhere."""
    with tempfile.NamedTemporaryFile(prefix="clonespeaker-demo-", suffix=".wav", delete=False) as file:
        return Path(file.name)


class _Mixed:
    """A microphone from here, a speaker from there."""

    def __init__(self, microphone: Sound, speaker: Sound, real: SoundSystem) -> None:
        self._microphone, self._speaker, self._real = microphone, speaker, real

    def open_microphone(self, wanted: str, *, period_ms: float, on_block: OnBlock) -> Stream:
        return self._microphone.open_microphone(wanted, period_ms=period_ms, on_block=on_block)

    def open_speaker(self, wanted: str, *, period_ms: float, fill: Fill) -> Stream:
        return self._speaker.open_speaker(wanted, period_ms=period_ms, fill=fill)

    def there(self) -> object:
        return self._real.there()

    def held(self) -> object:
        return self._real.held()

    def refresh(self) -> None:
        self._real.refresh()

    def close(self) -> None:
        self._real.close()


def _how_it_speaks() -> str:
    return "answers with a synthetic voice" if shutil.which("espeak-ng") else "says back what you said"


def _port() -> int:
    """The usual one where it is free, so that the other commands find the demo; else any."""
    usual = msgspec.structs.fields(Status)[1].default
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for port in (usual, 0):
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise AssertionError("a free port is always to be had")
