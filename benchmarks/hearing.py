"""A reply heard in a process of its own: `hear` starts one and tells what it took.

Heard by the daemon's own way, from the socket to the device (client, exchange, speaker), or by one of two yardsticks
on the same device: one that reads lines as they come (json, base64), and one that reads the whole reply first.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Literal

import aiohttp
import numpy as np

from benchmarks.device import ClockedDevice, FastDevice, Late
from benchmarks.lasting_clone import API_KEY, SLUG, Order
from benchmarks.weighing import peak_mb
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.playback import Playback
from clonespeaker.audio.speaker import Speaker
from clonespeaker.audio.stream import Fill
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import open_session
from clonespeaker.clone.reply import Citation
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError
from clonespeaker.exchange import Exchange, Manner
from clonespeaker.timeline import Timeline

Client = Literal["ours", "lines", "whole"]


@dataclass(frozen=True)
class Hearing:
    """What is to be heard, and how.

    Attributes:
        order: the reply.
        client: the daemon's own way, or which yardstick.
        clocked: on a device that asks every 10 ms; else on one that takes all there is.
        times: so often, one after the other.
        stop_after_s: each time; None: heard to its end.
        read_ahead_s: the speaker's.
    """

    order: Order
    client: Client = "ours"
    clocked: bool = False
    times: int = 1
    stop_after_s: float | None = None
    read_ahead_s: float = 30.0


@dataclass(frozen=True)
class Heard:
    """What it took.

    Attributes:
        peak_mb: resident memory of the whole process, at most.
        cpu_s: of processor time, for all times together.
        played_s: of sound that the device got.
        late: each time, each period that a clocked device asked for.
        faults: what was told of replies that did not end well.
    """

    peak_mb: float
    cpu_s: float
    played_s: float
    late: list[list[Late]]
    faults: list[str]


def hear(url: str, hearing: Hearing) -> Heard:
    """Do it in another process. Raises CalledProcessError."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.hearing", url, json.dumps(asdict(hearing))],
        stdout=subprocess.PIPE,
        check=True,
    )
    return Heard(**json.loads(done.stdout))


async def _hear(url: str, hearing: Hearing) -> Heard:
    devices: list[FastDevice] = []

    def open_stream(fill: Fill) -> FastDevice:
        devices.append(ClockedDevice(fill) if hearing.clocked else FastDevice(fill))
        return devices[-1]

    speaker = Speaker(open_stream, read_ahead_s=hearing.read_ahead_s)
    speaker.open()
    late: list[list[Late]] = []
    faults: list[str] = []
    async with open_session(API_KEY) as session:
        client = CloneClient(session, url, api_key=API_KEY)
        conversation = Conversation(client, None, slug=SLUG)
        audience = Audience()

        async def listen(order: Order) -> None:
            if hearing.client == "ours":
                await Exchange(client, conversation, speaker, Manner()).run(order.to_text(), Timeline(), audience)
            else:
                await _plainly(session, url, speaker, order, audience, whole=hearing.client == "whole")

        await listen(Order())  # what is loaded and opened once in a process's life
        audience.played_frames, begun = 0, time.process_time()
        for _ in range(hearing.times):
            late.append([])
            devices[0].late = late[-1]
            try:
                async with asyncio.timeout(hearing.stop_after_s):
                    await listen(hearing.order)
            except TimeoutError:
                pass
            except CloneError as error:
                faults.append(str(error))
        cpu_s = time.process_time() - begun
    await asyncio.to_thread(speaker.close)
    return Heard(peak_mb(), cpu_s, audience.played_frames / FastDevice.rate_hz, late, faults)


async def _plainly(
    session: aiohttp.ClientSession, url: str, speaker: Speaker, order: Order, audience: Audience, *, whole: bool
) -> None:
    asked = {"conversation_id": "1", "response_type": "voice", "stream": True, "user_message": order.to_text()}
    async with (
        speaker.play() as playback,
        session.post(f"{url}/api/clone/generate_response", json=asked) as response,
    ):
        playback.on_play = audience.on_play
        if whole:
            for line in (await response.read()).split(b"\n"):
                await _play_line(line, playback)
        else:
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    await _play_line(line, playback)
        playback.complete()
        await playback.drain()


async def _play_line(line: bytes, playback: Playback) -> None:
    if line.startswith(b"data: "):
        event = json.loads(line[6:])
        if "audio_chunk" in event:
            await playback.put(np.frombuffer(base64.b64decode(event["audio_chunk"]), "<i2"), 44_100)


class Audience:
    """Nobody listens; what is played is counted."""

    def __init__(self) -> None:
        self.played_frames = 0

    def on_wait(self, error: CloneError) -> None:
        """Nobody waits."""

    def on_answer(self) -> None:
        """Nobody listens."""

    def on_caption(self, text: str, *, final: bool) -> None:
        """Nobody reads."""

    def on_picture(self, url: str) -> None:
        """Nobody looks."""

    def on_citations(self, citations: tuple[Citation, ...]) -> None:
        """Nobody asks."""

    def on_play(self, samples: Samples) -> None:
        """So much more."""
        self.played_frames += samples.size

    def on_first_sound(self) -> None:
        """Nobody hears."""


def main() -> None:
    """The other process."""
    url, as_json = sys.argv[1:]
    fields = json.loads(as_json)
    hearing = Hearing(**fields | {"order": Order(**fields["order"])})
    sys.stdout.write(json.dumps(asdict(asyncio.run(_hear(url, hearing)))))


if __name__ == "__main__":
    main()
