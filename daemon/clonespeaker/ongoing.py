"""The turn that is going on: its tasks, its recording, its timeline; what its exchange brings, told as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

import msgspec

from clonespeaker.audio.cleaner import Cleaner
from clonespeaker.audio.ear import Ear
from clonespeaker.audio.endpoint import Verdict
from clonespeaker.audio.loudness import Loudness
from clonespeaker.audio.microphone import Microphone, Recording
from clonespeaker.audio.pcm import Samples
from clonespeaker.clone.reply import Citation
from clonespeaker.errors import CloneError, ClonespeakerError, DeviceError
from clonespeaker.exchange import Exchange
from clonespeaker.news import News
from clonespeaker.timeline import Timeline
from clonespeaker.turn import Cancelled, Drained, Event, Failed, MicrophoneLost, NothingSaid, ReplyStarted, SpeechEnded
from clonespeaker.utterance import Utterance

log = logging.getLogger(__name__)

_CLOSES_WITHIN_S = 0.5
_WORTH_AN_ANSWER_MS = 1_000  # where the microphone went away in the middle of a question, pre-roll included
_SINCE_IT_WAS_OPENED_MS = 1_000  # more than a moment ago: all that a microphone has that was opened for this turn


class OngoingTurn:
    """One turn, from its press until it is closed; the audience of its exchange.

    Args:
        number: the turn's.
        question: what is asked; an `Utterance` still grows.
        pressed_at: when the button went down, in monotonic seconds.
        post: takes the events that stem from it.
        news: is told what it brings.

    Attributes:
        said_before: what the user had said before, as far as the history had it.
    """

    def __init__(
        self,
        number: int,
        question: Utterance | str,
        *,
        pressed_at: float,
        post: Callable[[Event], object],
        news: News,
    ) -> None:
        self.number = number
        self.question = question
        self.timeline = Timeline(pressed=pressed_at)
        self.said_before: list[str] = []
        self._post = post
        self._news = news
        self._recording: Recording | None = None
        self._heard = Loudness(Utterance.RATE_HZ)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, tasks: asyncio.TaskGroup, exchange: Exchange, *, image_url: str | None = None) -> None:
        """Let the exchange begin; it waits for the question as it grows."""
        if isinstance(self.question, str):
            self.timeline.released = self.timeline.pressed
        self._tasks.append(tasks.create_task(self._converse(exchange, image_url), name=f"turn {self.number}"))

    def record(
        self,
        tasks: asyncio.TaskGroup,
        microphone: Microphone,
        *,
        cleaner: Cleaner | None = None,
        pre_roll_ms: float,
        keep_open: bool,
        after: asyncio.Task[None] | None = None,
        start: Callable[[asyncio.Task[None] | None], Awaitable[float | None]],
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Let the question grow by what the microphone hears, until `finish`.

        Args:
            tasks: where this runs.
            microphone: to be opened, where it is not kept open.
            cleaner: of what it hears; None: that is sent as it comes.
            pre_roll_ms: what of before now belongs to it.
            keep_open: whether it stays open between turns.
            after: the turn before being closed: it may still be giving the microphone back, and its reply fade out.
            start: tells the user that it listens, once that is so, and from when on what is heard counts; None: what
                was heard before counts, too.
            on_end: called when the last of it has been heard.
        """
        recording = self._record(microphone, cleaner, pre_roll_ms, keep_open, after, start, on_end)
        self._tasks.append(tasks.create_task(recording, name=f"recording {self.number}"))

    def hear_the_end(self, tasks: asyncio.TaskGroup, ear: Ear, *, end_after_ms: float) -> None:
        """Tell when the user has finished, by `ear`."""
        self._tasks.append(tasks.create_task(self._hear_the_end(ear, end_after_ms), name=f"ear {self.number}"))

    def finish(self) -> None:
        """The user has finished."""
        self.timeline.released = time.monotonic()
        if self._recording is not None:
            self._recording.finish()

    async def close(self) -> None:
        """Stop whatever of it still goes on: an upload breaks off, a reply fades out."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _converse(self, exchange: Exchange, image_url: str | None) -> None:
        try:
            await exchange.run(self.question, self.timeline, self, image_url=image_url)
        except ClonespeakerError as error:
            self._post(Failed(self.number, error))
        else:
            self._post(Drained(self.number))

    async def _record(
        self,
        microphone: Microphone,
        cleaner: Cleaner | None,
        pre_roll_ms: float,
        keep_open: bool,
        after: asyncio.Task[None] | None,
        start: Callable[[asyncio.Task[None] | None], Awaitable[float | None]],
        on_end: Callable[[], None],
    ) -> None:
        assert isinstance(self.question, Utterance)
        if not keep_open and after is not None:
            await asyncio.wait([after])
        overflows_before = microphone.overflows
        try:
            if microphone.stream is None:
                await microphone.in_thread(microphone.open)
                self._news.end_fault("no-microphone")
                pre_roll_ms = _SINCE_IT_WAS_OPENED_MS
            begins_at = await start(after)
            if begins_at is not None and self.timeline.released is not None:  # the user was not told to speak yet
                self._post(Cancelled(self.number))
                return
            self._recording = recording = microphone.record(pre_roll_ms=pre_roll_ms if begins_at is None else 0)
            self.timeline.first_frame = max(recording.first_frame_at, begins_at or 0.0)
            too_early = round((self.timeline.first_frame - recording.first_frame_at) * Utterance.RATE_HZ)
            if self.timeline.released is not None:  # while the microphone was being opened
                recording.finish()
            hint = await self._hear_out(recording, cleaner, too_early)
            if hint is not None and hint.fault == "no-sound":
                self._post(Failed(self.number, hint))  # and the question never ends: what went out breaks off
            else:
                self.question.end()
                on_end()
                if hint is not None:
                    self._news.begin_fault(hint)
            if recording.lost_samples:
                log.warning("turn %d: %d samples lost; this machine is too busy", self.number, recording.lost_samples)
        except DeviceError as error:
            if self.question.duration_ms < _WORTH_AN_ANSWER_MS:
                self._post(Failed(self.number, error))
            else:
                self.question.end()
                self._post(MicrophoneLost(self.number, error))
        finally:
            self.timeline.overflows = microphone.overflows - overflows_before
            if not keep_open:
                with contextlib.suppress(DeviceError, TimeoutError):  # it hangs; who keeps the devices sees that
                    async with asyncio.timeout(_CLOSES_WITHIN_S):
                        await asyncio.shield(asyncio.ensure_future(microphone.in_thread(microphone.close)))

    async def _hear_the_end(self, ear: Ear, end_after_ms: float) -> None:
        assert isinstance(self.question, Utterance)
        verdict = await ear.listen(self.question.pieces(), end_after_ms=end_after_ms)
        if verdict is Verdict.SPEECH_ENDED:
            self._post(SpeechEnded(self.number))
        elif verdict is Verdict.NOTHING_SAID:
            error = self._heard.error()
            no_sound = error is not None and error.fault == "no-sound"  # then it is not the visitor's fault
            self._post(Failed(self.number, error) if no_sound else NothingSaid(self.number))

    async def _hear_out(
        self, recording: Recording, cleaner: Cleaner | None, too_early: int
    ) -> ClonespeakerError | None:
        """Let the question grow until the recording is over; what is wrong with its level, if so.

        Args:
            recording: of which the first samples do not count:
            too_early: so many.
            cleaner: of the others.
        """
        assert isinstance(self.question, Utterance)
        heard, sent = self._heard, Loudness(Utterance.RATE_HZ)
        cleaning = cleaner.begin() if cleaner is not None else None
        async for samples in recording:
            self._news.level("microphone", samples)
            counts = samples[too_early:]
            too_early -= samples.size - counts.size
            heard.add(counts)
            if cleaning is not None:
                counts = await asyncio.to_thread(cleaning.add, counts)
                sent.add(counts)
            self.question.add(counts)
        if cleaning is not None:
            self.question.add(await asyncio.to_thread(cleaning.finish))
            if heard.fault == "too-quiet":  # automatic gain may have made up for it
                return sent.error()
        return heard.error()

    # The exchange's audience

    def on_wait(self, error: CloneError) -> None:
        """What went wrong is told while it is tried again."""
        self._news.begin_fault(error)

    def on_answer(self) -> None:
        """So whatever was wrong with the clone is over."""
        self._news.end_faults_of_the_clone()

    def on_caption(self, text: str, *, final: bool) -> None:
        """What the clone has said so far."""
        self._news.publish("caption", turn=self.number, who="clone", text=text, final=final)

    def on_picture(self, url: str) -> None:
        """A picture of the clone's."""
        self._news.publish("picture", turn=self.number, url=url)

    def on_citations(self, citations: tuple[Citation, ...]) -> None:
        """Where the clone has it from."""
        self._news.publish("citations", turn=self.number, citations=msgspec.to_builtins(citations))

    def on_play(self, samples: Samples) -> None:
        """Sound on its way to the ear."""
        self._news.level("speaker", samples)

    def on_first_sound(self) -> None:
        """The reply is being heard."""
        self._post(ReplyStarted(self.number))
