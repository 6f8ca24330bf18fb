"""`ask`: one turn without a button."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from clonespeaker.audio import wav
from clonespeaker.audio.convert import open_resampler
from clonespeaker.audio.files import WavRecorder
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.voice import Voice
from clonespeaker.cli.terminal import complain, say, say_json
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import open_session
from clonespeaker.clone.reply import Citation
from clonespeaker.config.credentials import read_api_key
from clonespeaker.config.load import load, require_clone
from clonespeaker.config.settings import Settings
from clonespeaker.errors import EXIT_USAGE, CloneError, ClonespeakerError, DeviceError, MediaError
from clonespeaker.exchange import Exchange
from clonespeaker.state import StateDir
from clonespeaker.timeline import Timeline
from clonespeaker.turn import Outcome
from clonespeaker.utterance import Utterance
from clonespeaker.wiring import make_conversation, make_speaker, manner

_LONGEST_BYTES = 200_000_000  # ten minutes of the largest samples there are


def main(options: argparse.Namespace) -> int:
    """Ask, and give out the answer."""
    if (options.text is None) == (options.wav is None):
        complain("clonespeaker: ask takes a text or a recording: clonespeaker ask 'Who are you?', or ask --wav FILE")
        return EXIT_USAGE
    if options.reply == "text" and options.out is not None:
        complain("clonespeaker: --out takes the voice, and --reply text asks for none")
        return EXIT_USAGE
    logging.basicConfig(level=logging.WARNING, format="clonespeaker: %(message)s")
    loaded = load(options.config, os.environ)
    require_clone(loaded)
    api_key = read_api_key(loaded.settings, os.environ)
    question = options.text if options.wav is None else Utterance.of(read_recording(options.wav))
    asyncio.run(_ask(options, loaded.settings, api_key, question))
    return 0


def read_recording(path: Path) -> Samples:
    """A WAV file of any rate and any channel count, as the clone takes it. Raises MediaError."""
    try:
        if path.exists() and not path.is_file():
            raise MediaError("this is no file")
        if path.stat().st_size > _LONGEST_BYTES:
            raise MediaError(f"this file has more than {_LONGEST_BYTES // 1_000_000} MB; send a shorter recording")
        samples, rate_hz = wav.read(path.read_bytes())
    except OSError as error:
        raise MediaError(f"{path} can't be read ({error.strerror})") from error
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from error
    return open_resampler(rate_hz, Utterance.RATE_HZ).convert(samples, last=True)


async def _ask(options: argparse.Namespace, settings: Settings, api_key: str, question: Utterance | str) -> None:
    reply = options.reply or settings.clone.reply
    async with AsyncExitStack() as stack:
        voice = _open_voice(options, settings, stack) if reply == "voice" else None
        session = await stack.enter_async_context(open_session(api_key))
        client = CloneClient(session, settings.clone.base_url, api_key=api_key)
        conversation = make_conversation(client, _memory(settings), settings.clone)
        how = replace(manner(settings), reply=reply, stream=not options.no_stream, upload="exact")
        exchange = Exchange(client, conversation, voice, how)
        answer, timeline = _Answer(), Timeline()
        timeline.begin_without_button()
        try:
            await exchange.run(question, timeline, answer, image_url=options.image_url)
        except ClonespeakerError:
            if answer.text and not options.json:
                answer.show()  # as far as it came
            raise
        timeline.outcome = Outcome.ANSWERED
        if options.json:
            say_json(
                {
                    "text": answer.text,
                    "citations": msgspec.to_builtins(answer.citations),
                    "image_url": answer.image_url,
                    "out": os.fsencode(options.out).decode(errors="replace") if options.out else None,
                    "conversation_id": conversation.id,
                    "timeline": timeline.told(),
                }
            )
        else:
            answer.show()


def _memory(settings: Settings) -> StateDir | None:
    """The daemon's, so that this turn belongs to the same conversation; None where this user may not write there."""
    return StateDir(Path(settings.state_dir)) if os.access(settings.state_dir, os.W_OK) else None


def _open_voice(options: argparse.Namespace, settings: Settings, stack: AsyncExitStack) -> Voice | None:
    if options.out is not None:
        return WavRecorder(options.out)
    sound = SoundSystem()
    stack.callback(sound.close)
    speaker = make_speaker(sound, settings.speaker)
    try:
        speaker.open()
    except DeviceError as error:
        complain(f"clonespeaker: {error}; the answer comes as text alone (--out FILE writes its voice to a file)")
        return None
    stack.callback(speaker.close)
    return speaker


class _Answer:
    """What has come; the exchange's audience."""

    def __init__(self) -> None:
        self.text = ""
        self.citations: tuple[Citation, ...] = ()
        self.image_url: str | None = None

    def on_wait(self, error: CloneError) -> None:
        complain(f"clonespeaker: {error}")

    def on_answer(self) -> None:
        pass

    def on_caption(self, text: str, *, final: bool) -> None:
        self.text = text

    def on_picture(self, url: str) -> None:
        self.image_url = url

    def on_citations(self, citations: tuple[Citation, ...]) -> None:
        self.citations = citations

    def on_play(self, samples: Any) -> None:
        pass

    def on_first_sound(self) -> None:
        pass

    def show(self) -> None:
        say(self.text)
        for citation in self.citations:
            say(f"source: {' '.join(filter(None, (citation.title, citation.url)))}")
        if self.image_url:
            say(f"picture: {self.image_url}")
