"""A sound card that isn't there: `sound-server.sh`, spoken into and listened to."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

from clonespeaker.audio.pcm import Samples

RATE_HZ = 44_100
PROGRAMS = ("pulseaudio", "pactl", "pacat", "parec")

_SCRIPT = Path(__file__).with_name("sound-server.sh")
_LOOK_EVERY_S = 0.005
_SECONDS_AT_MOST = 25.0
_SETTLED_FRAMES = RATE_HZ // 4  # so much silence, and nothing more is on its way


def missing_programs() -> list[str]:
    """Those of PROGRAMS that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something that tells nobody. Raises TimeoutError where it never comes."""
    async with asyncio.timeout(_SECONDS_AT_MOST):
        while True:
            if happened():
                return
            await asyncio.sleep(_LOOK_EVERY_S)


class SoundCardError(Exception):
    """The sound server does not start."""


class SoundCard:
    """A microphone and a speaker, until `unplug`.

    Positions count frames since the card was plugged in.

    Args:
        directory: where the sound server lives; a short name, for its socket has to fit in.
        in_a_noisy_room: the microphone always hears something; else, digital silence between what is spoken.
    """

    def __init__(self, directory: Path, *, in_a_noisy_room: bool = False) -> None:
        self._directory = directory
        self._room = {"SOUND_ROOM": "noisy"} if in_a_noisy_room else {}
        self.environment: dict[str, str] = {}
        """What PortAudio, ALSA and PulseAudio have to find in the environment."""

    def plug_in(self) -> None:
        """Start the sound server. Raises SoundCardError."""
        done = subprocess.run(
            ["bash", _SCRIPT, "start", self._directory, str(os.getpid())],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=os.environ | self._room,
        )
        if done.returncode != 0:
            raise SoundCardError(done.stderr)
        self.environment = dict(word.split("=", 1) for word in shlex.split(done.stdout)[1:])

    def unplug(self) -> None:
        """Stop the sound server and its readers."""
        subprocess.run(["bash", _SCRIPT, "stop", self._directory], timeout=30, check=True)

    def kill(self) -> None:
        """The server goes, without a word to anybody."""
        os.kill(int(self.environment["SOUND_SERVER_PID"]), signal.SIGKILL)

    def freeze(self) -> None:
        """The server hangs: who calls it waits."""
        os.kill(int(self.environment["SOUND_SERVER_PID"]), signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        os.kill(int(self.environment["SOUND_SERVER_PID"]), signal.SIGCONT)

    @property
    def alsa_settings(self) -> Path:
        """The file in which ALSA finds this card, and nothing else."""
        return Path(self.environment["ALSA_CONFIG_PATH"])

    @property
    def position(self) -> int:
        """Frames that the speaker has played so far, and silence between them."""
        return self._frames("SPEAKER")

    @property
    def microphone_position(self) -> int:
        """Frames that the microphone has heard so far."""
        return self._frames("MICROPHONE")

    def heard(self, since: int) -> Samples:
        """What the speaker has played from a position on."""
        return self._recorded("SPEAKER", since)

    def spoken(self, since: int) -> Samples:
        """What the microphone has heard from a position on."""
        return self._recorded("MICROPHONE", since)

    async def heard_whole(self, since: int) -> Samples:
        """What the speaker has played from a position on, once it is silent again."""
        least = self.position - since + _SETTLED_FRAMES
        await until(
            lambda: (
                (end := self.heard(since)[least - _SETTLED_FRAMES :]).size >= _SETTLED_FRAMES
                and not end[-_SETTLED_FRAMES:].any()
            )
        )
        return self.heard(since)

    async def speak(self, samples: Samples) -> None:
        """Let the microphone hear `samples`, mono at 44.1 kHz; returns when the last of them has been heard."""
        arguments = "-d mic --latency-msec=500 --raw --rate=44100 --channels=1 --format=s16le".split()
        pacat = await asyncio.create_subprocess_exec(
            "pacat", *arguments, stdin=subprocess.PIPE, env=os.environ | self.environment
        )
        try:
            await pacat.communicate(samples.astype("<i2").tobytes())
        finally:
            if pacat.returncode is None:
                pacat.kill()
                await pacat.wait()
        assert pacat.returncode == 0

    async def microphone_reaches(self, position: int) -> None:
        """Wait until it has heard so much."""
        await until(lambda: self.microphone_position >= position)

    async def speech_begins(self, since: int) -> int:
        """Wait until the microphone hears something; its position. Silence before it stays unheard."""
        await until(lambda: bool(self.spoken(since).any()))
        return since + int(np.flatnonzero(self.spoken(since))[0])

    def _frames(self, which: str) -> int:
        return os.path.getsize(self.environment[f"SOUND_{which}_RAW"]) // 2

    def _recorded(self, which: str, since: int) -> Samples:
        with open(self.environment[f"SOUND_{which}_RAW"], "rb") as raw:
            raw.seek(2 * since)
            data = raw.read()
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16, copy=False)
