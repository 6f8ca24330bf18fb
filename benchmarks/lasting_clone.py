"""A clone whose replies last as long as they are asked to: `python -m benchmarks.lasting_clone` prints its URL.

The simulated clone makes a reply whole before it sends it; an hour of that is a gigabyte. This one makes one event and
sends it again and again. The user's text is the order, `Order` as JSON; speech is answered by a second of sound.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from aiohttp import web

API_KEY = "dsk-simulated"
SLUG = "my-clone"

_RATE_HZ = 44_100
_FINAL = b'data: {"current_token":"[DONE]","clone_response":{"transcript":"So be it.","audio":"'


@dataclass(frozen=True)
class Order:
    """What a reply is to be like.

    Attributes:
        seconds: of sound, at least.
        event_bytes: of each event, about.
        every_s: from one event to the next; 0: as fast as they are taken.
        repeat: the final event holds the whole sound once more, as the clone's API has it.
    """

    seconds: float = 1.0
    event_bytes: int = 20_000
    every_s: float = 0.0
    repeat: bool = True

    def to_text(self) -> str:
        """What the user has to say for it."""
        return json.dumps(asdict(self))


@contextlib.contextmanager
def lasting_clone() -> Iterator[str]:
    """One in a process of its own; its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.lasting_clone"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def _generate(request: web.Request) -> web.StreamResponse:
    asked = json.loads(await request.read())
    order = Order(**json.loads(asked.get("user_message", "{}")))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    sound = _sound(order.event_bytes)
    event = b'data: {"audio_chunk":"' + sound + b'","clone_response":null}\n\n'
    count = max(1, round(order.seconds * _RATE_HZ * 2 / (len(sound) * 3 / 4)))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with contextlib.suppress(ConnectionResetError):  # heard enough
        for number in range(count):
            await asyncio.sleep(begun + number * order.every_s - loop.time())
            await response.write(event)
        await response.write(_FINAL)
        for _ in range(count if order.repeat else 0):
            await response.write(sound)
        await response.write(b'"}}\n\n')
    return response


def _sound(event_bytes: int) -> bytes:
    """Base64 of noise; whole samples and whole groups of three bytes, so that pieces in a row are base64, too."""
    samples = np.random.default_rng(1).integers(1, 8_000, event_bytes // 8 * 3).astype("<i2")
    return base64.b64encode(samples.tobytes())


async def _new_conversation(_request: web.Request) -> web.Response:
    return web.json_response({"new_conversation": {"conversation_id": "1", "messages": []}})


async def _history(_request: web.Request) -> web.Response:
    return web.json_response({"history": []})


async def _clone(_request: web.Request) -> web.Response:
    return web.json_response({"clone": {"name": "Lasting Clone", "slug": SLUG}})


async def _serve() -> None:
    app = web.Application(client_max_size=100_000_000)
    app.router.add_post("/api/clone/generate_response", _generate)
    app.router.add_post("/api/conversation/new", _new_conversation)
    app.router.add_get("/api/conversation/history", _history)
    app.router.add_get("/api/clone", _clone)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
