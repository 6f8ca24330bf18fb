"""The page alone: the real server, told by hand what the daemon would tell."""

from __future__ import annotations

import io
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from clonespeaker import cues
from clonespeaker.status import protocol
from clonespeaker.turn import State
from clonespeaker.words import LANGUAGES, load_words
from tests.kiosk.browser import go, open_page
from tests.kiosk.daemon import Finger
from tests.kiosk.scene import LoopThread, Scene, open_scene

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>&lt;b&gt; ${3} \u202e\u0000{{4}}"


def in_state(page: Page, name: str) -> None:
    page.locator(f"body[data-state={name}]").wait_for()


def obeyed(page: Page, scene: Scene, *names: str) -> None:
    """These commands have come, and no others."""
    for _ in range(1_200):
        got = [type(each).__name__ for each in scene.obeyed]
        if len(got) >= len(names):
            break
        page.wait_for_timeout(25)
    assert got == list(names)


# What it shows


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_and_fault_in_words(page: Page, scene: Scene, language: str) -> None:
    words = load_words(language)
    scene.set(language=language)
    expect(page.locator("html")).to_have_attribute("lang", language)
    for state in ("listening", "thinking", "speaking", "idle"):
        scene.stand(state)
        expect(page.locator("#headline")).to_have_text(words.states[state])
        expect(page.locator("#say-state")).to_have_text(words.states[state])
    for name, fault in words.faults.items():
        if name == "muted":
            continue
        scene.fault(name)
        expect(page.locator("#headline")).to_have_text(fault.what)
        expect(page.locator("#hint")).to_have_text(fault.remedy)
        if name in ("too-loud", "too-quiet"):  # hints: nobody need hurry
            expect(page.locator("#say-state")).to_have_text(fault.what)
        else:
            expect(page.locator("#say-fault")).to_have_text(f"{fault.what} {fault.remedy}")
        scene.fault(name, active=False)
    expect(page.locator("#say-fault")).to_have_text("")
    scene.tell("settings", muted=True)
    expect(page.locator("#headline")).to_have_text(words.states["muted"])
    expect(page.locator("#hint")).to_have_text(f"{words.faults['muted'].what} {words.faults['muted'].remedy}")


def test_the_gravest_fault_is_told_and_a_turn_wins(page: Page, scene: Scene) -> None:
    for name in ("offline", "refused", "busy"):
        scene.fault(name)
    expect(page.locator("#headline")).to_have_text("My key was refused.")
    scene.stand("listening")
    expect(page.locator("#headline")).to_have_text("I'm listening")
    scene.stand("thinking")
    expect(page.locator("#hint")).to_have_text("My key was refused.")


def test_a_hint_waits_until_the_turn_is_over(page: Page, scene: Scene) -> None:
    scene.stand("thinking")
    scene.fault("too-quiet")
    scene.tell("settings", volume=35)
    expect(page.locator("#volume")).to_have_text("35")
    expect(page.locator("#hint")).to_have_text(load_words("en").page["touch_to_stop"])
    scene.stand("idle")
    expect(page.locator("#headline")).to_have_text(load_words("en").faults["too-quiet"].what)
    scene.tell("settings", muted=True)
    page.locator("body[data-face=muted]").wait_for()


def test_the_circle_has_the_colours_of_the_table(page: Page, scene: Scene) -> None:
    for state in ("listening", "thinking", "speaking"):
        scene.stand(state)
        in_state(page, state)
        assert (
            page.locator("body").evaluate("each => each.style.getPropertyValue('--cue')")
            == cues.STATES[State(state)].colour
        )


def test_a_hand_on_the_mute_switch(page: Page, scene: Scene) -> None:
    scene.tell("settings", muted=True, mute_switch=True)
    expect(page.locator("#hint")).to_have_text("A switch turns my microphone off. To talk to me, please unmute it.")
    expect(page.locator("#mute")).to_be_disabled()
    scene.tell("settings", muted=False, mute_switch=False)
    expect(page.locator("#mute")).to_be_enabled()


