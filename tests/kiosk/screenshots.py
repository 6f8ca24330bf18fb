"""`python -m tests.kiosk.screenshots DIRECTORY`: the page in all its states, as pictures for the docs."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page

from tests.kiosk.browser import open_browser, open_page
from tests.kiosk.scene import LoopThread, Scene, open_scene

SIZES = ("800x480", "1080x1920", "1920x1080")
COLOURS = 64  # enough for one circle and its text

QUESTION = "What did you see in the Analytical Engine that others did not?"
ANSWER = (
    "That it might act upon other things besides number. Babbage saw a machine that calculates; I saw one that could "
    "weave algebraical patterns just as the Jacquard loom weaves flowers and leaves."
)
CITATIONS: list[dict[str, Any]] = [
    {
        "url": "https://www.fourmilab.ch/babbage/sketch.html",
        "title": "Sketch of the Analytical Engine, with notes",
        "text": "The operating mechanism might act upon other things besides number, were objects found whose mutual "
        "fundamental relations could be expressed by those of the abstract science of operations.",
        "type": "web",
    },
    {
        "url": "https://en.wikipedia.org/wiki/Jacquard_machine",
        "title": "Jacquard machine",
        "text": "A device fitted to a loom that simplifies the manufacturing of textiles with complex patterns.",
        "type": "web",
    },
    {
        "url": None,
        "title": "Letters to Charles Babbage, 1843",
        "text": "I am doggedly attacking and sifting.",
        "type": "book",
    },
]


def turn(number: int, *, said_ms: int, event: int, sound: int, reply_ms: int, **others: Any) -> dict[str, Any]:
    """A turn as the daemon tells it."""
    return {
        **{"turn": number, "outcome": "answered", "fault": None, "upload": "live", "http_status": 200},
        **{
            "first_frame": -said_ms,
            "pressed": 300 - said_ms,
            "connected": 350 - said_ms,
            "released": 0,
            "body_sent": 4,
        },
        **{"first_event": event, "first_audio": event, "first_sound": sound, "last_audio": sound + 200},
        **{"drained": sound + reply_ms, "utterance_ms": said_ms, "reply_ms": reply_ms},
        **{"retries": 0, "underruns": 0, "overflows": 0, **others},
    }


def idle(scene: Scene, page: Page) -> None:
    scene.stand("idle")


def listening(scene: Scene, page: Page) -> None:
    scene.stand("listening")
    scene.tell("level", source="microphone", dbfs=-20.0)


def thinking(scene: Scene, page: Page) -> None:
    scene.stand("thinking")


def speaking(scene: Scene, page: Page) -> None:
    scene.stand("thinking")
    scene.say(ANSWER)
    scene.stand("speaking")
    scene.tell("level", source="speaker", dbfs=-18.0)


def answered(scene: Scene, page: Page) -> None:
    speaking(scene, page)
    scene.cite(CITATIONS)
    scene.stand("idle")
    scene.say(QUESTION, who="user")
    page.locator(".qr").first.wait_for()
    page.wait_for_timeout(900)  # it is scrolled there


def offline(scene: Scene, page: Page) -> None:
    scene.fault("offline")


def refused(scene: Scene, page: Page) -> None:
    scene.fault("refused")


def muted(scene: Scene, page: Page) -> None:
    scene.tell("settings", muted=True)


def hint(scene: Scene, page: Page) -> None:
    scene.fault("too-quiet")


def pictured(scene: Scene, page: Page) -> None:
    jpeg = io.BytesIO()
    weave().save(jpeg, "JPEG")
    scene.picture = ("image/jpeg", jpeg.getvalue())
    scene.say("This is what I had in mind.")
    scene.tell("picture", turn=1, url="https://example.org/weave.jpg")
    scene.stand("speaking")
    page.locator(".picture").wait_for()
    page.locator("#stage").evaluate("each => each.scrollTo(0, 0)")


def weave() -> Image.Image:
    """A picture that nobody else has a right in, in greys: with few colours of its own."""
    return Image.effect_mandelbrot((900, 520), (-2.2, -1.2, 0.9, 1.2), 60).point(lambda grey: 255 - grey // 16 * 16)


def debug(scene: Scene, page: Page) -> None:
    scene.snapshot["turns"] = [
        turn(1, said_ms=3300, event=412, sound=478, reply_ms=6100),
        turn(2, said_ms=2100, event=388, sound=452, reply_ms=4200),
        turn(3, said_ms=4800, event=595, sound=661, reply_ms=9300, upload="exact", body_sent=180, retries=1),
        turn(4, said_ms=1900, event=1130, sound=1196, reply_ms=3100, underruns=1),
    ]
    scene.snapshot["totals"] = {"turns": 4, "answered": 4, "retries": 1, "underruns": 1, "overflows": 0}
    page.goto(scene.url + "?view=debug")
    page.locator("#debug rect").first.wait_for()


Stage = Callable[[Scene, Page], None]
STATES: tuple[Stage, ...] = (idle, listening, thinking, speaking, answered, pictured, offline, refused, muted, hint)


def shoot(directory: Path, states: Sequence[Stage], sizes: Sequence[str], themes: Sequence[str]) -> None:
    thread = LoopThread()
    with open_browser() as browser:
        for theme in themes:
            for size in sizes:
                for stage in states:
                    path = directory / f"{stage.__name__}-{size}{'' if theme == 'light' else '-' + theme}.png"
                    with open_scene(thread) as scene:
                        scene.set(theme=theme)
                        width, height = map(int, size.split("x"))
                        with open_page(browser, scene.url, size=(width, height)) as page:
                            stage(scene, page)
                            settle(page)
                            save(page.screenshot(), path)
    thread.close()


def settle(page: Page) -> None:
    """Until nothing moves but what always moves."""
    page.evaluate(
        """Promise.allSettled(document.getAnimations().filter((each) => each.effect.getTiming().iterations === 1)
                               .map((each) => each.finished)).then(() => {})"""
    )
    page.wait_for_timeout(400)


def save(png: bytes, path: Path) -> None:
    """With few colours."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--theme", nargs="+", default=["light"])
    parser.add_argument("--size", nargs="+", default=SIZES)
    parser.add_argument("--state", nargs="+", default=[each.__name__ for each in STATES])
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    states = [each for each in (*STATES, debug) if each.__name__ in arguments.state]
    shoot(arguments.directory, states, arguments.size, arguments.theme)
