"""One browser, one sound card, one daemon for the tests of this folder.

No longer than that: Playwright keeps a loop running in this thread, and the asyncio tests of other folders want none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from clonespeaker.audio import wav
from clonespeaker.audio.pcm import Samples
from clonespeaker.cli.demo import shipped_question
from tests.kiosk.browser import CHROMIUM, complaints_of, go, open_browser
from tests.kiosk.daemon import Daemon, run_daemon
from tests.kiosk.scene import LoopThread, Scene, open_scene
from tests.sound.card import SoundCard, missing_programs
from tests.sound.conftest import skip_or_fail

expect.set_options(timeout=30_000)  # the machine may be busy


@pytest.fixture(scope="package")
def thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        skip_or_fail("no browser: chromium is not installed (make test installs it)")
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def tab(browser: Browser) -> Page:
    """One for all tests of scenes: opening another costs more than most of them."""
    return browser.new_context(viewport={"width": 800, "height": 480}, has_touch=True).new_page()


@pytest.fixture
def page(tab: Page, scene: Scene) -> Iterator[Page]:
    """The scene, in the browser; at its end the browser must have had nothing to complain about."""
    complaints = complaints_of(tab)
    go(tab, scene.url)
    tab.locator("body[data-state=idle]").wait_for()
    yield tab
    tab.goto("about:blank")
    tab.emulate_media(color_scheme="null", reduced_motion="null", contrast="null", forced_colors="null")
    assert complaints == []


@pytest.fixture
def scene(thread: LoopThread) -> Iterator[Scene]:
    """Told by hand what the daemon would tell."""
    with open_scene(thread) as scene:
        yield scene


@pytest.fixture(scope="package")
def daemon(thread: LoopThread) -> Iterator[Daemon]:
    """The real one. Who changes its settings changes them back."""
    if missing := missing_programs():
        skip_or_fail(f"no sound server: {', '.join(missing)} not installed (make test installs them)")
    with tempfile.TemporaryDirectory(prefix="kiosk-", ignore_cleanup_errors=True) as directory:
        folder = Path(directory)
        card = SoundCard(folder / "sound")
        card.plug_in()
        try:
            with run_daemon(thread, card, folder) as daemon:
                yield daemon
        finally:
            card.unplug()


@pytest.fixture(scope="package")
def words() -> Samples:
    """The first second and a half of the shipped question."""
    samples, rate_hz = wav.read(shipped_question().read_bytes())
    return samples[: 3 * rate_hz // 2]