def test_captions_as_they_come(page: Page, scene: Scene) -> None:
    scene.stand("thinking")
    scene.say("That it", final=False)
    expect(page.locator(".clone")).to_have_text("That it")
    expect(page.locator("#say-caption")).to_have_text("")  # a screen reader hears it once, whole
    scene.say("That it might.", final=True)
    expect(page.locator(".clone")).to_have_text("That it might.")
    expect(page.locator("#say-caption")).to_have_text("That it might.")
    scene.say("What?", who="user")
    expect(page.locator("#stage > *")).to_have_text(["What?", "That it might."])
    scene.say("Another.", turn=2)
    expect(page.locator("#stage > *")).to_have_text(["Another."])


def let_pass(page: Page, scene: Scene, seconds: int) -> None:
    """The page's clock goes on; and the daemon, whose clock does not, is heard now and then."""
    for step in range(seconds // 10):
        page.clock.run_for(10_000)
        scene.tell("settings", volume=step)
        expect(page.locator("#volume")).to_have_text(str(step))


def test_a_long_answer_goes_along_with_the_voice_and_leaves_in_the_end(browser: Browser, scene: Scene) -> None:
    with open_page(browser, scene.url) as page:
        page.clock.install()
        scene.stand("speaking")
        scene.say("a word and " * 400)  # as in a voice's reply, whose text comes last
        page.locator(".clone").wait_for()
        let_pass(page, scene, 120)
        for _ in range(1_200):
            if page.locator("#stage").evaluate("each => each.scrollTop") > 5:
                break
            page.wait_for_timeout(25)
        else:
            pytest.fail("it stays where it was")
        scene.stand("idle")
        in_state(page, "idle")
        expect(page.locator("#stage")).to_be_visible()
        let_pass(page, scene, 600)
        expect(page.locator("#stage")).to_be_hidden()


def test_scripts_from_right_to_left(page: Page, scene: Scene) -> None:
    scene.say("المحرك التحليلي")
    scene.cite([{"url": "https://example.org/", "title": "המנוע האנליטי", "text": None, "type": None}])
    page.locator(".qr").wait_for()
    for selector in (".clone", ".sources h3"):
        assert page.locator(selector).evaluate("each => getComputedStyle(each).direction") == "rtl"
    assert page.locator(".host").evaluate("each => getComputedStyle(each).direction") == "ltr"


def test_a_picture_is_had_from_the_daemon(page: Page, scene: Scene) -> None:
    png = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(png, "PNG")
    scene.picture = ("image/png", png.getvalue())
    scene.tell("picture", turn=1, url="https://elsewhere.example/picture.png")
    expect(page.locator(".picture")).to_have_js_property("naturalWidth", 40)
    source = page.locator(".picture").get_attribute("src") or ""
    assert source.startswith(scene.url)


def test_a_picture_that_is_slow_to_come_is_shown_when_it_is_there(page: Page, scene: Scene) -> None:
    with page.expect_response("**/picture?*"):
        scene.tell("picture", turn=1, url="https://elsewhere.example/picture.png")
    png = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(png, "PNG")
    scene.picture = ("image/png", png.getvalue())
    expect(page.locator(".picture")).to_have_js_property("naturalWidth", 40)


def test_a_picture_that_cannot_be_had_is_left_out(page: Page, scene: Scene) -> None:
    with page.expect_response("**/picture?*") as answer:
        scene.tell("picture", turn=1, url="https://elsewhere.example/picture.png")
    assert answer.value.status == 204
    scene.say("Hello.")
    expect(page.locator("#stage > *")).to_have_text(["Hello."])


def test_cards_without_a_link_and_links_that_are_none(page: Page, scene: Scene) -> None:
    scene.cite(
        [
            {"url": None, "title": "A book", "text": None, "type": "book"},
            {"url": "https://example.org/" + "x" * 900, "title": "Too long to scan", "text": None, "type": None},
            {"url": "javascript:alert(1)", "title": "Not a page", "text": None, "type": None},
            {"url": None, "title": None, "text": None, "type": None},
        ]
    )
    expect(page.locator(".sources h3")).to_have_text(["A book", "Too long to scan", "Not a page"])
    expect(page.locator(".host")).to_have_text(["example.org"])
    expect(page.locator(".qr, .scan, a")).to_have_count(0)


def test_a_source_without_a_title_is_called_by_its_text_or_its_host(page: Page, scene: Scene) -> None:
    link = "https://www.example.org/engines"
    scene.cite(
        [
            {"url": link, "title": None, "text": "It weaves.", "type": None},
            {"url": link, "title": None, "text": None, "type": None},
            {"url": None, "title": None, "text": "It sifts.", "type": None},
        ]
    )
    expect(page.locator(".sources li")).to_have_count(3)
    texts = page.locator(".sources li").evaluate_all(
        "all => all.map(li => [...li.firstChild.children].map(e => e.textContent))"
    )
    assert texts == [["It weaves.", "example.org"], ["example.org"], ["It sifts."]]
    expect(page.locator(".qr")).to_have_count(2)


def test_hostile_text_stays_text(page: Page, scene: Scene) -> None:
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    scene.set(title="<b>" + "x" * 40)
    scene.snapshot["clone"] = {"name": HOSTILE}
    scene.say(HOSTILE)
    scene.say(HOSTILE, who="user")
    scene.cite([{"url": "https://example.org/<script>", "title": HOSTILE, "text": HOSTILE, "type": HOSTILE}])
    scene.fault("<script>alert(1)</script>")
    assert page.locator(".clone").text_content() == HOSTILE
    expect(page.locator(".sources h3")).to_contain_text("<script>")
    expect(page.locator("#name")).to_contain_text("<b>")
    assert page.locator("img, body script, b").count() == 0
    expect(page.locator("#headline")).to_have_text("Something went wrong on my side.")


# What it takes


def test_a_touch_shows_at_once_whatever_the_daemon_does(page: Page, scene: Scene) -> None:
    page.evaluate(
        "document.getElementById('button').addEventListener('pointerdown', () => { seen = document.body.dataset.held })"
    )
    finger = Finger(page)
    finger.down()
    assert page.evaluate("seen") == "true"  # within the very event
    finger.up()
    obeyed(page, scene, "Press", "Release")


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_press_while_muted_shows_at_once_what_to_do(
    page: Page, scene: Scene, motion: Literal["no-preference", "reduce"]
) -> None:
    page.emulate_media(reduced_motion=motion)
    page.clock.install()
    scene.tell("settings", muted=True)
    page.locator("body[data-face=muted]").wait_for()
    page.evaluate(
        """document.getElementById('button').addEventListener('pointerdown', () => {
            const moves = document.getElementById('button').getAnimations().some((each) => !each.transitionProperty);
            seen = [document.body.dataset.stress, moves];
        })"""
    )
    finger = Finger(page)
    finger.down()
    assert page.evaluate("seen") == ["true", motion != "reduce"]  # within the very event
    expect(page.locator("#say-fault")).to_contain_text("To talk to me, please unmute it.")
    finger.up()
    obeyed(page, scene, "Press", "Release")
    page.clock.run_for(10_000)
    expect(page.locator("body")).to_have_attribute("data-stress", "false")


@pytest.mark.parametrize(
    "let_go",
    [
        "dispatchEvent(new Event('blur'))",
        "dispatchEvent(new Event('pagehide'))",
        "Object.defineProperty(document, 'hidden', {value: 1}), document.dispatchEvent(new Event('visibilitychange'))",
        "",  # the system takes it away
    ],
)
def test_whatever_ends_a_touch_lets_go(page: Page, scene: Scene, let_go: str) -> None:
    finger = Finger(page)
    finger.down()
    obeyed(page, scene, "Press")
    if let_go:
        page.evaluate(let_go)
    else:
        finger.cancel()
    obeyed(page, scene, "Press", "Release")
    assert page.locator("body").get_attribute("data-held") == "false"


def test_keys_hold_and_do_not_repeat(page: Page, scene: Scene) -> None:
    for key in (" ", "Enter"):
        page.keyboard.down(key)
        page.keyboard.down(key)  # as it repeats
        page.keyboard.up(key)
    obeyed(page, scene, "Press", "Release", "Press", "Release")


def test_keys_on_another_button_are_that_buttons(page: Page, scene: Scene) -> None:
    page.locator("#mute").focus()
    page.keyboard.press(" ")
    obeyed(page, scene, "Mute")


def test_who_cannot_hold_presses_twice(page: Page, scene: Scene) -> None:
    page.locator("#button").evaluate("each => each.click()")  # as a screen reader does
    obeyed(page, scene, "Press")
    scene.stand("listening")
    in_state(page, "listening")
    page.locator("#button").evaluate("each => each.click()")
    obeyed(page, scene, "Press", "Release")


def test_who_taps_where_one_holds_is_told_so(page: Page, scene: Scene) -> None:
    page.clock.install()
    hint, body = page.locator("#hint"), page.locator("body")
    for over in ("with time", "with a press"):
        scene.stand("listening")
        scene.stand("idle")
        scene.tell("turn", turn=1, outcome="tapped", fault=None)
        expect(body).to_have_attribute("data-stress", "true")
        expect(hint).to_have_text("Hold the button and speak")
        assert hint.evaluate("each => getComputedStyle(each).textDecorationLine") == "underline"
        if over == "with time":
            page.clock.run_for(10_000)
        else:
            scene.stand("listening")
        expect(body).to_have_attribute("data-stress", "false")


def test_a_tap_needs_no_release(page: Page, scene: Scene) -> None:
    scene.set(mode="tap")
    expect(page.locator("#hint")).to_have_text("Tap the button and speak")
    finger = Finger(page)
    finger.down()
    finger.up()
    page.locator("#louder").tap()
    obeyed(page, scene, "Press", "Volume")


def test_a_new_conversation_clears_the_stage(page: Page, scene: Scene) -> None:
    scene.say("Hello.")
    page.locator(".clone").wait_for()
    page.locator("#renew").tap()
    expect(page.locator("#stage")).to_be_hidden()
    obeyed(page, scene, "Cancel", "NewConversation")


def test_a_new_conversation_that_takes_its_time(page: Page, scene: Scene) -> None:
    scene.obeys.clear()
    page.locator("#renew").tap()
    expect(page.locator("#renew")).to_be_disabled()
    Finger(page).down()
    obeyed(page, scene, "Cancel", "NewConversation", "Press")
    scene.thread.call(scene.obeys.set)
    expect(page.locator("#renew")).to_be_enabled()


def test_no_conversation_to_be_had(page: Page, scene: Scene) -> None:
    scene.refuses = protocol.CommandError("offline", "the clone can't be reached")
    page.locator("#renew").tap()
    expect(page.locator("#hint")).to_have_text("I can't reach my server.")
    expect(page.locator("#hint")).to_have_text("Hold the button and speak", timeout=60_000)


def test_the_volume_goes_by_steps_and_has_an_end(page: Page, scene: Scene) -> None:
    page.locator("#louder").tap()
    page.locator("#quieter").tap()
    obeyed(page, scene, "Volume", "Volume")
    assert scene.obeyed == [protocol.Volume(step=1), protocol.Volume(step=-1)]
    scene.tell("settings", volume=100)
    expect(page.locator("#louder")).to_be_disabled()


# Settings, tokens, and other versions


def test_settings_take_effect_at_once(page: Page, scene: Scene) -> None:
    scene.set(title="Ask Ada", text_percent=150, theme="dark", controls=False)
    expect(page.locator("#name")).to_have_text("Ask Ada")
    expect(page).to_have_title("Ask Ada")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("#controls")).to_be_hidden()
    assert page.evaluate("document.documentElement.style.getPropertyValue('--text')") == "1.5"


