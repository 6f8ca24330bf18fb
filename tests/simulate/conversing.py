"""A plain client of the simulated clone, for its tests: knows the wire, checks nothing."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from clonespeaker.audio import wav

HEADERS = {"User-Agent": "clonespeaker-tests/1", "x-api-key": "dsk-simulated"}
GENERATE = "/api/clone/generate_response"
PCM = b"\x01\x00\xff\x7f" * 1_000


def voice_base64(pcm: bytes = PCM) -> str:
    """Speech as the API takes it."""
    return base64.b64encode(wav.write_header(len(pcm)) + pcm).decode()


async def live(body: bytes, piece_bytes: int = 1_000) -> AsyncIterator[bytes]:
    """A body that aiohttp sends in chunks, without Content-Length."""
    for at in range(0, len(body), piece_bytes):
        yield body[at : at + piece_bytes]


def parse_events(stream: bytes, line_end: bytes = b"\n") -> list[Any]:
    """The events' data of a whole stream, from JSON; what is no JSON stays text, comments fall away."""
    found: list[Any] = []
    for block in stream.split(2 * line_end):
        if block.startswith(b"data: "):
            data = block.removeprefix(b"data: ").decode(errors="replace")
            try:
                found.append(json.loads(data))
            except ValueError:
                found.append(data)
    return found


def audio(events: list[Any]) -> bytes:
    """All snippets, joined."""
    return b"".join(base64.b64decode(e["audio_chunk"]) for e in events if "audio_chunk" in e)


async def read_while_it_comes(response: aiohttp.ClientResponse) -> tuple[bytes, Exception]:
    """Read a reply that never ends well → what came of it, and how it ended (`TimeoutError`: it fell silent)."""
    stream = b""
    while True:
        try:
            stream += await asyncio.wait_for(response.content.readany(), 1.0)
        except (aiohttp.ClientError, TimeoutError) as error:
            response.close()
            return stream, error


@dataclass
class Conversing:
    """One conversation over one HTTP session."""

    http: aiohttp.ClientSession
    conversation_id: str

    def body(self, **fields: Any) -> dict[str, Any]:
        """A generate request's fields; without others: speech in, streamed voice out."""
        if not {"user_message", "voice_input_stream"} & fields.keys():
            fields["voice_input_stream"] = voice_base64()
        defaults = {"conversation_id": self.conversation_id, "response_type": "voice", "stream": True}
        return {**defaults, **fields}

    async def generate(self, **fields: Any) -> aiohttp.ClientResponse:
        """One exact request; the reply is still to be read."""
        return await self.http.post(GENERATE, json=self.body(**fields))

    async def generate_live(self, *, allow_redirects: bool = True, **fields: Any) -> aiohttp.ClientResponse:
        """One chunked request; the reply is still to be read."""
        body = json.dumps(self.body(**fields)).encode()
        headers = {"Content-Type": "application/json"}
        return await self.http.post(GENERATE, data=live(body), headers=headers, allow_redirects=allow_redirects)

    async def status(self, *, is_live: bool = False, **fields: Any) -> int:
        """One request, read to its end → its HTTP status."""
        response = await (self.generate_live(**fields) if is_live else self.generate(**fields))
        await response.read()
        return response.status

    async def ask(self, **fields: Any) -> list[Any]:
        """One exact request → the events of its reply."""
        response = await self.generate(**fields)
        return parse_events(await response.read())

    async def history(self) -> list[tuple[str, str]]:
        """Who said what."""
        response = await self.http.get("/api/conversation/history", params={"id": self.conversation_id})
        return [(message["sender"], message["text"]) for message in (await response.json())["history"]]
