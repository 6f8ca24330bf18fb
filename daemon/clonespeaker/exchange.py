"""One turn's way to the clone and back: utterance or text out, sound and text in.

While no part of a reply has come, what fails may be sent again (`attempts` has the rules). A reply that breaks off
is played as far as it came; its full text is looked up in the history for the screen; then the error goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from clonespeaker.attempts import Attempts
from clonespeaker.audio.pcm import SAMPLE_BYTES, Samples
from clonespeaker.audio.voice import Playing, Voice
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import Request
from clonespeaker.clone.reply import Citation, Final, Malformed, ReplyEvent, Snippet, Token
from clonespeaker.clone.snippets import SnippetDecoder
from clonespeaker.clone.upload import exact_body, in_pieces, live_body
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError, ClonespeakerError, DeviceError, MediaError
from clonespeaker.timeline import Timeline
from clonespeaker.utterance import Utterance

log = logging.getLogger(__name__)

_SPARE_MS = 1_000  # what a recording may be longer than its limit, in the header of a live upload


class Audience(Protocol):
    """Who is told what a turn brings, as it comes."""

    def on_caption(self, text: str, *, final: bool) -> None:
        """What the clone has said so far, in text."""

    def on_picture(self, url: str) -> None:
        """A picture the clone sends along."""

    def on_citations(self, citations: tuple[Citation, ...]) -> None:
        """Where the clone has it from."""

    def on_play(self, samples: Samples) -> None:
        """Sound on its way to the ear."""

    def on_first_sound(self) -> None:
        """The reply is being heard."""


@dataclass(slots=True)
class _Reply:
    """What has come of the reply so far."""

    text: str = ""
    began: bool = False
    sounded: bool = False
    malformed: int = 0


class Exchange:
    """Takes what users say to the clone, and what it answers to the speaker.

    Args:
        client: the clone.
        conversation: that this is part of.
        voice: None: replies are read, not heard.
        reply: "voice" or "text".
        stream: have the reply as it is made, not at once when it is ready.
        upload: "live", "exact" or "auto".
        image_url: a picture sent with every utterance.
        longest_ms: the longest utterance there may be.
        raw_rate_hz: the rate of sound that doesn't say.
    """

    def __init__(
        self,
        client: CloneClient,
        conversation: Conversation,
        voice: Voice | None,
        *,
        reply: str = "voice",
        stream: bool = True,
        upload: str = "auto",
        image_url: str | None = None,
        longest_ms: float = 60_000,
        raw_rate_hz: int = 44_100,
    ) -> None:
        self._client = client
        self._conversation = conversation
        self._voice = voice
        self._reply = reply
        self._stream = stream
        self._live = upload != "exact"
        self._may_fall_back = upload == "auto"
        self._image_url = image_url
        self._longest_ms = longest_ms
        self._raw_rate_hz = raw_rate_hz

    async def run(
        self, question: Utterance | str, timeline: Timeline, audience: Audience, *, image_url: str | None = None
    ) -> None:
        """One turn, until the reply's last sample has been heard. Cancelling this cancels the turn.

        An utterance may still be growing. `timeline` is filled in as things happen.

        Raises:
            CloneError: no answer, or none whole.
            DeviceError: no speaker to play it on; its text was told all the same.
            MediaError: its sound can't be decoded here.
        """
        turn = _Turn(self, question, timeline, audience, image_url or self._image_url)
        async with contextlib.AsyncExitStack() as stack:
            if self._voice is not None and self._reply == "voice":
                try:
                    turn.playback = await stack.enter_async_context(self._voice.play())
                except DeviceError as error:
                    turn.silent_because = error
            await turn.run()

    async def _body(
        self, conversation_id: str, question: Utterance | str, image_url: str | None, *, live: bool
    ) -> tuple[AsyncIterator[bytes], int | None]:
        """A request's body, and its length where that is known."""
        fields: dict[str, object] = {
            "conversation_id": conversation_id,
            "response_type": self._reply,
            "stream": self._stream,
        }
        if image_url:
            fields["image_url"] = image_url
        if isinstance(question, str):
            body = msgspec.json.encode(fields | {"user_message": question})
        elif live:
            longest = round((self._longest_ms + _SPARE_MS) / 1_000 * Utterance.RATE_HZ) * SAMPLE_BYTES
            return live_body(fields, question.pieces(), declared_bytes=longest), None
        else:
            async with self._client.kept_warm():  # a live upload has its connection by now
                recording = await question.whole()
            body = exact_body(fields, recording)
        return in_pieces(body), len(body)