def test_the_name_comes_later(page: Page, scene: Scene) -> None:
    scene.tell("clone", name="Charles Babbage", slug="charles")
    expect(page.locator("#name")).to_have_text("Charles Babbage")


@pytest.mark.parametrize(
    ("media", "theme"),
    [
        ({"color_scheme": "light"}, "light"),
        ({"color_scheme": "dark"}, "dark"),
        ({"color_scheme": "light", "contrast": "more"}, "contrast"),
    ],
)
def test_the_browsers_preference(page: Page, media: dict[str, str], theme: str) -> None:
    page.emulate_media(**media)  # type: ignore[arg-type]
    expect(page.locator("html")).to_have_attribute("data-theme", theme)


def test_reduced_motion(page: Page, scene: Scene) -> None:
    page.emulate_media(reduced_motion="reduce")
    for state in ("idle", "listening", "thinking"):
        scene.stand(state)
        in_state(page, state)
        assert page.evaluate("document.getAnimations().length") == 0
    scene.say("Hello.")
    page.locator(".clone").wait_for()
    assert page.evaluate("document.getAnimations().length") == 0


def test_the_token_goes_along(browser: Browser, thread: LoopThread) -> None:
    with open_scene(thread, token="s3+cr&et", read_token="reading") as scene:
        with open_page(browser, scene.url + "?token=s3+cr%26et") as page:
            in_state(page, "idle")
            expect(page.locator("#controls")).to_be_visible()
            Finger(page).down()
            obeyed(page, scene, "Press")
        with open_page(browser, scene.url + "?token=reading") as page:
            expect(page.locator("#hint")).to_have_text("This screen only shows what is said.")
            expect(page.locator("#controls")).to_be_hidden()
            expect(page.locator("#icon")).to_have_attribute("href", "#i-voice")  # nothing that asks to be pressed
            Finger(page).down()
            page.keyboard.press("Enter")
            scene.say("Hello.")
            page.locator(".clone").wait_for()
            obeyed(page, scene, "Press", "Release")  # the first page's, as it was closed


