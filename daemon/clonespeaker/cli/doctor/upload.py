"""How speech gets to the clone: what is remembered of live uploads, and on request a question asked to find it out.

The measured question is the shipped recording, sent as the daemon would, but as fast as the link takes it; in a
conversation of its own, so that the device's never hears of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from clonespeaker.cli.ask import read_recording
from clonespeaker.cli.demo import shipped_question
from clonespeaker.cli.doctor.finding import Finding
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import open_session, open_socket
from clonespeaker.clone.upload import exact_body
from clonespeaker.config.settings import Settings
from clonespeaker.errors import CloneError
from clonespeaker.exchange import Exchange
from clonespeaker.state import StateDir
from clonespeaker.timeline import Timeline
from clonespeaker.utterance import Utterance
from clonespeaker.wiring import make_conversation, manner

LIVE_MBITS = 0.95
"""What speech takes while it is spoken: 44,100 samples of 16 bits a second, as base64."""

_LOOK_EVERY_S = 0.005
_HOW = "clonespeaker doctor --upload asks the clone one question to measure it"


def check_remembered(settings: Settings) -> Finding:
    """What the state directory knows of the server. Blocks."""
    wanted = settings.clone.upload
    saved = StateDir(Path(settings.state_dir)).load()
    known = saved.upload
    if known is None or known.base_url != settings.clone.base_url.rstrip("/"):
        words = f"clone.upload is {wanted}; not known yet whether this server takes questions while they are spoken"
        return Finding("upload", "ok", f"{words}. {_HOW}")
    on = time.strftime("%Y-%m-%d", time.localtime(known.found_at))
    if known.live:
        return Finding(
            "upload", "ok", f"clone.upload is {wanted}; on {on} this server took a question while it was spoken"
        )
    words = f"clone.upload is {wanted}; on {on} this server refused a question while it was spoken"
    if wanted == "live":
        return Finding("upload", "failed", words, f"clone.upload: auto. {_HOW} again")
    if saved.takes_live(known.base_url):
        return Finding("upload", "ok", f"{words}; that is long ago, and the next one is tried live")
    return Finding(
        "upload", "warning", f"{words}, so answers come later: each is sent when it is over", f"{_HOW} again"
    )


async def measure(settings: Settings, api_key: str) -> AsyncGenerator[Finding, None]:
    """Ask one question: is it taken live, and how fast? What is found is remembered for the daemon."""
    if settings.clone.slug is None:
        yield Finding("upload", "warning", "not measured: that takes a conversation of its own", "set clone.slug")
        return
    samples = await asyncio.to_thread(read_recording, shipped_question())
    sockets: list[socket.socket] = []

    def opened(address: tuple[Any, ...]) -> socket.socket:
        sockets.append(open_socket(address))
        return sockets[-1]

    async with open_session(api_key, socket_factory=opened) as session:
        client = CloneClient(session, settings.clone.base_url, api_key=api_key)
        of_its_own = msgspec.structs.replace(settings.clone, conversation_id=None, user_email=None)
        how = replace(manner(settings), reply="text", image_url=None, retry_for_s=5)
        if how.upload == "exact":
            how = replace(how, upload="auto")  # to know what might be
        exchange = Exchange(client, make_conversation(client, None, of_its_own), None, how)
        shown: list[bool] = []
        exchange.on_upload = shown.append
        timeline, watch = Timeline(), _Watch(sockets)
        timeline.begin_without_button()
        try:
            async with watch:
                await exchange.run(Utterance.of(samples), timeline, _Nobody())
        except CloneError as error:
            yield _unanswered(error, settings)
            return
    remembered = bool(shown) and await asyncio.to_thread(_remember, settings, client.base_url, shown[-1])
    yield _taken(timeline.upload, settings, remembered=remembered)
    _, body_bytes = exact_body({}, samples.tobytes())
    if timeline.connected is not None and timeline.body_sent is not None:
        sent_at = max(timeline.body_sent, watch.last_busy_at)
        yield judge_uplink(body_bytes * 8 / max(sent_at - timeline.connected, 1e-6) / 1e6)


def _remember(settings: Settings, base_url: str, live: bool) -> bool:
    """Whether it could be written down."""
    state = StateDir(Path(settings.state_dir))
    state.note_upload(base_url, live=live)
    saved = state.load().upload
    return saved is not None and (saved.base_url, saved.live) == (base_url, live)


def _taken(upload: str | None, settings: Settings, *, remembered: bool) -> Finding:
    wanted = settings.clone.upload
    if upload == "live":
        words = (
            f"this server takes a question while it is spoken (measured now{', and remembered' if remembered else ''})"
        )
        if wanted == "exact":
            return Finding(
                "upload", "warning", f"{words}, but clone.upload is exact", "clone.upload: auto answers sooner"
            )
        return Finding("upload", "ok", words)
    said = "measured now, and remembered for a week" if remembered else "measured now; not remembered"
    words = f"this server does not take a question while it is spoken, but whole ({said})"
    remedy = "nothing to do; answers come later, by the time the upload takes"
    return Finding("upload", "warning", words, remedy)


def _unanswered(error: CloneError, settings: Settings) -> Finding:
    remedy = "clone.upload: auto sends whole where live is refused" if settings.clone.upload == "live" else ""
    if error.fault == "prerequisites":
        remedy = "give the clone a purpose, a description and at least one document, where it is made"
    return Finding("upload", "failed", f"the question was not answered: {error}", remedy, error.detail)


def judge_uplink(mbits: float) -> Finding:
    """What a link of so many Mbit/s is good for."""
    words = f"{mbits:.2f} Mbit/s" if mbits < 10 else f"{mbits:.0f} Mbit/s"
    words += f"; speech needs {LIVE_MBITS} while it is spoken"
    if mbits >= LIVE_MBITS * 1.1:
        return Finding("uplink", "ok", words)
    if mbits >= LIVE_MBITS:
        return Finding("uplink", "warning", f"{words}: just enough", "nothing else should send on this link meanwhile")
    wait_s = 10 * (LIVE_MBITS / mbits - 1)
    return Finding(
        "uplink", "warning", f"{words}: after 10 s of speech, {wait_s:.0f} s more pass until all of it is sent",
        "a nearer access point, a cable, another line; nothing is lost, it only takes longer",
    )  # fmt: skip


class _Watch:
    """Notes when the sockets last had something that the other end had not taken yet.

    What was handed to the kernel may still wait there, or in a router's long queue.
    """

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        self._task: asyncio.Task[None]
        self.last_busy_at = 0.0

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        for opened in self._sockets:  # else a body that was refused half way would still be sent on
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    async def _run(self) -> None:
        while True:
            if any(self._waiting()):
                self.last_busy_at = time.monotonic()
            await asyncio.sleep(_LOOK_EVERY_S)

    def _waiting(self) -> Iterator[int]:
        for opened in self._sockets:
            with contextlib.suppress(OSError, ValueError):  # closed
                yield struct.unpack("i", fcntl.ioctl(opened.fileno(), termios.TIOCOUTQ, bytes(4)))[0]


class _Nobody:
    """An audience that only wants the turn to be over."""

    def on_wait(self, error: CloneError) -> None:
        pass

    def on_answer(self) -> None:
        pass

    def on_caption(self, text: str, *, final: bool) -> None:
        pass

    def on_picture(self, url: str) -> None:
        pass

    def on_citations(self, citations: tuple[Any, ...]) -> None:
        pass

    def on_play(self, samples: Any) -> None:
        pass

    def on_first_sound(self) -> None:
        pass
