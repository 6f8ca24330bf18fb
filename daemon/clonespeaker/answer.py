"""What the clone answers to one question: its text told, its sound played, as they come."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import Protocol

from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.voice import Playing
from clonespeaker.clone.reply import Citation, Final, Malformed, ReplyEvent, Snippet, Token
from clonespeaker.clone.snippets import SnippetDecoder
from clonespeaker.errors import CloneError, DeviceError, MediaError
from clonespeaker.timeline import Timeline

log = logging.getLogger(__name__)

TEXT_MOST_CHARACTERS = 100_000
"""Of one answer: nearly two hours of speech. With each token all before it is told again, so it can't be endless."""


class Audience(Protocol):
    """Who is told what a turn brings, as it comes."""

    def on_wait(self, error: CloneError) -> None:
        """It is tried again in a moment; what went wrong, and when that is."""

    def on_answer(self) -> None:
        """The clone answers."""

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


class Answer:
    """One answer, event by event.

    Args:
        playback: where its sound goes; None: its text is all that is wanted.
        silent_because: why there is no speaker, where one is wanted; told at the end.
        audience: is told.
        timeline: is filled in.
        raw_rate_hz: the rate of sound that doesn't say.

    Attributes:
        text: what of it is known so far.
        began: some of it has come.
    """

    def __init__(
        self,
        playback: Playing | None,
        silent_because: DeviceError | None,
        *,
        audience: Audience,
        timeline: Timeline,
        raw_rate_hz: int,
    ) -> None:
        self._playback = playback
        self._silent_because = silent_because
        self._audience = audience
        self._timeline = timeline
        self._decoder = SnippetDecoder(raw_rate_hz)
        self._sounded = False
        self._malformed = 0
        self.text = ""
        self.began = False
        if playback is not None:
            playback.on_play = audience.on_play
            playback.on_start = self._note_first_sound

    @property
    def is_mp3(self) -> bool:
        """Whether its sound is."""
        return self._decoder.is_mp3

    async def take(self, event: ReplyEvent) -> None:
        """The next event of it. Waits while enough sound is waiting to be heard.

        Raises:
            DeviceError: the speaker went away.
            MediaError: its sound can't be decoded here.
        """
        match event:
            case Token(text):
                self.began = True
                self.tell(self.text + text, final=False)
            case Snippet(data, goes_on):
                self.began = True
                await self._play(data, goes_on=goes_on)
            case Malformed(reason, head):
                self._count_malformed(reason, head)
            case Final(text, citations, image_url, sound):
                self.tell(text if text is not None else self.text, final=True)
                if citations:
                    self._audience.on_citations(citations)
                if image_url:
                    self._audience.on_picture(image_url)
                if not self._sounded:
                    # A server that streams text, and gives the voice at the end.
                    for number, piece in enumerate(sound()):
                        await self._play(piece, goes_on=number > 0)
                if self._playback is not None:
                    self._playback.complete()

    def tell(self, text: str, *, final: bool) -> None:
        """This is what the clone says; what is beyond `TEXT_MOST_CHARACTERS` is left out."""
        if len(text) > TEXT_MOST_CHARACTERS:
            text = text[:TEXT_MOST_CHARACTERS] + " …"
        if final or text != self.text:
            self.text = text
            self._audience.on_caption(text, final=final)

    async def play_out(self) -> None:
        """No more comes: wait until all of it has been heard. Raises DeviceError."""
        if self._playback is not None:
            self._playback.complete()
            await self._playback.drain()

    async def play_what_came(self) -> None:
        """The same for one that broke off."""
        with contextlib.suppress(DeviceError):  # either what broke off, or less than what did
            await self.play_out()

    def note_end(self) -> None:
        """The turn is over; how much of it was heard goes into the timeline."""
        if self._playback is not None:
            self._timeline.reply_ms = self._playback.played_ms
            self._timeline.underruns = self._playback.underruns
            self._timeline.drained = self._playback.last_heard_at
        if self._malformed:
            log.warning("reply: %d events could not be read", self._malformed)

    def check(self) -> None:
        """Raise what is missing in one that is whole.

        Raises:
            CloneError: sound, or anything at all.
            DeviceError: a speaker.
        """
        if self._silent_because is not None:
            raise self._silent_because
        if self._playback is not None and not self._sounded:
            raise CloneError("there was no sound in the clone's answer that could be played", fault="reply-broken")
        if not self.text and not self._sounded:
            raise CloneError("there was nothing in the clone's answer that could be read", fault="reply-broken")

    async def _play(self, snippet: bytes, *, goes_on: bool) -> None:
        if self._playback is None:
            return
        now = time.monotonic()
        try:
            for samples, rate_hz in self._decoder.decode(snippet, goes_on=goes_on):
                if self._timeline.first_audio is None:
                    self._timeline.first_audio = now
                self._timeline.last_audio = now
                self._sounded = True
                await self._playback.put(samples, rate_hz)
        except DeviceError as error:
            if self._playback.first_heard_at is not None:
                raise
            self._playback, self._silent_because = None, error  # its text can be read all the same
        except MediaError as error:
            if error.fault is not None:
                raise
            self._count_malformed(str(error), "")

    def _count_malformed(self, reason: str, head: str) -> None:
        self._malformed += 1
        # The head may hold what somebody said: not for the journal.
        log.debug("reply: malformed event %d begins %s", self._malformed, head)
        if self._malformed == 1:
            log.warning("reply: an event could not be read and is passed over (%s)", reason)

    def _note_first_sound(self) -> None:
        assert self._playback is not None
        self._timeline.first_sound = self._playback.first_heard_at
        self._audience.on_first_sound()
