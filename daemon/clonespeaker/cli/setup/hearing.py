"""The steps in which somebody listens: a test sound, and one's own voice recorded and played."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from clonespeaker.audio import earcons
from clonespeaker.audio.loudness import Loudness
from clonespeaker.audio.microphone import RATE_HZ, Microphone
from clonespeaker.audio.pcm import SILENCE_DBFS, Samples, level_dbfs
from clonespeaker.audio.speaker import Speaker
from clonespeaker.cli.setup import cards
from clonespeaker.cli.setup.devices import Devices
from clonespeaker.cli.setup.dialogue import Dialogue, columns
from clonespeaker.cli.setup.draft import Draft
from clonespeaker.cli.terminal import draw, say
from clonespeaker.cues import Earcon
from clonespeaker.errors import DeviceError

RECORD_S = 4.0
_QUIETEST_DBFS = -60.0
_DRAW_EVERY_S = 0.07


def try_speaker(draft: Draft, devices: Devices, talk: Dialogue) -> None:
    """Play two tones until they are heard, or whoever listens goes on without."""
    while True:
        talk.tell("Four rising tones are played now.")
        try:
            talk.interrupts.run(_play(devices.speaker(), earcons.make(Earcon.READY)))
        except DeviceError as error:
            talk.warn(str(error))
        if talk.yes("Did you hear them?"):
            return
        talk.tell("Is it switched on, turned up, and not muted (alsamixer)? Or is it another one?")
        if not _another_try(("speaker",), draft, devices, talk):
            return


def hear(draft: Draft, devices: Devices, talk: Dialogue) -> None:
    """Record and play, until whoever speaks is heard, or goes on without."""
    while True:
        talk.enter(f"You are recorded for {RECORD_S:.0f} seconds, and hear it then. Press Enter to begin.")
        try:
            samples = talk.interrupts.run(_record(devices.microphone(), talk))
            talk.forget_typed()
            _judge(samples, talk)
            talk.tell("Now you should hear it.")
            talk.interrupts.run(_play(devices.speaker(), samples))
        except DeviceError as error:
            talk.warn(str(error))
        talk.forget_typed()
        if talk.yes("Did you hear yourself?"):
            return
        talk.tell("Levels are in alsamixer: F3 shows what is played, F4 what is recorded; M there is muted.")
        if not _another_try(("microphone", "speaker"), draft, devices, talk):
            return


def _another_try(directions: tuple[str, ...], draft: Draft, devices: Devices, talk: Dialogue) -> bool:
    """Whether to try again; maybe with another card."""
    words = {"a": "again", **{name[0]: f"another {name}" for name in directions}, "g": "go on as it is"}
    answer = talk.ask(
        ", ".join(f"{key}: {meaning}" for key, meaning in words.items()),
        "a",
        lambda answer: "" if answer in words else f"one of {', '.join(words)}",
    )
    if answer == "m":
        cards.choose("microphone", draft, devices, talk)
    if answer == "s":
        cards.choose("speaker", draft, devices, talk)
    return answer != "g"


async def _record(microphone: Microphone, talk: Dialogue) -> Samples:
    """What is said in the next seconds; a bar with its level meanwhile."""
    await microphone.in_thread(microphone.open)
    try:
        talk.tell("Speak now.")
        recording = microphone.record(pre_roll_ms=0)
        asyncio.get_running_loop().call_later(RECORD_S, recording.finish)
        ends_at = time.monotonic() + RECORD_S
        pieces, since_drawn, drawn_at = [], SILENCE_DBFS, 0.0
        async for piece in recording:
            pieces.append(piece)
            since_drawn = max(since_drawn, level_dbfs(piece))
            if time.monotonic() - drawn_at >= _DRAW_EVERY_S:
                _draw(since_drawn, ends_at - time.monotonic())
                since_drawn, drawn_at = SILENCE_DBFS, time.monotonic()
    finally:
        say()
        await microphone.in_thread(microphone.close)
    return np.concatenate(pieces)


def _draw(dbfs: float, left_s: float) -> None:
    """One line that is written over again and again, with nothing but plain characters: any terminal shows it."""
    width = min(40, columns() - 18)
    bar = "#" * round((1 - max(dbfs, _QUIETEST_DBFS) / _QUIETEST_DBFS) * width)
    draw(f"\r  {max(0.0, left_s):.0f} s |{bar.ljust(width)}| {dbfs:4.0f} dB")


def _judge(samples: Samples, talk: Dialogue) -> None:
    loudness = Loudness.of(samples, RATE_HZ)
    dbfs = f"{loudness.loudest_dbfs:.0f} dB"
    match loudness.fault:
        case "no-sound":
            talk.warn("No sound at all came: is it muted, or its level at 0? See alsamixer, F4.")
        case "too-loud":
            talk.warn("Too loud, it clips: turn the microphone down a little (alsamixer, F4), or step back a little.")
        case "too-quiet":
            talk.warn(f"Very quiet, {dbfs} at most: turn the microphone up (alsamixer, F4), or speak closer to it.")
        case _:
            talk.tell(f"Recorded, {dbfs} at its loudest: good.")


async def _play(speaker: Speaker, samples: Samples) -> None:
    await speaker.in_thread(speaker.open)
    try:
        async with speaker.play() as playback:
            await playback.put(samples, RATE_HZ)
            playback.complete()
            await playback.drain()
    finally:
        await speaker.in_thread(speaker.close)