class _Turn:
    """One run of an exchange."""

    def __init__(
        self,
        exchange: Exchange,
        question: Utterance | str,
        timeline: Timeline,
        audience: Audience,
        image_url: str | None,
    ) -> None:
        self._exchange = exchange
        self._question = question
        self._timeline = timeline
        self._audience = audience
        self._image_url = image_url
        self._decoder = SnippetDecoder(exchange._raw_rate_hz)
        self._reply = _Reply()
        self._attempts = Attempts(
            exchange._conversation,
            live=exchange._live and isinstance(question, Utterance),
            may_fall_back=exchange._may_fall_back,
        )
        self.playback: Playing | None = None
        self.silent_because: DeviceError | None = None

    async def run(self) -> None:
        if self.playback is not None:
            self.playback.on_play = self._audience.on_play
            self.playback.on_start = self._note_first_sound
        try:
            await self._ask_until_answered()
            await asyncio.gather(self._play_out(), *([] if self._reply.text else [self._recover_text()]))
        except ClonespeakerError:
            if self._reply.began:
                await asyncio.gather(self._play_what_came(), self._recover_text())
            raise
        finally:
            self._note_end()
        if self.silent_because is not None:
            raise self.silent_because
        if self.playback is not None and not self._reply.sounded:
            raise CloneError("there was no sound in the clone's answer that could be played", fault="reply-broken")
        if not self._reply.text and not self._reply.sounded:
            raise CloneError("there was nothing in the clone's answer that could be read", fault="reply-broken")

    async def _ask_until_answered(self) -> None:
        attempts = self._attempts
        while True:
            request = Request()
            try:
                return await self._ask(request, live=attempts.live)
            except CloneError as error:
                if self._reply.began:
                    raise
                await attempts.prepare_another(error, request)
                self._timeline.retries += 1

    async def _ask(self, request: Request, *, live: bool) -> None:
        if isinstance(self._question, Utterance):
            self._timeline.upload = "live" if live else "exact"
        conversation_id = await self._exchange._conversation.current()
        await self._attempts.begin()
        body, length = await self._exchange._body(conversation_id, self._question, self._image_url, live=live)
        events = self._exchange._client.generate(body, length=length, request=request)
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    await self._take(event)
        finally:
            self._timeline.connected = request.connected_at
            self._timeline.body_sent = request.body_sent_at
            self._timeline.first_event = request.first_event_at
            self._timeline.http_status = request.status
            if request.status == 200 and self._attempts.refused_live is not None:
                self._stay_with_exact(self._attempts.refused_live)

    def _stay_with_exact(self, why: CloneError) -> None:
        self._exchange._live = False
        log.warning("upload: the server takes no live upload (%s); from now on recordings are sent whole", why)

    async def _take(self, event: ReplyEvent) -> None:
        match event:
            case Token(text):
                self._reply.began = True
                self._reply.text += text
                self._audience.on_caption(self._reply.text, final=False)
            case Snippet(data):
                self._reply.began = True
                await self._play(data)
            case Malformed(reason, head):
                self._count_malformed(reason, head)
            case Final(text, citations, image_url, sound):
                self._reply.text = text if text is not None else self._reply.text
                self._audience.on_caption(self._reply.text, final=True)
                if citations:
                    self._audience.on_citations(citations)
                if image_url:
                    self._audience.on_picture(image_url)
                if not self._reply.sounded:
                    for piece in sound():  # a server that streams text, and gives the voice at the end
                        await self._play(piece)
                if self.playback is not None:
                    self.playback.complete()

    async def _play(self, snippet: bytes) -> None:
        if self.playback is None:
            return
        now = time.monotonic()
        try:
            for samples, rate_hz in self._decoder.decode(snippet):
                if self._timeline.first_audio is None:
                    self._timeline.first_audio = now
                self._timeline.last_audio = now
                self._reply.sounded = True
                await self.playback.put(samples, rate_hz)
        except DeviceError as error:
            if self.playback.first_heard_at is not None:
                raise
            self.playback, self.silent_because = None, error  # its text can be read all the same
        except MediaError as error:
            if error.fault is not None:
                raise
            self._count_malformed(str(error), "")

    def _count_malformed(self, reason: str, head: str) -> None:
        self._reply.malformed += 1
        # The head may hold what somebody said: not for the journal.
        log.debug("reply: malformed event %d begins %s", self._reply.malformed, head)
        if self._reply.malformed == 1:
            log.warning("reply: an event could not be read and is passed over (%s)", reason)

    async def _play_out(self) -> None:
        if self.playback is not None:
            self.playback.complete()
            await self.playback.drain()

    async def _play_what_came(self) -> None:
        with contextlib.suppress(DeviceError):  # either what broke off, or less than what did
            await self._play_out()

    async def _recover_text(self) -> None:
        """The whole text of a reply that broke off, from the history; as far as it came, where that fails."""
        with contextlib.suppress(CloneError):
            heard = await self._attempts.was_heard()
            for message in self._exchange._conversation.messages[-1:] if heard else ():
                if message.sender == "CLONE" and message.text:
                    self._reply.text = message.text
        self._audience.on_caption(self._reply.text, final=True)

    def _note_first_sound(self) -> None:
        assert self.playback is not None
        self._timeline.first_sound = self.playback.first_heard_at
        self._audience.on_first_sound()

    def _note_end(self) -> None:
        if isinstance(self._question, Utterance):
            self._timeline.utterance_ms = self._question.duration_ms
        if self.playback is not None:
            self._timeline.reply_ms = self.playback.played_ms
            self._timeline.underruns = self.playback.underruns
            self._timeline.drained = self.playback.last_heard_at
        if self._reply.malformed:
            log.warning("reply: %d events could not be read", self._reply.malformed)