def test_a_connection_that_died_unnoticed(browser: Browser, scene: Scene) -> None:
    words = load_words("en")
    with open_page(browser, scene.url, may_lose_its_daemon=True) as page:
        in_state(page, "idle")
        with scene.frozen():
            expect(page.locator("#hint")).to_have_text(words.page["reconnecting"], timeout=60_000)
        expect(page.locator("#hint")).to_have_text(words.page["hold_to_talk"], timeout=60_000)


def test_what_another_run_of_the_daemon_told_is_over(browser: Browser, thread: LoopThread) -> None:
    with open_scene(thread) as scene:
        port = scene.server.port
        page = browser.new_context().new_page()
        go(page, scene.url)
        scene.say("Hello Ann.")
        page.locator(".clone").wait_for()
    with open_scene(thread, port=port):
        expect(page.locator("#stage")).to_be_hidden(timeout=60_000)


def test_a_token_that_is_no_longer_good_is_told_until_it_is_again(browser: Browser, thread: LoopThread) -> None:
    words = load_words("en")
    context = browser.new_context()  # not `open_page`: the browser complains of each refusal
    page = context.new_page()
    with open_scene(thread, token="old") as scene:
        port = scene.server.port
        go(page, scene.url + "?token=old")
        in_state(page, "idle")
    expect(page.locator("#hint")).to_have_text(words.page["reconnecting"], timeout=60_000)
    with open_scene(thread, token="new", port=port):
        expect(page.locator("#headline")).to_have_text(words.page["shut_out"], timeout=60_000)
        expect(page.locator("#hint")).to_have_text(words.page["open_anew"])
        expect(page.locator("#say-fault")).to_have_text(f"{words.page['shut_out']} {words.page['open_anew']}")
    with open_scene(thread, token="old", port=port):
        expect(page.locator("#headline")).to_have_text(words.states["idle"], timeout=60_000)
    context.close()


