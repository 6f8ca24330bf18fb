"""The sheet of what each state and fault looks, sounds and lights like: docs/states.md and its swatches.

Written from `cues.py`, `words/` and the patterns that lights are drawn with, so that it says what the code does:

    python -m tests.sheet
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from pathlib import Path

from clonespeaker.cues import AMBER, BLUE, FAULTS, GREEN, MUTED, RED, STATES, WHITE, Cue, Earcon, Pattern
from clonespeaker.lights.patterns import BLINK_S, BREATH_S, PULSE_S, ROUND_S, looks, loudness
from clonespeaker.words import LANGUAGES, load_words

DOCS = Path(__file__).parents[1] / "docs"
SWATCHES = "states"  # beside the sheet

_COLOURS = {WHITE: "white", GREEN: "green", AMBER: "amber", BLUE: "blue", RED: "red"}
_LIGHT = {
    Pattern.DARK: "dark",
    Pattern.STEADY: "steady",
    Pattern.BREATHE: "breathes",
    Pattern.LEVEL: "as loud as the sound",
    Pattern.CIRCLE: "runs around",
    Pattern.BLINK: "blinks",
}
_ONE_LAMP = {
    Pattern.DARK: "dark",
    Pattern.STEADY: "steady",
    Pattern.BREATHE: f"swells and fades, once in {BREATH_S:g} s",
    Pattern.LEVEL: "faint in silence, brighter with what is heard",
    Pattern.CIRCLE: f"swells and fades quickly, once in {PULSE_S:g} s",
    Pattern.BLINK: f"on and off, once in {BLINK_S:g} s",
}
_IN_A_ROW = {
    Pattern.CIRCLE: f"a light with a tail runs around once in {ROUND_S:g} s; in a row, from one end to the other",
}

_HEAD = """\
# What it looks, sounds and lights like

<!-- Written by `python -m tests.sheet` from the table that the daemon uses; a test holds both together. -->

