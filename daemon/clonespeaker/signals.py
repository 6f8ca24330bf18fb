"""Earcons and spoken faults: when each of them sounds, and that they are in nobody's way.

They lie beside what is played (`audio/aside`): a reply cuts them with its first sample and never waits for them. They
are never over a reply and never while the user speaks; a press fades out whatever sounds.

| what happens | earcon | words |
|---|---|---|
| a press, where `sounds.start` is on | start; the recording begins when it has been heard | |
| the recording has ended, and the clone is asked | stop | |
| the clone thinks for 1.5 s, and every 4 s more | thinking | |
| a press can't be obeyed | the fault's | the fault's, each time |
| a turn fails that somebody spoke | the fault's | the fault's, each time |
| a turn fails that a program asked | the fault's | not again within a minute |
| something is wrong at the start | the fault's | once |
| something goes wrong, or is well again, while nobody asks | | |
| muted, unmuted, the volume set | its own | |
| a new conversation that a hand asked for | ready | |

At the start, what the server has said for certain is told at once; all else if it is still so after 20 s, for a network
or a card may take so long. Not where somebody has asked or pressed by then, and so was told. So nobody is woken at
night, and who asks is always told. At volume 0 nothing of this is heard: somebody wanted silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial

from clonespeaker.audio.speaker import Speaker
from clonespeaker.cues import FAULTS, Earcon, gravest
from clonespeaker.errors import DeviceError
from clonespeaker.hand import Habits
from clonespeaker.sounds.repertoire import Repertoire, Sound
from clonespeaker.turn import State

_THINKING_AFTER_S, _THINKING_EVERY_S = 1.5, 4.0
_NOT_AGAIN_WITHIN_S = 60.0
_SETTLED_S = 20.0
_CERTAIN = {"refused", "prerequisites", "no-clone"}
_PAUSE_S = 0.15  # between an earcon and words
_AFTER_START_S = 0.03  # for what the room gives back of it


class Signals:
    """What a device sounds by itself.

    Args:
        speaker: where.
        repertoire: what there is.
        habits: what of it is wanted; may change at any time.
        on_quiet: called when something has sounded.

    Attributes:
        tasks: where sounding runs; to be set before anything is sounded.
    """

    tasks: asyncio.TaskGroup

    def __init__(
        self,
        speaker: Speaker,
        repertoire: Repertoire,
        habits: Callable[[], Habits],
        *,
        on_quiet: Callable[[], object] = lambda: None,
    ) -> None:
        self._speaker = speaker
        self._repertoire = repertoire
        self._habits = habits
        self._on_quiet = on_quiet
        self._sounding: asyncio.Task[None] | None = None
        self._sounds: Earcon | None = None
        self._thinking: asyncio.Task[None] | None = None
        self._has_ended = False
        self._is_used = False  # somebody has asked something, or was told why not
        self._spoken_at: dict[str, float] = {}
        # Not by waiting for the task before: one that was cancelled keeps what it waited for, and that what it did.
        self._one_at_a_time = asyncio.Lock()

    @property
    def sounding(self) -> bool:
        """Whether something does, or is about to; what a turn sounds while the clone thinks does not count."""
        return self._sounding is not None and not self._sounding.done()

    @property
    def heard_until(self) -> float:
        """When the last of it was heard, in monotonic seconds."""
        return self._speaker.aside_heard_until

    def end(self) -> None:
        """Nothing sounds from now on."""
        self._has_ended = True

    def hush(self) -> None:
        """Stop what sounds, with a short fade."""
        for task in (self._sounding, self._thinking):
            if task is not None:
                task.cancel()

    def sound(self, earcon: Earcon, *, after: asyncio.Task[None] | None = None) -> None:
        """Sound one, once `after`, the end of a turn, has let its reply fade out.

        It takes the place of what sounds; where that is the same (a slider that is drawn), one is enough.
        """
        if self._habits().earcons_on and not (self.sounding and self._sounds is earcon):
            self._begin(partial(self._sound_earcon, earcon), after)
            self._sounds = earcon

    def tell(self, fault: str, *, asked: bool, after: asyncio.Task[None] | None = None) -> None:
        """Something is wrong; `asked`: somebody stands there and waits to be told. `after` as with `sound`."""
        self._is_used = True
        cue, now = FAULTS[fault], time.monotonic()
        in_words = cue.spoken and self._habits().speech_on
        if in_words and not asked:
            in_words = now - self._spoken_at.get(fault, -_NOT_AGAIN_WITHIN_S) >= _NOT_AGAIN_WITHIN_S
        if in_words:
            self._spoken_at[fault] = now
        if in_words or (cue.earcon is not None and self._habits().earcons_on):
            self._begin(partial(self._tell, fault, in_words=in_words), after)

    def stand(self, state: State) -> None:
        """Where the device stands from now on."""
        self._is_used |= state is not State.IDLE
        if self._thinking is not None:
            self._thinking.cancel()
            self._thinking = None
        if state is State.THINKING:
            self._thinking = self.tasks.create_task(self._think())

    async def sound_start(self, after: asyncio.Task[None] | None) -> float | None:
        """Sound that it listens from now on; → from when on, in monotonic seconds, nothing of that is heard any more.

        None where it is not to sound, or can't.
        """
        if not (self._habits().earcons_on and self._habits().start_on and self._speaker.volume):
            return None
        try:
            if after is not None:
                await asyncio.wait([after])
            async with self._one_at_a_time:
                await self._sound(await self._earcon(Earcon.START))
        except DeviceError:
            return None
        return max(time.monotonic(), self.heard_until) + _AFTER_START_S

    async def tell_what_is_wrong_at_the_start(
        self, faults: Callable[[], Collection[str]], is_at_rest: Callable[[], bool]
    ) -> None:
        """Once, if something is. `faults`: what is wrong now; `is_at_rest`: whether nobody is in a turn."""
        settled_at = time.monotonic() + _SETTLED_S
        while not self._is_used:
            is_settled = time.monotonic() >= settled_at
            fault = gravest(faults()) if is_settled else gravest(_CERTAIN & set(faults()))
            if fault is not None and is_at_rest():
                self.tell(fault, asked=False)
                return
            if is_settled:
                return
            await asyncio.sleep(1)

    def _begin(self, work: Callable[[], Awaitable[None]], after: asyncio.Task[None] | None) -> None:
        if self._has_ended:
            return
        if self._sounding is not None:
            self._sounding.cancel()
        self._sounds = None
        self._sounding = self.tasks.create_task(self._run(work, after))

    async def _run(self, work: Callable[[], Awaitable[None]], after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await asyncio.wait([after])
        with contextlib.suppress(DeviceError):  # a device that can't say it has been told in other ways
            async with self._one_at_a_time:
                await work()
        self._on_quiet()

    async def _sound_earcon(self, earcon: Earcon) -> None:
        await self._sound(await self._earcon(earcon))

    async def _tell(self, fault: str, *, in_words: bool) -> None:
        earcon = FAULTS[fault].earcon
        # While the earcon sounds, espeak-ng may speak.
        words = asyncio.ensure_future(asyncio.to_thread(self._repertoire.prompt, fault)) if in_words else None
        if earcon is not None and self._habits().earcons_on:
            await self._sound_earcon(earcon)
            await asyncio.sleep(_PAUSE_S)
        if words is not None and (prompt := await words) is not None:
            await self._sound(prompt)

    async def _think(self) -> None:
        await asyncio.sleep(_THINKING_AFTER_S)
        while self._habits().earcons_on:
            with contextlib.suppress(DeviceError):
                async with self._one_at_a_time:
                    await self._sound_earcon(Earcon.THINKING)
            await asyncio.sleep(_THINKING_EVERY_S)

    async def _earcon(self, earcon: Earcon) -> Sound:
        return await asyncio.to_thread(self._repertoire.earcon, earcon)

    async def _sound(self, sound: Sound) -> None:
        await self._speaker.sound_aside(sound.samples, sound.rate_hz)
