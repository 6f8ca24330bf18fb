"""How the daemon accounts for itself: how things stand, whether all is well, figures."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass
from typing import Any

import msgspec

from clonespeaker import __version__
from clonespeaker.appliance import Appliance
from clonespeaker.audio.microphone import Microphone
from clonespeaker.audio.speaker import Speaker
from clonespeaker.audio.stream import Stream
from clonespeaker.errors import HINTS
from clonespeaker.lamps import Lamps
from clonespeaker.lookout import Lookout
from clonespeaker.news import News
from clonespeaker.tally import Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Asked by the status server. The parts that know, and the clone's address."""

    base_url: str
    appliance: Appliance
    microphone: Microphone
    speaker: Speaker
    news: News
    lookout: Lookout
    lamps: Lamps | None

    def snapshot(self) -> dict[str, Any]:
        """The status protocol's."""
        return {
            "device": {
                "version": __version__,
                "microphone": _describe(self.microphone.stream),
                "speaker": _describe(self.speaker.stream),
                "lights": None if self.lamps is None else {"trouble": self.lamps.trouble},
            },
            "clone": {"base_url": self.base_url, **msgspec.to_builtins(self.lookout.profile)},
            **self.appliance.snapshot(),
        }

    def health(self) -> dict[str, Any]:
        """For `/healthz`: ok while no fault is active; hints about what was said are none."""
        faults = [name for name in self.news.faults if name not in HINTS]
        return {"ok": not faults, "state": self.appliance.turn.state, "faults": faults}

    def metrics(self, *, status_clients: int) -> Figures:
        """For `/metrics`."""
        return Figures(
            version=__version__,
            started_at=self.news.started_at,
            state=self.appliance.turn.state,
            muted=self.appliance.dials.muted,
            mute_switch=self.appliance.dials.mute_switch,
            faults=frozenset(self.news.faults),
            status_clients=status_clients,
            tasks=len(asyncio.all_tasks()),
            microphone_overflows=self.microphone.overflows,
            microphone_lost_samples=self.microphone.lost_samples,
            device_underflows=self.speaker.underflows,
            tally=copy.deepcopy(self.news.tally),
        )


def _describe(stream: Stream | None) -> dict[str, Any] | None:
    return None if stream is None else {"name": stream.device, "rate_hz": stream.rate_hz, "channels": stream.channels}
