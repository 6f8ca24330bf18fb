"""One turn's way to the clone and back: utterance or text out, sound and text in.

While no part of a reply has come, what fails may be sent again (`attempts` has the rules). A reply that breaks off
is played as far as it came; its full text is looked up in the history for the screen; then the error goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import msgspec

from clonespeaker.answer import Answer, Audience
from clonespeaker.asked import Asked
from clonespeaker.attempts import Attempts
from clonespeaker.audio.pcm import SAMPLE_BYTES
from clonespeaker.audio.voice import Voice
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import Request
from clonespeaker.clone.upload import exact_body, in_pieces, live_body
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError, ClonespeakerError, DeviceError
from clonespeaker.state import EXACT_FOR_S
from clonespeaker.timeline import Timeline
from clonespeaker.utterance import Utterance

log = logging.getLogger(__name__)

_TEXT_AFTER_S = (0.0, 1.0, 2.0)  # looks for the text of a reply that broke off; the clone may still be at it
_TEXT_WITHIN_S = 4.0  # on a network that is dead, nothing comes; the fault waits to be told
_BREAKS = 2  # live uploads in a row that broke off and went whole: then live is no accident of the network's
_SPARE_MS = 1_000  # what a recording may be longer than its limit, in the header of a live upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How questions are put. Another may take its place at any time.

    Attributes:
        reply: "voice" or "text".
        stream: have the reply as it is made, not at once when it is ready.
        upload: "live", "exact" or "auto".
        image_url: a picture sent with every utterance.
        retry_for_s: how long after its end a question is tried again.
        longest_ms: the longest utterance there may be.
        raw_rate_hz: the rate of sound that doesn't say.
    """

    reply: str = "voice"
    stream: bool = True
    upload: str = "auto"
    image_url: str | None = None
    retry_for_s: float = 20
    longest_ms: float = 60_000
    raw_rate_hz: int = 44_100


class Exchange:
    """Takes what users say to the clone, and what it answers to the speaker.

    Args:
        client: the clone.
        conversation: that this is part of.
        voice: None: replies are read, not heard.
        manner: may be changed between turns.

    Attributes:
        on_mp3: called after each answer that came in MP3.
        on_upload: called when it has shown whether the server takes live uploads, and that was not known yet.
    """

    def __init__(
        self,
        client: CloneClient,
        conversation: Conversation,
        voice: Voice | None,
        manner: Manner,
    ) -> None:
        self._client = client
        self._conversation = conversation
        self._asked = Asked(conversation)
        self._voice = voice
        self.manner = manner
        self._whole_since: float | None = None  # in monotonic seconds
        self._found_live: bool | None = None
        self._breaks = 0  # live uploads that broke off, since the last that was taken
        self._upload_to_tell: bool | None = None
        self.on_mp3: Callable[[], object] = lambda: None
        self.on_upload: Callable[[bool], object] = lambda live: None

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
        playback, silent_because = None, None
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._tell_upload)  # last of all: it may be written to the disk, and somebody waits
            if self._voice is not None and self.manner.reply == "voice":
                try:
                    playback = await stack.enter_async_context(self._voice.play())
                except DeviceError as error:
                    silent_because = error
            answer = Answer(
                playback, silent_because, audience=audience, timeline=timeline, raw_rate_hz=self.manner.raw_rate_hz
            )
            await _Turn(self, question, answer, timeline, audience, image_url or self.manner.image_url).run()
            if answer.is_mp3:
                self.on_mp3()

    @property
    def _may_go_live(self) -> bool:
        return self.manner.upload == "live" or (self.manner.upload == "auto" and self.takes_live)

    @property
    def takes_live(self) -> bool:
        """Whether the server is taken to take live uploads; what `auto` goes by."""
        return self._whole_since is None or time.monotonic() - self._whole_since > EXACT_FOR_S

    def send_whole(self) -> None:
        """It took no live upload; `auto` tries none for a week."""
        self._whole_since = time.monotonic()

    def expect_live(self) -> None:
        """It has taken live uploads before; so one that breaks off is taken for an accident."""
        self._found_live = True

    def note_upload(self, live: bool) -> None:
        """The server has taken a live upload, or has refused one in words and taken the same whole."""
        if live != self._found_live or not live:  # a refusal is found anew once a week, and holds for another
            self._found_live = self._upload_to_tell = live
        self._breaks = 0

    def note_break(self) -> bool:
        """A live upload broke off without a word, and went whole; whether that shows that it takes none."""
        self._breaks += 1
        return not self._found_live or self._breaks >= _BREAKS

    def _tell_upload(self) -> None:
        live, self._upload_to_tell = self._upload_to_tell, None
        if live is not None:
            self.on_upload(live)

    async def _body(
        self, conversation_id: str, question: Utterance | str, image_url: str | None, *, live: bool
    ) -> tuple[AsyncIterator[bytes], int | None]:
        """A request's body, and its length where that is known."""
        fields: dict[str, object] = {
            "conversation_id": conversation_id,
            "response_type": self.manner.reply,
            "stream": self.manner.stream,
        }
        if image_url:
            fields["image_url"] = image_url
        if isinstance(question, str):
            body = msgspec.json.encode(fields | {"user_message": question})
            return in_pieces([body]), len(body)
        if live:
            longest = round((self.manner.longest_ms + _SPARE_MS) / 1_000 * Utterance.RATE_HZ) * SAMPLE_BYTES
            return live_body(fields, question.pieces(), declared_bytes=longest), None
        async with self._client.kept_warm():  # a live upload has its connection by now
            recording = await question.whole()
        pieces, length = exact_body(fields, recording)
        return in_pieces(pieces), length


