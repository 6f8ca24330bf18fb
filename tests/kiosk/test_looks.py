"""How the page looks: everybody can read it, on every screen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from clonespeaker import cues
from clonespeaker.words import LANGUAGES
from tests.kiosk.browser import open_page
from tests.kiosk.scene import Scene
from tests.kiosk.screenshots import ANSWER, CITATIONS, QUESTION, turn

SIZES = ((480, 320), (800, 480), (1080, 1920), (1920, 1080), (3840, 2160))
LONG_TITLE = "Ask Ada about engines, looms, and a title that does not want to end"
INK_ON_CUE = "#101216"  # kiosk.css: --on-cue

_OVERFLOWS = """async () => {
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    const over = [], all = (selector) => [...document.querySelectorAll(selector)];
    const seen = (selector) => all(selector).filter((each) => each.checkVisibility());
    const name = (each) => each.id || each.tagName;
    for (const each of seen("html, body, header, main, #talk, #words, #headline, #hint, #controls, li")) {
        if (each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > 1.05 * each.clientHeight)
            over.push(`${name(each)}: ${each.scrollWidth}x${each.scrollHeight}, more than its room`);
    }
    for (const each of seen("#button, #headline, #hint, #controls button, #name")) {
        const { left, top, right, bottom } = each.getBoundingClientRect();
        if (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1)
            over.push(`${name(each)} is off the screen: ${[left, top, right, bottom]}`);
    }
    const [words] = seen("#words").map((each) => each.getBoundingClientRect());
    const circle = document.getElementById("button").getBoundingClientRect();
    if (words.top < circle.bottom && words.left < circle.right && words.right > circle.left)
        over.push("words on the circle");
    if (circle.width < 44 || Math.abs(circle.width - circle.height) > 1) over.push("the circle");
    for (const each of seen(".sources h3"))
        if (each.clientWidth < 7 * parseFloat(getComputedStyle(each).fontSize)) over.push("a title has no room");
    const stage = document.getElementById("stage");
    if (stage.scrollWidth > stage.clientWidth + 1) over.push("the stage, sideways");
    return over;
}"""


def overflows(page: Page) -> list[str]:
    found: list[str] = page.evaluate(_OVERFLOWS)
    return found


@pytest.mark.parametrize("size", SIZES, ids=[f"{width}x{height}" for width, height in SIZES])
def test_nothing_is_cut_off(browser: Browser, scene: Scene, size: tuple[int, int]) -> None:
    with open_page(browser, scene.url, size=size, reduced_motion="reduce") as page:
        for percent in (100, 200):
            scene.set(title=LONG_TITLE, text_percent=percent)
            for stage in (False, True):
                if stage:
                    scene.say(ANSWER * 5)
                    scene.say(QUESTION, who="user")
                    scene.cite(CITATIONS * 2)
                for state in ("idle", "listening", "thinking", "speaking"):
                    scene.stand(state)
                    page.locator(f"body[data-state={state}]").wait_for()
                    assert overflows(page) == [], f"{state}, {percent} %, {'answer' if stage else 'circle'}"
            scene.stand("idle")
            scene.tell("settings", conversation={})
            page.locator("body[data-stage=off]").wait_for()


@pytest.mark.parametrize(("size", "percent"), [(SIZES[0], 100), (SIZES[0], 200), (SIZES[1], 200)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_fault_is_too_long_for_small_screens(
    browser: Browser, scene: Scene, language: str, size: tuple[int, int], percent: int
) -> None:
    scene.set(language=language, text_percent=percent)
    with open_page(browser, scene.url, size=size, reduced_motion="reduce") as page:
        for stage in (False, True):
            if stage:
                scene.say("Hm.")
            for name in cues.FAULTS:
                scene.fault(name)
                page.locator("body[data-face=fault], body[data-face=hint], body[data-face=muted]").wait_for()
                assert overflows(page) == [], f"{name}, {'answer' if stage else 'circle'}"
                scene.fault(name, active=False)
            for switch in (False, True):
                scene.tell("settings", muted=True, mute_switch=switch)
                page.locator("body[data-face=muted]").wait_for()
                assert overflows(page) == [], f"muted, {'answer' if stage else 'circle'}"
            scene.tell("settings", muted=False, mute_switch=False)


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_accessible(browser: Browser, scene: Scene, theme: str) -> None:
    axe = Axe()
    scene.set(theme=theme)
    scene.snapshot["turns"] = [turn(1, said_ms=3300, event=412, sound=478, reply_ms=6100)]
    with open_page(browser, scene.url, reduced_motion="reduce") as page:
        for state in ("idle", "listening", "thinking", "speaking", "fault", "muted", "answer"):
            if state == "fault":
                scene.stand("idle")
                scene.fault("refused")
            elif state == "muted":
                scene.fault("refused", active=False)
                scene.tell("settings", muted=True)
            elif state == "answer":
                scene.say(ANSWER)
                scene.say(QUESTION, who="user")
                scene.cite(CITATIONS)
                page.locator(".qr").first.wait_for()
            else:
                scene.stand(state)
            page.locator(f"body[data-face={'muted' if state == 'answer' else state}]").wait_for()
            assert violations(axe, page) == [], state
        page.goto(scene.url + "?view=debug")
        page.locator("#debug dl").wait_for(state="attached")
        assert violations(axe, page) == []


def violations(axe: Axe, page: Page) -> list[str]:
    response: dict[str, Any] = axe.run(page, options={"resultTypes": ["violations"]}).response
    return [f"{each['id']}: {json.dumps([node['html'] for node in each['nodes']])}" for each in response["violations"]]


def test_an_icon_can_be_seen_on_every_colour() -> None:
    for cue in (*cues.STATES.values(), *cues.FAULTS.values(), cues.MUTED):
        assert contrast(cue.colour, INK_ON_CUE) >= 4.5


def contrast(one: str, other: str) -> float:
    """As WCAG 2 reckons it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_forced_colours_leave_a_button(browser: Browser, scene: Scene) -> None:
    with open_page(browser, scene.url, forced_colors="active") as page:
        button = page.locator("#button")
        assert button.evaluate("each => getComputedStyle(each).borderTopStyle") == "solid"
        assert button.evaluate("each => each.getBoundingClientRect().width") > 100
