"""What people set, by hand or by a program: the volume, and whether anybody is heard."""

from __future__ import annotations

import time
from collections.abc import Callable

from clonespeaker.audio.pcm import VOLUME_STEP
from clonespeaker.audio.speaker import Speaker
from clonespeaker.cues import Earcon
from clonespeaker.errors import ClonespeakerError
from clonespeaker.news import News


class Dials:
    """A volume, a mute, and a switch that mutes, too, where there is one.

    While it is muted the microphone's device stays open; what it gives goes nowhere.

    Args:
        speaker: whose volume it is.
        news: is told what is set.
        muted: whether a program had muted it before this started.
        confirm: sounds what was set.
        on_mute: called when nobody is to be heard from now on.

    Attributes:
        muted_by_program: whether a program or a button mutes it; this alone is remembered.
        mute_switch: whether a switch mutes it; None where there is none.
        unmuted_at: since when somebody is heard, in monotonic seconds.
        on_set: called when a volume or a mute was set.
    """

    def __init__(
        self,
        speaker: Speaker,
        news: News,
        *,
        muted: bool,
        confirm: Callable[[Earcon], object],
        on_mute: Callable[[], object],
    ) -> None:
        self._speaker = speaker
        self._news = news
        self._confirm = confirm
        self._on_mute = on_mute
        self.muted_by_program = muted
        self.mute_switch: bool | None = None
        self.unmuted_at = 0.0
        self.on_set: Callable[[], object] = lambda: None

    @property
    def volume(self) -> int:
        """Loudness, 0–100."""
        return self._speaker.volume

    @property
    def muted(self) -> bool:
        """Whether nobody is heard, whatever mutes."""
        return self.muted_by_program or bool(self.mute_switch)

    def refusal(self) -> ClonespeakerError | None:
        """Why nobody is heard, if so."""
        if self.mute_switch:
            return ClonespeakerError("the microphone is muted by its switch; switch it on there", fault="muted")
        if self.muted:
            return ClonespeakerError("the microphone is muted; unmute it first", fault="muted")
        return None

    def mute(self, muted: bool) -> None:
        """Let nobody be heard, or everybody again, as far as the switch leaves that to programs."""
        self._change_mute(muted, self.mute_switch)
        self.on_set()

    def switch_mute(self, muted: bool) -> None:
        """The switch stands so; what programs want counts again once it is off."""
        self._change_mute(self.muted_by_program, muted)

    def set_volume(self, volume: int) -> None:
        """Loudness, 0–100."""
        self._speaker.volume = volume
        self._confirm(Earcon.VOLUME)
        self._news.publish("settings", volume=volume)
        self.on_set()

    def step_volume(self, steps: int) -> None:
        """Louder by so many steps, or softer; from 0 to 100."""
        self.set_volume(min(100, max(0, self._speaker.volume + steps * VOLUME_STEP)))

    def _change_mute(self, by_program: bool, by_switch: bool | None) -> None:
        before = self.muted
        self.muted_by_program, self.mute_switch = by_program, by_switch
        if self.muted:
            self._on_mute()
        if self.muted != before:
            self._confirm(Earcon.MUTED if self.muted else Earcon.UNMUTED)
        if before and not self.muted:
            self.unmuted_at = time.monotonic()
            self._news.end_fault("muted")
        switch = {} if by_switch is None else {"mute_switch": by_switch}
        self._news.publish("settings", muted=self.muted, **switch)
