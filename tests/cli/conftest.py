from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clonespeaker.simulate.server import SimulatedClone

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def clone() -> Iterator[SimulatedClone]:
    """A simulated clone on a loop and a thread of its own, so that commands can be run as processes beside it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def on_loop(work: object) -> object:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)  # type: ignore[arg-type]

    clone = SimulatedClone(think_s=0.01, voice="tone", tone_s=0.3, rate_limit_per_minute=None)
    clone.url = on_loop(clone.start())  # type: ignore[attr-defined]
    try:
        yield clone
    finally:
        on_loop(clone.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


@pytest.fixture
def environment(clone: SimulatedClone, tmp_path: Path) -> dict[str, str]:
    """What a command needs to talk with the simulated clone, on a machine without sound devices."""
    nothing = tmp_path / "asound.conf"
    nothing.write_text("pcm.nowhere { type hw card 31 }\n")  # with no pcm at all, PortAudio aborts
    others = ("CLONESPEAKER_", "PULSE_", "PYTHONUNBUFFERED")  # the last: people's standard output has a buffer
    plain = {key: value for key, value in os.environ.items() if not key.startswith(others)}
    return plain | {
        "ALSA_CONFIG_PATH": str(nothing),
        "JACK_NO_START_SERVER": "1",
        "CLONESPEAKER_API_KEY": clone.api_key,
        "CLONESPEAKER_CLONE__BASE_URL": clone.url,  # type: ignore[attr-defined]
        "CLONESPEAKER_CLONE__SLUG": clone.slug,
        "CLONESPEAKER_CLONE__RETRY_FOR_S": "1",
        "CLONESPEAKER_BUTTON__SOURCE": "none",
        "CLONESPEAKER_STATE_DIR": str(tmp_path / "state"),
        "CLONESPEAKER_STATUS__PORT": "0",
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run a command to its end; keywords are environment variables on top."""

    def run(*arguments: str, input: str | None = None, **variables: str | None) -> subprocess.CompletedProcess[str]:
        env = {key: value for key, value in (environment | variables).items() if value is not None}
        return subprocess.run(
            [sys.executable, "-m", "clonespeaker", *arguments],
            env=env,
            cwd=tmp_path,
            input=input or "",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def shell(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run a line of bash, in which `clonespeaker` is the command; likewise."""

    def shell(line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        # Under a limit of a file's size, half of a module would be kept for the next time; and the coverage of tests
        # would say in so many words that it can't be written down.
        others = environment | variables | {"PYTHONDONTWRITEBYTECODE": "1"}
        others.pop("COVERAGE_PROCESS_CONFIG", None)
        command = f'clonespeaker() {{ {shlex.quote(sys.executable)} -m clonespeaker "$@"; }}; {line}'
        return subprocess.run(
            ["bash", "-c", command],
            env=others,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        )

    return shell