def test_another_version_of_the_daemon_brings_its_own_page(page: Page, scene: Scene) -> None:
    def another(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "build": "another"})

    page.route("**/kiosk.json", another, times=1)
    with page.expect_navigation():
        scene.tell("settings", reread=True)
    in_state(page, "idle")


def test_nothing_foreign_is_loaded_even_if_asked(browser: Browser, scene: Scene) -> None:
    context = browser.new_context()  # not `open_page`, which fails at what the browser complains of here
    page = context.new_page()
    page.goto(scene.url)
    refused = page.evaluate(
        """async () => {
            const refused = [];
            addEventListener('securitypolicyviolation', (e) => refused.push(e.effectiveDirective));
            new Image().src = 'https://elsewhere.example/x.png';
            await fetch('https://elsewhere.example/').catch(() => {});
            try { new WebSocket('wss://elsewhere.example/'); } catch {}
            const script = document.createElement('script');
            try { script.textContent = '1'; } catch { refused.push('trusted types'); }
            try { document.body.innerHTML = '<p>'; } catch { refused.push('markup'); }
            await new Promise((resolve) => setTimeout(resolve, 200));
            return [...new Set(refused)];
        }"""
    )
    context.close()
    assert {"img-src", "connect-src", "trusted types", "markup"} <= set(refused)
