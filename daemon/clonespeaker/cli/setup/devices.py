"""The sound devices of this machine, looked for and opened; a call that hangs is told, and left behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from clonespeaker.audio.calls import DeviceCalls
from clonespeaker.audio.devices import Device, Direction
from clonespeaker.audio.microphone import Microphone
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.speaker import Speaker
from clonespeaker.cli.setup.draft import Draft
from clonespeaker.cli.setup.interrupts import Interrupts
from clonespeaker.wiring import make_microphone, make_speaker

_Result = TypeVar("_Result")


class Devices:
    """What the settings to be mean here.

    Args:
        draft: these settings.
        interrupts: end what would block.
    """

    def __init__(self, draft: Draft, interrupts: Interrupts) -> None:
        self._draft = draft
        self._run_until_done = interrupts.run
        self._sound = SoundSystem()
        self._calls = DeviceCalls()

    def look(self, direction: Direction) -> tuple[list[Device], Device | None]:
        """What there is now, in PortAudio's order, and which of it `auto` takes. Blocks; raises DeviceError."""

        def look() -> tuple[list[Device], Device | None]:
            self._sound.refresh()
            able = [device for device in self._sound.devices() if device.channels(direction)]
            return able, self._sound.find("auto", direction)[0] if able else None

        return self._run(direction, look)

    def open_once(self, direction: Direction) -> None:
        """Open the one that is set, and give it back. Blocks.

        Raises:
            DeviceError: there is none, it is busy, takes no rate at all, or does not answer.
        """
        device = self.microphone() if direction == "microphone" else self.speaker()
        self._run(direction, device.open)
        self._run(direction, device.close)

    def microphone(self) -> Microphone:
        """The one that is set, not opened."""
        in_thread = partial(self._calls.run, "microphone")
        return make_microphone(self._sound, self._draft.settings.microphone, in_thread=in_thread)

    def speaker(self) -> Speaker:
        """The one that is set, not opened."""
        in_thread = partial(self._calls.run, "speaker")
        return make_speaker(self._sound, self._draft.settings.speaker, in_thread=in_thread)

    def close(self) -> None:
        """Give PortAudio back, unless it hangs."""
        if not self._calls.oldest_s:
            self._sound.close()

    def _run(self, direction: Direction, call: Callable[[], _Result]) -> _Result:
        return self._run_until_done(self._calls.run(direction, call))
