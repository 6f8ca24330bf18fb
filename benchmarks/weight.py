"""The daemon as a process, with a button, a microphone and a speaker: how soon it is ready, and what it takes.

The button is gpiozero's, on its mock pins, for that is what a device in the field has loaded. Nobody follows the
status while it is weighed. PSS and USS count what other Pythons on this machine share as shared: on a device that runs
no other, they come near to RSS.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from benchmarks.lasting_clone import API_KEY, SLUG, Order, lasting_clone
from benchmarks.processes import require_sound_cards, sound_card
from benchmarks.result import Result
from benchmarks.weighing import Memory, cpu_s, wakeups
from clonespeaker.status.client import connect

_SETTLES_S = 2.0  # the conversation is made, the first garbage collected

_BARE = """
import pyaudio, time
pyaudio.PyAudio().open(44100, 1, pyaudio.paInt16, input=True, frames_per_buffer=441,
                       stream_callback=lambda block, frames, times, status: (None, pyaudio.paContinue))
time.sleep(60)
"""
"""An open microphone and nothing else: what PortAudio, ALSA and the sound server's library take by themselves."""


_BARE_NAME = "a bare open microphone"


@dataclass
class _Weight:
    """Of some stretches of time in one state."""

    cpu_percent: list[float] = field(default_factory=list)
    wakeups_per_s: list[float] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)

    def figures(self) -> Iterator[tuple[str, str, list[float]]]:
        """What, in which unit, of each stretch."""
        yield "of one core", "%", self.cpu_percent
        yield "threads woken", "a second", self.wakeups_per_s
        yield "resident (RSS)", "MB", [each.resident for each in self.memory]
        yield "its share (PSS)", "MB", [each.proportional for each in self.memory]
        yield "its alone (USS)", "MB", [each.unique for each in self.memory]


def weight(quick: bool) -> Iterator[Result]:
    """Idle, listening and speaking; on a private sound server's null card, over the daemon's websocket."""
    require_sound_cards()
    ready_s, weights = asyncio.run(_weigh(quick))
    bare = weights.pop(_BARE_NAME)
    yield Result.of("ready after start", "s", ready_s, at_most=1)
    for state, weighed in weights.items():
        cpu_budget, memory_budget = (1.0, 45.0) if state == "idle" else (None, None)
        for (what, unit, runs), budget, (_, _, beside) in zip(
            weighed.figures(), (cpu_budget, None, memory_budget, None, None), bare.figures(), strict=True
        ):
            if state == "idle":
                yield Result.of(f"idle: {what}", unit, runs, at_most=budget, yardsticks={_BARE_NAME: beside})
            elif what not in ("its share (PSS)", "its alone (USS)"):
                yield Result.of(f"{state}: {what}", unit, runs)


async def _weigh(quick: bool) -> tuple[list[float], dict[str, _Weight]]:
    ready_s: list[float] = []
    weights = {state: _Weight() for state in ("idle", "listening", "speaking", _BARE_NAME)}
    stretches, stretch_s = (1, 2.0) if quick else (3, 8.0)
    with lasting_clone() as url:
        async with sound_card() as card:
            for number in range(1 if quick else 3):
                async with _daemon(url, card.environment) as (process, port, took_s):
                    ready_s.append(took_s)
                    if number:
                        continue
                    await asyncio.sleep(1 if quick else _SETTLES_S)
                    await _watch(process.pid, weights["idle"], stretches, stretch_s)
                    await _command(port, "press")
                    await asyncio.sleep(0.5)
                    await _watch(process.pid, weights["listening"], stretches, stretch_s / 2)
                    await _command(port, "cancel")
                    await _command(port, "say", text=Order(30, 23_520, 0.2).to_text())  # 200 ms in each
                    await asyncio.sleep(1)
                    await _watch(process.pid, weights["speaking"], stretches, stretch_s / 2)
                    await _command(port, "cancel")
            with _process([sys.executable, "-c", _BARE], card.environment) as bare:
                await asyncio.sleep(1)
                await _watch(bare.pid, weights[_BARE_NAME], stretches, stretch_s / 2)
    return ready_s, weights


async def _watch(pid: int, weight: _Weight, stretches: int, stretch_s: float) -> None:
    for _ in range(stretches):
        begun, taken_s, woken = time.monotonic(), cpu_s(pid), wakeups(pid)
        await asyncio.sleep(stretch_s)
        seconds = time.monotonic() - begun
        weight.cpu_percent.append(100 * (cpu_s(pid) - taken_s) / seconds)
        more = {thread: count - woken.get(thread, 0) for thread, count in wakeups(pid).items()}
        weight.wakeups_per_s.append(sum(more.values()) / seconds)
        weight.memory.append(Memory.of(pid))


@contextlib.asynccontextmanager
async def _daemon(url: str, card: dict[str, str]) -> AsyncIterator[tuple[subprocess.Popen[bytes], int, float]]:
    """The process, its port, and the seconds it took until presses counted. Raises RuntimeError where it ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as state_dir:
        environment = {
            **card,
            "CLONESPEAKER_API_KEY": API_KEY,
            "CLONESPEAKER_CLONE__BASE_URL": url,
            "CLONESPEAKER_CLONE__SLUG": SLUG,
            "CLONESPEAKER_STATUS__PORT": str(port),
            "CLONESPEAKER_STATE_DIR": state_dir,
            "GPIOZERO_PIN_FACTORY": "mock",
        }
        begun = time.monotonic()
        with _process([sys.executable, "-m", "clonespeaker", "run"], environment) as process:
            await asyncio.to_thread(_wait_until_ready, process, port)
            yield process, port, time.monotonic() - begun


@contextlib.contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
                health = json.load(answer)
        except urllib.error.HTTPError as error:
            health = json.load(error)
        except OSError:
            time.sleep(0.005)
            continue
        if health["faults"]:
            raise RuntimeError(f"the daemon has faults: {health['faults']}")
        if health["state"] != "starting":
            return
        time.sleep(0.005)
    raise RuntimeError(f"the daemon ended with {process.returncode}")


async def _command(port: int, name: str, **fields: str) -> None:
    async with connect(f"ws://127.0.0.1:{port}/") as status:
        await status.command(name, **fields)
