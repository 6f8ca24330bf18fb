"""What is to be told in sound where no daemon runs: at the start of a device without a screen.

Tones, then words in the device's language. Bounded: who has no speaker, or one that hangs, is kept waiting for some
seconds and no longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from clonespeaker.audio.calls import DeviceCalls
from clonespeaker.audio.convert import at_rate
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.portaudio import SoundSystem
from clonespeaker.audio.speaker import Speaker
from clonespeaker.config import settings as kinds
from clonespeaker.config.load import LONGEST_BYTES
from clonespeaker.config.settings import Settings
from clonespeaker.cues import Earcon
from clonespeaker.errors import DeviceError
from clonespeaker.sounds.repertoire import Repertoire
from clonespeaker.words import LANGUAGES, load_words

RATE_HZ = 44_100
_BETWEEN_S = 0.5
_OPENS_WITHIN_S = 8.0
_NAMED_ALONE_S = 3.0  # HDMI, where nobody listens, is there first; USB cards come a second or two later
_SOUNDS_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.5
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LEAST_VOLUME = 50  # who set it to 0 is to hear this all the same


def announce(
    name: str, settings: Sequence[Settings], earcon: Earcon, *, times: int = 1, opens_within_s: float = _OPENS_WITHIN_S
) -> bool:
    """Sound it on the first speaker that can be opened; False where none could in time. Blocks.

    Args:
        name: of the words, in `words/*.yaml`.
        settings: whose speakers to try, the first one first, and any at last; the first one's language and sounds hold.
        earcon: before the words, whatever `sounds.earcons` is.
        times: how often it sounds.
        opens_within_s: how long a speaker is looked for.
    """
    said = announcement(name, settings[0] if settings else Settings(), earcon, times=times)
    return sound_on_one_of(said, [*(each.speaker for each in settings), kinds.Speaker()], opens_within_s=opens_within_s)


def sound_on_one_of(
    samples: Samples, speakers: Sequence[kinds.Speaker], *, opens_within_s: float = _OPENS_WITHIN_S
) -> bool:
    """Sound it, mono at `RATE_HZ`, on the first that can be opened; False where none could in time. Blocks."""
    return asyncio.run(_sound(samples, speakers, opens_within_s))


def announcement(name: str, settings: Settings, earcon: Earcon, *, times: int = 1) -> Samples:
    """What is sounded, mono at `RATE_HZ`."""
    directory, language = settings.sounds.directory, settings.language
    repertoire = Repertoire(
        lambda: load_words(language).prompts(), language, directory=Path(directory) if directory else None
    )
    tones = repertoire.earcon(earcon)
    prompt = repertoire.prompt(name) if settings.sounds.speech else None
    pause = np.zeros(round(_BETWEEN_S * RATE_HZ), np.int16)
    pieces = [at_rate(tones.samples, tones.rate_hz, RATE_HZ), pause] * times
    return np.concatenate(pieces + ([at_rate(prompt.samples, prompt.rate_hz, RATE_HZ)] if prompt else []))


def was_told(words: str) -> bool:
    """Whether these very words were told since the boot; from now on they were. Never, where no unit runs this.

    The daemon's restarts start the provisioning, too, and systemd restarts what can't start each second: what is wrong
    is to be heard once, and not again before something else is.
    """
    # The daemon's runtime directory ends with each process; its state directory outlives the boot, too.
    directory = os.environ.get("STATE_DIRECTORY") or os.environ.get("RUNTIME_DIRECTORY")
    if directory is None:  # by hand
        return False
    told = Path(directory) / "sounded"
    with contextlib.suppress(OSError):
        words = f"{_BOOT_ID.read_text()}{words}"
        if told.exists() and told.read_text() == words:
            return True
        told.write_text(words)
    return False


def is_booting() -> bool:
    """Whether this machine is just starting; so that nobody is spoken to by an installation."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["systemctl", "is-system-running"], capture_output=True, text=True, timeout=5, check=False
        )
        return done.stdout.strip() in ("initializing", "starting")
    return False


def language_in(config: Path) -> str:
    """The language that settings are in which can't be used: whoever made a mistake in another line is told in it."""
    with contextlib.suppress(OSError):
        with config.open(errors="replace") as file:
            text = file.read(LONGEST_BYTES)
        named = re.search(r"(?:^|[{,]) *language: *['\"]?([a-z]{2})\b", text, re.MULTILINE)
        if named is not None and named[1] in LANGUAGES:
            return named[1]
    return Settings().language


async def _sound(said: Samples, speakers: Sequence[kinds.Speaker], opens_within_s: float) -> bool:
    calls, begun_at = DeviceCalls(), time.monotonic()
    while (looking_for_s := time.monotonic() - begun_at) < opens_within_s:
        for speaker in speakers:
            is_named = speaker.device not in ("auto", "default")
            if (is_named or looking_for_s > _NAMED_ALONE_S) and await _sound_on(said, speaker, calls):
                return True
            if calls.oldest_s:  # it hangs: only another process could help
                return False
        await asyncio.sleep(_LOOK_EVERY_S)
    return False


async def _sound_on(said: Samples, settings: kinds.Speaker, calls: DeviceCalls) -> bool:
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
            await playback.put(said, RATE_HZ)
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
