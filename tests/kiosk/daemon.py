"""The daemon as a process of its own, on a sound card that isn't there, with a simulated clone; and a finger."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Page

from clonespeaker.audio.pcm import Samples
from clonespeaker.simulate.server import SimulatedClone
from tests.kiosk.scene import LoopThread
from tests.sound.card import SoundCard

_SECONDS_AT_MOST = 30.0


class Daemon:
    """`clonespeaker run`, which may be stopped and started again.

    Attributes:
        card: its microphone and its speaker.
        clone: whom it talks with.
        url: of its page.
    """

    def __init__(self, thread: LoopThread, card: SoundCard, clone: SimulatedClone, base_url: str, folder: Path) -> None:
        self.card = card
        self.clone = clone
        self._thread = thread
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}/"
        self.settings: dict[str, Any] = {
            "clone": {"base_url": base_url, "slug": clone.slug},
            "button": {"source": "none"},
            "status": {"port": self._port},
            "microphone": {"min_hold_ms": 50},
            "state_dir": str(folder / "state"),
        }

    def start(self) -> None:
        """It runs and is well."""
        (self._folder / "state").mkdir(exist_ok=True)
        self._write()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clonespeaker", "run", "--config", str(self._folder / "config.yaml")],
            env=os.environ | self.card.environment | {"CLONESPEAKER_API_KEY": self.clone.api_key},
        )
        deadline = time.monotonic() + _SECONDS_AT_MOST
        while not self._is_well():
            assert self._process.poll() is None, "the daemon ended"
            assert time.monotonic() < deadline, "the daemon does not become ready"
            time.sleep(0.05)

    def stop(self) -> None:
        """As the service manager does."""
        assert self._process is not None
        self._process.terminate()
        assert self._process.wait(_SECONDS_AT_MOST) == 0

    def read_settings_again(self, **sections: dict[str, Any]) -> None:
        """With these that differ, on SIGHUP."""
        assert self._process is not None
        for name, values in sections.items():
            self.settings[name] = {**self.settings.get(name, {}), **values}
        self._write()
        self._process.send_signal(signal.SIGHUP)

    def speak(self, samples: Samples) -> None:
        """Into its microphone, all of it."""
        self._thread.run(self.card.speak(samples))

    def _write(self) -> None:
        (self._folder / "config.yaml").write_text(yaml.safe_dump(self.settings))

    def _is_well(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "healthz", timeout=5) as answer:
                return b'"state":"idle"' in answer.read()
        except (urllib.error.URLError, ConnectionError):
            return False


class Finger:
    """Touches the page as a real one does: through the browser's input, not through its document."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._page = page

    def down(self, selector: str = "#button") -> None:
        target = self._page.locator(selector).element_handle()
        target.wait_for_element_state("stable")  # it may be gliding
        box = target.bounding_box()
        assert box is not None
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        self._session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})

    def up(self) -> None:
        self._session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def cancel(self) -> None:
        """The system takes the touch away."""
        self._session.send("Input.dispatchTouchEvent", {"type": "touchCancel", "touchPoints": []})


@contextmanager
def run_daemon(thread: LoopThread, card: SoundCard, folder: Path) -> Iterator[Daemon]:
    """A daemon that is well, until the end."""
    clone = SimulatedClone(voice="tone", tone_s=0.4, think_s=0.05, rate_limit_per_minute=None)
    base_url = thread.run(clone.start())
    daemon = Daemon(thread, card, clone, base_url, folder)
    try:
        daemon.start()
        yield daemon
        daemon.stop()
    finally:
        if daemon._process is not None and daemon._process.poll() is None:
            daemon._process.kill()
            daemon._process.wait()
        thread.run(clone.stop())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
