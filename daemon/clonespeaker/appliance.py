"""The control plane: presses and commands in, actions out.

`turn.py` decides; this does what it decided. Events go through one inbox, one at a time; each action is quick, and
what takes time runs as a task of the turn, which is cancelled with it. No audio passes through here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from clonespeaker.audio.cleaner import Cleaner
from clonespeaker.audio.ear import Ear
from clonespeaker.audio.microphone import Microphone
from clonespeaker.audio.speaker import Speaker
from clonespeaker.conversation import Conversation
from clonespeaker.cues import Earcon
from clonespeaker.dials import Dials
from clonespeaker.errors import CloneError, ClonespeakerError, DeviceError
from clonespeaker.exchange import Exchange
from clonespeaker.hand import Effect, Habits, Hand, Obeyed
from clonespeaker.news import News
from clonespeaker.ongoing import OngoingTurn
from clonespeaker.quiet import Quiet
from clonespeaker.signals import Signals
from clonespeaker.sounds.repertoire import Repertoire
from clonespeaker.turn import (
    Action,
    Cancelled,
    Event,
    Failed,
    LimitReached,
    MicrophoneLost,
    Outcome,
    Pressed,
    PressRefused,
    Said,
    Started,
    State,
    Turn,
    step,
)
from clonespeaker.utterance import Utterance

log = logging.getLogger(__name__)

_LOOKS_ON_FOR_S = 1.0  # for what was said in the turn before; then the one going on has the line for itself

_OUTCOMES = {
    Action.CLOSE_ANSWERED: Outcome.ANSWERED,
    Action.CLOSE_TAPPED: Outcome.TAPPED,
    Action.CLOSE_CANCELLED: Outcome.CANCELLED,
    Action.CLOSE_FAILED: Outcome.FAILED,
}


class Appliance:
    """One device: where it stands, and what it does about events.

    Args:
        microphone: opened and kept open by others, or, where `keep_open` is false, by each turn.
        speaker: opened by others.
        exchange: the way to the clone and back.
        conversation: that the exchange is part of.
        news: is told what happens.
        ear: hears when the user has finished, where a press leaves that to it; None: nobody does.
        repertoire: what it can sound by itself.
        keep_open: whether the microphone stays open between turns.
        habits: how it takes what its user does.
        muted: whether it begins so.
        cleaner: of what the microphone hears; None: it is sent as it comes.
    """

    def __init__(
        self,
        *,
        microphone: Microphone,
        speaker: Speaker,
        exchange: Exchange,
        conversation: Conversation,
        news: News,
        ear: Ear | None = None,
        repertoire: Repertoire,
        keep_open: bool = True,
        habits: Habits,
        muted: bool = False,
        cleaner: Cleaner | None = None,
    ) -> None:
        self._microphone = microphone
        self._exchange = exchange
        self._conversation = conversation
        self._news = news
        self._ear = ear
        self._keep_open = keep_open
        self._cleaner = cleaner
        self._quiet = Quiet(
            speaker,
            conversation,
            news,
            new_conversation_after_s=lambda: self.hand.habits.new_conversation_after_s,
            is_at_rest=self.is_at_rest,
            start=self._start,
        )
        self._signals = Signals(speaker, repertoire, lambda: self.hand.habits, on_quiet=self._quiet.rest_later)
        self._mute_is_unsounded = False
        self._has_ended = False
        self._inbox: asyncio.Queue[tuple[Event, Obeyed]] = asyncio.Queue()
        self._tasks: asyncio.TaskGroup
        self._ongoing: OngoingTurn | None = None
        self._closing: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self.devices = asyncio.Lock()
        """Held while the devices are looked for anew: what happens meanwhile is obeyed right after."""
        self.turn = Turn()
        self.hand = Hand(self.post, news, habits, turn=lambda: self.turn)
        """What is pressed."""
        self.dials = Dials(speaker, news, muted=muted, confirm=self._confirm, on_mute=self._break_off_the_question)
        """What is set."""

    async def run(self) -> None:
        """Obey events until cancelled. An exception that is nobody's fault but ours ends it."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._signals.tasks = self._tasks
                self.post(Started())
                self._quiet.begin()  # a conversation from before a restart ends likewise
                self._start(self._signals.tell_what_is_wrong_at_the_start(lambda: self._news.faults, self.is_at_rest))
                while True:
                    await self._obey_next()
        finally:
            self._has_ended = True  # programs and buttons are still there for a moment
            while not self._inbox.empty():
                _tell(self._inbox.get_nowait()[1], None)
            self._signals.end()
            self._quiet.end()
            self._stop_timers()

    # What comes in

    def post(self, event: Event) -> Obeyed:
        """Something happened, and will be obeyed after all that happened before. Loop only."""
        obeyed: Obeyed = asyncio.get_running_loop().create_future()
        if self._has_ended:
            _tell(obeyed, None)
        else:
            self._inbox.put_nowait((event, obeyed))
        return obeyed

    def is_listening(self) -> bool:
        """Whether the user is speaking."""
        return self.turn.state is State.LISTENING

    def is_at_rest(self) -> bool:
        """Whether nobody speaks: neither the user, nor the clone, nor the device itself."""
        closing = self._closing is not None and not self._closing.done()
        return self._ongoing is None and not closing and not self._signals.sounding

    def _refusal(self) -> ClonespeakerError | None:
        """Why a press can't be obeyed now, if so."""
        if (error := self.dials.refusal()) is not None:
            return error
        if self._keep_open and self._microphone.stream is None:
            return DeviceError("microphone", self._news.faults.get("no-microphone", "the microphone is not open yet"))
        return None

    def _confirm(self, earcon: Earcon) -> None:
        """What a hand has done, in sound; not into anybody's speech."""
        if self.turn.state in (State.IDLE, State.THINKING):
            self._signals.sound(earcon)
        elif self.is_listening() and earcon is Earcon.MUTED:
            self._mute_is_unsounded = True  # until that turn is closed

    def _break_off_the_question(self) -> None:
        if self.is_listening():
            self.post(Cancelled())

    def renew_conversation(self) -> None:
        """Begin a new one; where that can't be done, say so to whoever has pressed something."""
        if not self._has_ended:
            self._start(self._renew())

    def snapshot(self) -> dict[str, Any]:
        """How things stand, as the status protocol has it; without `device` and `clone`, which are not known here."""
        return {
            "state": self.turn.state,
            "muted": self.dials.muted,
            "mute_switch": self.dials.mute_switch,
            "volume": self.dials.volume,
            "faults": list(self._news.faults),
            "causes": dict(self._news.faults),
            "conversation": {
                "id": self._conversation.id,
                "messages": msgspec.to_builtins(self._conversation.messages),
            },
            "turn": self._number,
            "turns": list(self._news.turns),
            "totals": {**self._news.tally.totals, "overflows": self._microphone.overflows},
        }

    @property
    def _number(self) -> int | None:
        return self._ongoing.number if self._ongoing else None

    # What is done

    async def _obey_next(self) -> None:
        event, obeyed = await self._inbox.get()
        effect = None
        try:
            async with self.devices:
                effect = self._obey(event)
        finally:
            _tell(obeyed, effect)

    def _obey(self, event: Event) -> Effect:
        before = self.turn
        if isinstance(event, Pressed) and (error := self._refusal()) is not None:
            event = PressRefused(error=error)
        self.turn, actions = step(before, event)
        was_spoken = self._ongoing is not None and isinstance(self._ongoing.question, Utterance)
        for action in actions:
            match action:
                case Action.LISTEN:
                    assert isinstance(event, Pressed)
                    self._listen(event)
                case Action.ASK:
                    assert isinstance(event, Said)
                    self._ask(event.text, event.image_url)
                case Action.FINISH:
                    self._finish(at_limit=isinstance(event, LimitReached))
                case Action.TELL:
                    assert isinstance(event, PressRefused | Failed)
                    self._note(event.error)
                    asked = was_spoken or isinstance(event, PressRefused)
                    fault = (event.error and event.error.fault) or "rejected"
                    self._signals.tell(fault, asked=asked, after=self._closing)
                case Action.HINT:
                    self._news.begin_fault(_nobody_spoke())
                    self._signals.tell("nothing-heard", asked=True, after=self._closing)
                case Action.NOTE:
                    assert isinstance(event, MicrophoneLost)
                    self._note(event.error)
                case _:
                    self._close(_OUTCOMES[action], event.error if isinstance(event, Failed) else None)
        if self.turn != before:
            log.info("%s (turn %d)", self.turn.state, self.turn.number)
            self._news.stand(self.turn.state, self._number)
            self._signals.stand(self.turn.state)
        return event, actions

    def _listen(self, pressed: Pressed) -> None:
        turn = self._begin(Utterance(), self.hand.pressed_at)
        turn.start(self._tasks, self._exchange)
        # What was said while it was muted stays unheard, and so does what it sounded itself.
        heard_for_s = time.monotonic() - max(self.dials.unmuted_at, self._signals.heard_until)
        turn.record(
            self._tasks,
            self._microphone,
            cleaner=self._cleaner,
            pre_roll_ms=max(0.0, min(self.hand.habits.pre_roll_ms, heard_for_s * 1_000)),
            keep_open=self._keep_open,
            after=self._closing,
            start=self._signals.sound_start,
            on_end=self._confirm_end,
        )
        if pressed.until_quiet and self._ear is not None and self.hand.habits.end_after_ms:
            turn.hear_the_end(self._tasks, self._ear, end_after_ms=self.hand.habits.end_after_ms)
        self._after(self.hand.habits.max_seconds, lambda: self.post(LimitReached(turn.number)))
        if (lasts_s := pressed.lasts_s) is not None:
            self._after(lasts_s, lambda: self.post(self.hand.let_go(lasts_s, turn.number)))

    def _confirm_end(self) -> None:
        if self.turn.state is State.THINKING:
            self._signals.sound(Earcon.STOP)

    def _ask(self, text: str, image_url: str | None) -> None:
        turn = self._begin(text, time.monotonic())
        turn.start(self._tasks, self._exchange, image_url=image_url)
        self._news.publish("caption", turn=turn.number, who="user", text=text, final=True)

    def _begin(self, question: Utterance | str, pressed_at: float) -> OngoingTurn:
        self._quiet.end()
        self._signals.hush()
        self._news.end_hints()
        turn = OngoingTurn(self.turn.number, question, pressed_at=pressed_at, post=self.post, news=self._news)
        turn.said_before = self._conversation.said_by_user()
        if self._looking is not None:  # a long history may take a minute; the look after this turn has all of it
            asyncio.get_running_loop().call_later(_LOOKS_ON_FOR_S, self._looking.cancel)
        self._ongoing = turn
        return turn

    def _finish(self, *, at_limit: bool) -> None:
        assert self._ongoing is not None
        self._stop_timers()
        self._ongoing.finish()
        if at_limit and self.hand.is_down and not self.hand.habits.tap_mode:
            self.hand.stuck(f"has been down for {self.hand.habits.max_seconds:g} s; what was said is sent")

    def _close(self, outcome: Outcome, error: ClonespeakerError | None) -> None:
        turn, self._ongoing = self._ongoing, None
        assert turn is not None
        self._stop_timers()
        self._signals.hush()
        self._closing = self._start(self._report(turn, outcome, error))
        if self._mute_is_unsounded:
            self._signals.sound(Earcon.MUTED, after=self._closing)
            self._mute_is_unsounded = False
        if outcome is Outcome.ANSWERED:
            self._news.end_faults_of_the_clone()
        self._quiet.begin()

    async def _report(self, turn: OngoingTurn, outcome: Outcome, error: ClonespeakerError | None) -> None:
        await turn.close()
        self._news.turn_over(turn.number, outcome, error, turn.timeline)
        if outcome is not Outcome.TAPPED:
            was_heard = outcome is Outcome.ANSWERED or (error is not None and error.fault == "reply-broken")
            tell = was_heard and isinstance(turn.question, Utterance)
            self._looking = self._start(self._look_up_what_was_said(turn, tell=tell))

    async def _look_up_what_was_said(self, turn: OngoingTurn, *, tell: bool) -> None:
        """What the clone understood is known to its history alone, and screens want it."""
        with contextlib.suppress(CloneError):
            await self._conversation.refresh(for_screens=True)
            said = self._conversation.said_by_user()
            if tell and said and said != turn.said_before:
                self._news.publish("caption", turn=turn.number, who="user", text=said[-1], final=True)

    def _note(self, error: ClonespeakerError | None) -> None:
        assert error is not None
        # Why a device is missing has been told by who keeps it open; a turn that misses it knows less.
        if not (isinstance(error, DeviceError) and error.fault in self._news.faults):
            self._news.begin_fault(error)

    async def _renew(self) -> None:
        try:
            await self._conversation.renew()
            self._confirm(Earcon.READY)
        except CloneError as error:
            self._note(error)
            if self.turn.state is State.IDLE:  # a hand has asked for it
                self._signals.tell(error.fault or "rejected", asked=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    def _after(self, seconds: float, call: Callable[[], object]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, call))

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


def _tell(obeyed: Obeyed, effect: Effect | None) -> None:
    if not obeyed.done():  # whoever waited may have gone
        obeyed.set_result(effect)


def _nobody_spoke() -> ClonespeakerError:
    return ClonespeakerError("nobody spoke after the tap; tap once more, and speak", fault="nothing-heard")
