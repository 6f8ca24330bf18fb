"""Debian's Chromium, driven by Playwright; and what is held of every page that is opened in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = shutil.which("chromium")

_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-default-apps --hide-scrollbars --mute-audio"
).split()


@contextmanager
def open_browser() -> Iterator[Browser]:
    """One browser, without a screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS, chromium_sandbox=False)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(
    browser: Browser, url: str, *, size: tuple[int, int] = (800, 480), may_lose_its_daemon: bool = False, **context: Any
) -> Iterator[Page]:
    """The kiosk page, once it is drawn. It ends as an AssertionError where the browser had something to complain about.

    Args:
        browser: where.
        url: the daemon's address.
        size: of the screen, in CSS pixels.
        may_lose_its_daemon: what the browser says of refused connections doesn't count.
        context: of Playwright's `new_context`.
    """
    made = browser.new_context(viewport={"width": size[0], "height": size[1]}, **{"has_touch": True, **context})
    page = made.new_page()
    complaints = complaints_of(page, may_lose_its_daemon=may_lose_its_daemon)
    try:
        go(page, url)
        yield page
        assert complaints == []
    finally:
        made.close()


def go(page: Page, url: str) -> None:
    """Opens the kiosk page there; returns once it is drawn."""
    page.goto(url)
    page.locator("body:not([hidden])").wait_for()


def complaints_of(page: Page, *, may_lose_its_daemon: bool = False) -> list[str]:
    """What its console and its scripts have to complain about, from now on."""
    complaints: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not (may_lose_its_daemon and "ERR_CONNECTION" in message.text):
            complaints.append(message.text)

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints
