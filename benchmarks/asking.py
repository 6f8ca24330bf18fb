"""A recording sent in a process of its own: `ask` starts one and tells what it took at most.

By the daemon's own way, live or exact, or by the client that anyone would write: record, wrap, base64, POST.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import subprocess
import sys
import wave
from typing import Literal

import numpy as np

from benchmarks.hearing import Audience
from benchmarks.lasting_clone import API_KEY, SLUG
from benchmarks.weighing import peak_mb
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import open_session
from clonespeaker.conversation import Conversation
from clonespeaker.exchange import Exchange, Manner
from clonespeaker.timeline import Timeline
from clonespeaker.utterance import Utterance

Upload = Literal["live", "exact", "plain"]

_BLOCK_FRAMES = 441


def ask(url: str, seconds: float, upload: Upload) -> float:
    """Resident memory of the other process, at most, in MB. Raises CalledProcessError."""
    arguments = [sys.executable, "-m", "benchmarks.asking", url, str(seconds), upload]
    return float(subprocess.run(arguments, stdout=subprocess.PIPE, check=True).stdout)


async def _ask(url: str, seconds: float, upload: str) -> None:
    block = np.random.default_rng(1).integers(-8_000, 8_000, _BLOCK_FRAMES).astype(np.int16)
    blocks = [block] * round(seconds * 100)
    async with open_session(API_KEY) as session:
        if upload == "plain":
            body = await asyncio.to_thread(_plain_body, b"".join(each.tobytes() for each in blocks))
            headers = {"Content-Type": "application/json"}
            async with session.post(f"{url}/api/clone/generate_response", data=body, headers=headers) as response:
                await response.read()
            return
        client = CloneClient(session, url, api_key=API_KEY)
        exchange = Exchange(client, Conversation(client, None, slug=SLUG), None, Manner(upload=upload))
        utterance = Utterance()
        turn = asyncio.create_task(exchange.run(utterance, Timeline(), Audience()))
        for number, each in enumerate(blocks):
            utterance.add(each)
            # The user speaks, a hundred times as fast as users do.
            await asyncio.sleep(0 if number % 10 else 0.001)
        utterance.end()
        await turn


def _plain_body(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(Utterance.RATE_HZ)
        recording.writeframes(pcm)
    return json.dumps({"voice_input_stream": base64.b64encode(file.getvalue()).decode()}).encode()


def main() -> None:
    """The other process."""
    url, seconds, upload = sys.argv[1:]
    asyncio.run(_ask(url, float(seconds), upload))
    sys.stdout.write(f"{peak_mb()}\n")


if __name__ == "__main__":
    main()