One table for lights, sounds and words ([cues.py](../daemon/clonespeaker/cues.py)), so that all of them say the same.
Amber passes by itself, red needs somebody. One thing is told at a time: a turn while it goes on; else what is wrong,
the gravest first, in the order below (a muted microphone is one of these); else the state. The drawings move as the
lights do. [sounds.md](sounds.md) tells how the sounds are made, and when which one is heard; [kiosk.md](kiosk.md) has
pictures of the page; [hardware/lights.md](../hardware/lights.md) tells how to connect lights.
"""


def page() -> str:
    """The sheet, as Markdown."""
    return "\n".join([_HEAD, *_states(), "", *_faults(), "", *_patterns(), "", *_languages()]) + "\n"


def _states() -> Iterator[str]:
    words = load_words("en").states
    yield from ("## States", "", "| | state | light | sounds when it begins | shows |", "|---|---|---|---|---|")
    for name, cue in [*STATES.items(), ("muted", MUTED)]:
        yield f"| {_picture(cue)} | `{name}` | {_light(cue)} | {_earcon(cue)} | “{words[name]}” |"
    yield ""
    yield f"`{Earcon.START}` where `sounds.start` is on; `{Earcon.THINKING}` sounds now and then while it thinks."


def _faults() -> Iterator[str]:
    words = load_words("en").faults
    yield from ("## Faults", "", "| | fault | light | sounds | words | aloud |", "|---|---|---|---|---|---|")
    for name, cue in FAULTS.items():
        said = f"“{words[name].what} {words[name].remedy}”"
        aloud = "yes" if cue.spoken else "no"
        yield f"| {_picture(cue)} | `{name}` | {_light(cue)} | {_earcon(cue)} | {said} | {aloud} |"
    yield ""
    yield "“Aloud” where a device has the words as sound; else sound and light tell, and the page, if there is one."


def _patterns() -> Iterator[str]:
    yield from ("## How light moves", "", "| pattern | one lamp | lamps in a row or a ring |", "|---|---|---|")
    for pattern, words in _ONE_LAMP.items():
        yield f"| `{pattern}` | {words} | {_IN_A_ROW.get(pattern, 'all alike')} |"
    yield ""
    yield (
        "A LED without a colour shows the same by its brightness: which fault it is, the sound and the page tell. "
        "`clonespeaker doctor --lights` shows all of it on the lights themselves."
    )


def _languages() -> Iterator[str]:
    yield from ("## In each language", "", "`language` in the settings chooses.")
    for language in LANGUAGES:
        words = load_words(language)
        yield from ("", f"### {words.name} (`{language}`)", "", "| state | |", "|---|---|")
        yield from (f"| `{name}` | {text} |" for name, text in words.states.items())
        yield from ("", "| fault | |", "|---|---|")
        yield from (f"| `{name}` | {fault.what} {fault.remedy} |" for name, fault in words.faults.items())
        yield from ("", "| where no daemon runs | |", "|---|---|")
        yield from (f"| `{name}` | {fault.what} {fault.remedy} |" for name, fault in words.alone.items())


def _picture(cue: Cue) -> str:
    return f'<img src="{SWATCHES}/{_name(cue)}.svg" width="40" height="40" alt="{escape(_light(cue))}">'


def _light(cue: Cue) -> str:
    return _LIGHT[cue.pattern] if cue.pattern is Pattern.DARK else f"{_COLOURS[cue.colour]}, {_LIGHT[cue.pattern]}"


def _earcon(cue: Cue) -> str:
    return f"`{cue.earcon}`" if cue.earcon else ""


def _name(cue: Cue) -> str:
    return "dark" if cue.pattern is Pattern.DARK else f"{_COLOURS[cue.colour]}-{cue.pattern}"


# The swatches: a ring of lamps, moved by what moves the lights.

_LAMPS = 12
_STEPS = 24
_PERIODS_S = {Pattern.BREATHE: BREATH_S, Pattern.LEVEL: 2.4, Pattern.CIRCLE: ROUND_S, Pattern.BLINK: BLINK_S}


def swatches() -> dict[str, str]:
    """File name → SVG, for each look that there is."""
    return {f"{_name(cue)}.svg": _swatch(cue) for cue in [*STATES.values(), MUTED, *FAULTS.values()]}


def _swatch(cue: Cue) -> str:
    period_s = _PERIODS_S.get(cue.pattern)
    frames = [_frame(cue.pattern, period_s, step) for step in range(_STEPS if period_s else 1)]
    lamps = []
    for lamp in range(_LAMPS):
        angle = 2 * math.pi * lamp / _LAMPS
        x, y = 24 + 15.5 * math.sin(angle), 24 - 15.5 * math.cos(angle)
        moves = _animation([frame[lamp] for frame in frames], period_s, cue.pattern) if period_s else ""
        lamps.append(
            f'  <circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{cue.colour}" opacity="{frames[0][lamp]:.2f}">'
            f"{moves}</circle>"
        )
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" role="img" aria-label="'
            f'{escape(_light(cue))}">',
            '  <circle cx="24" cy="24" r="23" fill="#1b1f24"/>',
            *lamps,
            "</svg>\n",
        ]
    )


def _frame(pattern: Pattern, period_s: float | None, step: int) -> list[float]:
    at_s = (period_s or 0.0) * step / _STEPS
    # Somebody who says three words.
    level = loudness(-50 + 38 * max(0.0, math.sin(2 * math.pi * at_s / 0.8)) * (0.6 + 0.4 * math.sin(at_s)))
    return [round(float(each), 2) for each in looks(pattern, at_s, level=level, lamps=_LAMPS)]


def _animation(values: list[float], period_s: float, pattern: Pattern) -> str:
    mode = "discrete" if pattern is Pattern.BLINK else "linear"
    if mode == "linear":
        values = [*values, values[0]]
    listed = ";".join(f"{value:g}" for value in values)
    return (
        f'<animate attributeName="opacity" dur="{period_s:g}s" repeatCount="indefinite" calcMode="{mode}" '
        f'values="{listed}"/>'
    )


def main() -> None:
    """Writes the sheet and its swatches anew."""
    (DOCS / "states.md").write_text(page(), "utf-8")
    directory = DOCS / SWATCHES
    directory.mkdir(exist_ok=True)
    for old in directory.glob("*.svg"):
        old.unlink()
    for name, svg in swatches().items():
        (directory / name).write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
