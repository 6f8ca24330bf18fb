"""The daemon as a process: how soon it is ready, and what it takes while nobody talks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from benchmarks.result import Result

_PORT = 8797
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def idle_daemon(quick: bool) -> list[Result]:
    """Start it against a simulated clone; with the sound devices this machine has, or none."""
    ready_s, cpu_percent, resident_mb = [], [], []
    watched_s = 5 if quick else 20
    devices = "none"
    with tempfile.TemporaryDirectory() as state_dir:
        simulate = subprocess.Popen(
            [sys.executable, "-m", "clonespeaker", "simulate", "--port", str(_PORT + 1)], stdout=subprocess.DEVNULL
        )
        try:
            for _ in range(1 if quick else 3):
                begun = time.monotonic()
                daemon = subprocess.Popen(
                    [sys.executable, "-m", "clonespeaker", "run"], env=_settings(state_dir), stderr=subprocess.DEVNULL
                )
                try:
                    faults = _wait_until_ready(daemon)
                    ready_s.append(time.monotonic() - begun)
                    devices = "none" if "no-microphone" in faults else "real"
                    time.sleep(2)  # the conversation is made, the first garbage collected
                    before, at = _cpu_s(daemon.pid), time.monotonic()
                    time.sleep(watched_s)
                    cpu_percent.append(100 * (_cpu_s(daemon.pid) - before) / (time.monotonic() - at))
                    resident_mb.append(_resident_mb(daemon.pid))
                finally:
                    daemon.terminate()
                    daemon.wait(10)
        finally:
            simulate.terminate()
            simulate.wait(10)
    open_ = "microphone open" if devices == "real" else "no sound devices here"
    return [
        Result.of("ready after start", "s", ready_s, at_most=1),
        Result.of(f"idle, {open_}: of a core", "%", cpu_percent, at_most=1),
        Result.of(f"idle, {open_}: resident", "MB", resident_mb, at_most=45),
    ]


def _settings(state_dir: str) -> dict[str, str]:
    return os.environ | {
        "CLONESPEAKER_API_KEY": "dsk-simulated",
        "CLONESPEAKER_CLONE__BASE_URL": f"http://127.0.0.1:{_PORT + 1}",
        "CLONESPEAKER_CLONE__SLUG": "my-clone",
        "CLONESPEAKER_BUTTON__SOURCE": "none",
        "CLONESPEAKER_STATUS__PORT": str(_PORT),
        "CLONESPEAKER_STATE_DIR": state_dir,
    }


def _wait_until_ready(daemon: subprocess.Popen[bytes]) -> list[str]:
    """Until it answers; the faults it tells then."""
    while daemon.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/healthz", timeout=1) as answer:
                health = json.load(answer)
        except urllib.error.HTTPError as error:
            health = json.load(error)
        except OSError:
            time.sleep(0.005)
            continue
        if health["state"] != "starting":
            return list(health["faults"])
    raise RuntimeError(f"the daemon ended with {daemon.returncode}")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