class _Turn:
    """One run of an exchange: asks until there is an answer."""

    def __init__(
        self,
        exchange: Exchange,
        question: Utterance | str,
        answer: Answer,
        timeline: Timeline,
        audience: Audience,
        image_url: str | None,
    ) -> None:
        self._exchange = exchange
        self._question = question
        self._answer = answer
        self._timeline = timeline
        self._audience = audience
        self._image_url = image_url
        self._attempts = Attempts(
            exchange._conversation,
            exchange._asked,
            text=question if isinstance(question, str) else None,
            live=exchange._may_go_live and isinstance(question, Utterance),
            may_fall_back=exchange.manner.upload == "auto",
            retry_for_s=exchange.manner.retry_for_s,
            question_ended_at=lambda: timeline.released,
            on_wait=audience.on_wait,
        )

    async def run(self) -> None:
        answer = self._answer
        try:
            await self._ask_until_answered()
            await asyncio.gather(answer.play_out(), *([] if answer.text else [self._recover_text()]))
        except ClonespeakerError:
            if answer.began or self._attempts.heard:
                await asyncio.gather(answer.play_what_came(), self._recover_text())
            raise
        finally:
            self._attempts.end()
            if isinstance(self._question, Utterance):
                self._timeline.utterance_ms = self._question.duration_ms
            answer.note_end()
        answer.check()

    async def _ask_until_answered(self) -> None:
        attempts = self._attempts
        while True:
            request = Request()
            try:
                return await self._ask(request, live=attempts.live)
            except CloneError as error:
                if self._answer.began:
                    raise
                await attempts.prepare_another(error, request)
                self._timeline.retries += 1

    async def _ask(self, request: Request, *, live: bool) -> None:
        if isinstance(self._question, Utterance):
            self._timeline.upload = "live" if live else "exact"
        conversation_id = await self._exchange._conversation.current()
        self._attempts.begin(conversation_id, request)
        body, length = await self._exchange._body(conversation_id, self._question, self._image_url, live=live)
        events = self._exchange._client.generate(body, length=length, request=request)
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    if not self._answer.began:
                        self._attempts.answered()
                        self._audience.on_answer()
                    await self._answer.take(event)
        finally:
            self._timeline.connected = request.connected_at
            self._timeline.body_sent = request.body_sent_at
            self._timeline.first_event = request.first_event_at
            self._timeline.http_status = request.status
            if request.status == 200 and self._attempts.refused_live is not None:
                self._learn_from(self._attempts.refused_live)
            elif request.status == 200 and live:
                self._exchange.note_upload(live=True)

    def _learn_from(self, refusal: CloneError) -> None:
        if refusal.status is not None:  # a connection that merely broke off says too little to be saved
            self._exchange.note_upload(live=False)
        elif not self._exchange.note_break():
            return
        self._exchange.send_whole()
        log.warning("upload: the server takes no live upload (%s); for a week, recordings are sent whole", refusal)

    async def _recover_text(self) -> None:
        """The whole text of a reply that broke off, from the history; as far as it came, where that fails."""
        text = self._answer.text
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TEXT_WITHIN_S):
                for pause_s in _TEXT_AFTER_S:
                    await asyncio.sleep(pause_s)
                    with contextlib.suppress(CloneError):
                        heard = await self._attempts.was_heard()
                        last = self._exchange._conversation.messages[-1:] if heard else []
                        if last and last[0].sender == "CLONE" and last[0].text:
                            text = last[0].text
                            break
        self._answer.tell(text, final=True)
