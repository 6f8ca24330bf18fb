"""Whole turns by touch: the real daemon on null sound devices, a real browser in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from clonespeaker.audio.pcm import Samples
from tests.kiosk.browser import open_page
from tests.kiosk.daemon import Daemon, Finger

pytestmark = pytest.mark.sound


@pytest.fixture
def page(browser: Browser, daemon: Daemon) -> Iterator[Page]:
    with open_page(browser, daemon.url) as page:
        state(page, "idle")
        yield page


def state(page: Page, name: str) -> None:
    """Waits for it."""
    page.locator(f"body[data-state={name}]").wait_for()


def test_a_whole_turn(page: Page, daemon: Daemon, words: Samples) -> None:
    finger = Finger(page)
    daemon.clone.citations = [
        {"url": "https://example.org/notes", "title": "Notes", "text": "On engines.", "type": "web"}
    ]
    daemon.clone.reply_text = "A machine that weaves patterns."
    expect(page.locator("#name")).to_have_text("Simulated Clone")
    expect(page.locator("#hint")).to_have_text("Hold the button and speak")
    page.evaluate(
        "loudest = 0; new MutationObserver(() => { loudest = Math.max(loudest, "
        "Number(document.documentElement.style.getPropertyValue('--level'))) }).observe(document.documentElement, "
        "{attributeFilter: ['style']})"
    )
    finger.down()
    state(page, "listening")
    daemon.speak(words)
    assert page.evaluate("loudest") > 0.3
    finger.up()
    state(page, "speaking")
    expect(page.locator(".clone")).to_have_text("A machine that weaves patterns.")
    expect(page.locator(".sources h3")).to_have_text("Notes")
    expect(page.locator(".host")).to_have_text("example.org")
    expect(page.locator(".qr")).to_be_visible()
    state(page, "idle")
    expect(page.locator(".user")).to_contain_text("seconds of speech")
    assert daemon.clone.received[-1].pcm
