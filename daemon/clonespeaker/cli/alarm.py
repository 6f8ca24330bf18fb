"""That something is wrong, in sound, where no daemon runs yet: at the start of a device without a screen.

Bounded: who has no speaker, or one that hangs, is kept waiting for some seconds and no longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from functools import partial

import numpy as np

from clonespeaker.audio import earcons
from clonespeaker.audio.calls import DeviceCalls
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.speaker import Speaker
from clonespeaker.config import settings as kinds
from clonespeaker.errors import DeviceError

TIMES = 3
_BETWEEN_S = 0.5
_OPENS_WITHIN_S = 8.0
_NAMED_ALONE_S = 3.0  # HDMI, where nobody listens, is there first; USB cards come a second or two later
_SOUNDS_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.5
_LEAST_VOLUME = 50  # who set it to 0 is to hear this all the same


def sound_alarm(speakers: Iterable[kinds.Speaker]) -> bool:
    """Sounds it on the first of the speakers that can be opened; False where none could in time. Blocks."""
    return asyncio.run(_sound_alarm(tuple(speakers)))


def alarm() -> Samples:
    """What is sounded, at `earcons.RATE_HZ`."""
    pause = np.zeros(round(_BETWEEN_S * earcons.RATE_HZ), np.int16)
    return np.concatenate([earcons.failed(), pause] * (TIMES - 1) + [earcons.failed()])


async def _sound_alarm(speakers: tuple[kinds.Speaker, ...]) -> bool:
    calls, begun_at = DeviceCalls(), time.monotonic()
    while (looking_for_s := time.monotonic() - begun_at) < _OPENS_WITHIN_S:
        for speaker in speakers:
            is_named = speaker.device not in ("auto", "default")
            if (is_named or looking_for_s > _NAMED_ALONE_S) and await _sound_on(speaker, calls):
                return True
            if calls.oldest_s:  # it hangs: only another process could help
                return False
        await asyncio.sleep(_LOOK_EVERY_S)
    return False


async def _sound_on(settings: kinds.Speaker, calls: DeviceCalls) -> bool:
    in_thread = partial(calls.run, "speaker")
    sound = SoundSystem()
    # Not `wiring.make_speaker`, which would import the whole daemon: a Pi takes seconds for it.
    speaker = Speaker(
        lambda fill: sound.open_speaker(settings.device, period_ms=settings.period_ms, fill=fill),
        lead_in_ms=settings.lead_in_ms,
        volume=max(settings.volume, _LEAST_VOLUME),
        in_thread=in_thread,
    )
    try:
        await in_thread(speaker.open)
        async with asyncio.timeout(_SOUNDS_WITHIN_S), speaker.play() as playback:
            await playback.put(alarm(), earcons.RATE_HZ)
            playback.complete()
            await playback.drain()
        return True
    except (DeviceError, TimeoutError):
        return False
    finally:
        if not calls.oldest_s:
            with contextlib.suppress(DeviceError):
                await in_thread(speaker.close)
                await in_thread(sound.close)
