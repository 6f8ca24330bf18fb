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
    """The daemon's."""
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
    daemon.clone.reply_text, daemon.clone.tone_s = "A machine that weaves patterns.", 3.0  # time to see that it speaks
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
    for _ in range(1_200):
        if page.evaluate("loudest") > 0.3:
            break
        page.wait_for_timeout(25)
    assert page.evaluate("loudest") > 0.3
    finger.up()
    state(page, "speaking")
    daemon.clone.tone_s = 0.4
    expect(page.locator(".clone")).to_have_text("A machine that weaves patterns.")
    expect(page.locator(".sources h3")).to_have_text("Notes")
    expect(page.locator(".host")).to_have_text("example.org")
    expect(page.locator(".qr")).to_be_visible()
    state(page, "idle")
    expect(page.locator(".user")).to_contain_text("seconds of speech")
    assert daemon.clone.received[-1].pcm


@pytest.fixture
def tap_mode(page: Page, daemon: Daemon) -> Iterator[None]:
    daemon.read_settings_again(button={"mode": "tap"})
    expect(page.locator("#hint")).to_have_text("Tap the button and speak")
    yield
    daemon.read_settings_again(button={"mode": "hold"})
    expect(page.locator("#hint")).to_have_text("Hold the button and speak")


@pytest.mark.usefixtures("tap_mode")
def test_tap_to_start_and_tap_to_send(page: Page, daemon: Daemon, words: Samples) -> None:
    daemon.clone.reply_text = "Tapped."
    finger = Finger(page)
    finger.down()
    finger.up()
    state(page, "listening")
    expect(page.locator("#hint")).to_have_text("Tap when you are done")
    daemon.speak(words)
    finger.down()
    finger.up()
    expect(page.locator(".clone")).to_have_text("Tapped.")
    state(page, "idle")


def hold_and_speak(page: Page, daemon: Daemon, words: Samples) -> Finger:
    """The finger, which still holds, when some words were spoken."""
    finger = Finger(page)
    finger.down()
    state(page, "listening")
    daemon.speak(words[: words.size // 3])
    return finger


def test_a_touch_that_the_system_takes_away_lets_go(page: Page, daemon: Daemon, words: Samples) -> None:
    daemon.clone.reply_text = "Let go."
    finger = hold_and_speak(page, daemon, words)
    finger.cancel()
    expect(page.locator(".clone")).to_have_text("Let go.")
    state(page, "idle")


def test_a_key_holds_the_button(page: Page, daemon: Daemon, words: Samples) -> None:
    daemon.clone.reply_text = "By key."
    page.keyboard.down(" ")
    state(page, "listening")
    daemon.speak(words[: words.size // 3])
    page.keyboard.up(" ")
    expect(page.locator(".clone")).to_have_text("By key.")
    state(page, "idle")


def test_barge_in(page: Page, daemon: Daemon, words: Samples) -> None:
    daemon.clone.reply_text, daemon.clone.tone_s = "A long answer.", 20.0
    finger = hold_and_speak(page, daemon, words)
    finger.up()
    state(page, "speaking")
    expect(page.locator("#hint")).to_have_text("Press to interrupt me")
    daemon.clone.reply_text, daemon.clone.tone_s = "A short one.", 0.4
    finger.down()
    state(page, "listening")
    expect(page.locator(".clone")).to_have_text("A long answer.")  # the circle stays under the finger
    daemon.speak(words[: words.size // 3])
    finger.up()
    expect(page.locator(".clone")).to_have_text("A short one.")
    state(page, "idle")


def test_volume_mute_and_a_new_conversation(page: Page, daemon: Daemon) -> None:
    expect(page.locator("#volume")).to_have_text("80")
    page.locator("#quieter").tap()
    expect(page.locator("#volume")).to_have_text("75")
    page.locator("#louder").tap()
    expect(page.locator("#volume")).to_have_text("80")
    page.locator("#mute").tap()
    expect(page.locator("#headline")).to_have_text("I can't hear you")
    expect(page.locator("#mute")).to_have_attribute("aria-label", "Unmute my microphone")
    finger = Finger(page)
    finger.down()
    finger.up()
    expect(page.locator("body")).to_have_attribute("data-stress", "true")
    expect(page.locator("#hint")).to_have_text("My microphone is muted. To talk to me, please unmute it.")
    page.locator("#mute").tap()
    expect(page.locator("#headline")).to_have_text("Ask me anything")
    with page.expect_event("websocket") as opened:
        page.reload()
    with opened.value.expect_event(
        "framereceived", lambda frame: '"conversation":{"id"' in frame and "settings" in frame
    ):
        page.locator("#renew").tap()


def test_the_daemon_restarts(browser: Browser, daemon: Daemon, words: Samples) -> None:
    with open_page(browser, daemon.url, may_lose_its_daemon=True) as page:
        state(page, "idle")
        daemon.stop()
        expect(page.locator("#hint")).to_have_text("I'll be right back.")
        daemon.start()
        expect(page.locator("#hint")).to_have_text("Hold the button and speak")
        daemon.clone.reply_text = "Here again."
        finger = hold_and_speak(page, daemon, words)
        finger.up()
        expect(page.locator(".clone")).to_have_text("Here again.")
        state(page, "idle")


def test_the_last_turns_as_a_waterfall(browser: Browser, daemon: Daemon, words: Samples) -> None:
    with open_page(browser, f"{daemon.url}?view=debug") as page:
        bars = page.locator("#debug rect title")
        before = bars.count()
        page.keyboard.down(" ")
        daemon.speak(words[: words.size // 3])
        page.keyboard.up(" ")
        expect(bars).to_have_count(before + 5)
        expect(page.locator("#debug dl")).to_contain_text("answered")
