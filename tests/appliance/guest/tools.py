"""What the scenario does with the machine it runs in: a Debian 12 with a simulated gpio chip and a loopback card."""

import json
import re
import subprocess
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

QUESTION = Path("/usr/lib/clonespeaker/common/clonespeaker/assets/question.wav")
PROGRAM = "/usr/bin/clonespeaker"
PULL = Path("/run/gpio/sim_gpio17/pull")
LAMP = Path("/run/gpio/sim_gpio27/value")
RATE_HZ = 44_100
FAR_END = "plughw:CARD=Loopback,DEV=1"  # what is played here, the daemon's microphone hears; and the other way round
Samples = np.ndarray[Any, np.dtype[np.int16]]
_failed: list[str] = []


def check(what: str, good: object, detail: object = "") -> None:
    """A line for each thing that is to be so."""
    print(f"{'ok    ' if good else 'FAILED'} {what}" + (f": {detail}" if detail != "" else ""))
    if not good:
        _failed.append(what)


def failed() -> bool:
    """Whether anything was not so."""
    return bool(_failed)


def sh(command: str, *, within_s: float = 120) -> str:
    """What a command prints, its complaints included; its exit code is nobody's."""
    done = subprocess.run(command, shell=True, text=True, capture_output=True, timeout=within_s, check=False)
    return (done.stdout + done.stderr).strip()


def property_of(name: str, unit: str = "clonespeaker") -> str:
    """A property of a unit."""
    return sh(f"systemctl show --value -p {name} {unit}")


def until(happened: Callable[[], object], within_s: float = 60) -> float | None:
    """Seconds until it did; None where it never does."""
    begun_at = time.monotonic()
    while not happened():
        if time.monotonic() - begun_at > within_s:
            return None
        time.sleep(0.1)
    return time.monotonic() - begun_at


def ask_host(request: str) -> None:
    """Something that only the host can do."""
    Path("/shared/request").write_text(request)


def start_clone(key: str) -> None:
    """The simulated clone, which says back what it hears."""
    command = f"clonespeaker simulate --key {key} --voice echo --think 0.3"
    sh(f"systemd-run --unit=clone --service-type=exec {command}")


class Follower:
    """Follows the daemon over its websocket, over its restarts too."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while Path(PROGRAM).exists():
            command = [PROGRAM, "status", "--watch", "--json"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as watcher:
                for line in watcher.stdout or ():
                    self.events.append(json.loads(line))
            time.sleep(0.2)

    def connected(self, since: int = 0) -> bool:
        """Whether a snapshot came."""
        return any(event["type"] == "snapshot" for event in self.events[since:])

    def last(self, since: int = 0, **fields: object) -> dict[str, Any] | None:
        """The newest event with these fields."""
        for event in reversed(self.events[since:]):
            if fields.items() <= event.items():
                return event
        return None


def conversation() -> str | None:
    """Which one the daemon is in."""
    found = re.search(r'"conversation":\{"id":"([^"]+)"', sh("clonespeaker status --json"))
    return found[1] if found else None


def question(seconds: float) -> Samples:
    """The beginning of the shipped question."""
    with wave.open(str(QUESTION)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)[: round(seconds * RATE_HZ)]


def speak(samples: Samples) -> None:
    """Let the daemon's microphone hear them; returns when they have been."""
    quiet = np.zeros(RATE_HZ // 5, np.int16)
    aplay = ["aplay", "-q", "-D", FAR_END, "-t", "raw", "-f", "S16_LE", "-r", str(RATE_HZ), "-c", "1"]
    subprocess.run(aplay, input=np.concatenate((quiet, samples, quiet)).tobytes(), check=False, timeout=60)


def press(down: bool) -> None:
    """The button's contact: to ground, or open."""
    PULL.write_text("pull-down" if down else "pull-up")


def lamp(seconds: float) -> float:
    """The share of the time in which the LED shone."""
    end_at, seen = time.monotonic() + seconds, []
    while time.monotonic() < end_at:
        seen.append(int(LAMP.read_text()))
        time.sleep(0.0007)
    return sum(seen) / len(seen)


def turn(daemon: Follower, seconds: float = 2.0) -> tuple[dict[str, Any] | None, float]:
    """Press, speak, let go, listen.

    Returns:
        How the turn ended (None: it did not), and which share of what was said was heard.
    """
    said, mark = question(seconds), len(daemon.events)
    arecord = ["arecord", "-q", "-D", FAR_END, "-t", "raw", "-f", "S16_LE", "-r", str(RATE_HZ), "-c", "1"]
    ear = subprocess.Popen([*arecord, "/tmp/heard"])
    try:
        press(True)
        until(lambda: daemon.last(mark, event="state", state="listening"), 10)
        speak(said)
        press(False)
        until(lambda: daemon.last(mark, event="turn"), 40)
    finally:
        press(False)
        ear.terminate()
        ear.wait()
    return daemon.last(mark, event="turn"), likeness(said, np.fromfile("/tmp/heard", np.int16))


def likeness(said: Samples, heard: Samples) -> float:
    """Which share of what was said was heard, by its loud parts of 50 ms: each is there sample by sample, or not.

    The emulated machine loses periods of 20 ms all the time, so that nothing long is ever whole.
    """
    size = RATE_HZ // 20
    if heard.size < size:
        return 0.0
    length = 1 << (heard.size + size).bit_length()
    spectrum = np.fft.rfft(heard.astype(float), length)
    sums = np.concatenate(([0.0], np.cumsum(heard.astype(float) ** 2)))
    energies = np.maximum(sums[size:] - sums[:-size], 1.0)
    parts = [said[at : at + size].astype(float) for at in range(0, said.size - size + 1, size // 2)]
    loud = [part for part in parts if np.sqrt(np.mean(part**2)) > 1_000]
    found = 0
    for part in loud:
        product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(part, length)), length)[: energies.size]
        found += bool((product / np.sqrt(energies * np.sum(part**2))).max() > 0.99)
    return found / max(1, len(loud))
