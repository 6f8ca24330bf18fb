"""`python -m benchmarks.picture < turn.json > turn.svg`: one turn's timeline, drawn.

The input is what `clonespeaker demo --once --json` prints, or a `turn` event of the status protocol. Two panels: the
whole turn, and the moment around the release.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 960, 190, 30
_LANE, _BAR, _PANEL_GAP, _TOP = 30, 18, 56, 54

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .small { font-size: 11px; fill: #57606a }
.title { font-weight: 600 } .grid { stroke: #d0d7de } .zero { stroke: #cf222e; stroke-width: 1.5 }
.said { fill: #8250df } .before { fill: #8250df; opacity: .4 } .sent { fill: #0969da } .thinks { fill: #bf8700 }
.comes { fill: #1a7f37 } .heard { fill: #2da44e }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #8d96a0 } .grid { stroke: #30363d } }
"""

Turn = Mapping[str, Any]


@dataclass(frozen=True)
class Bar:
    """Something that lasts, in ms from the release.

    Attributes:
        kind: a class of the style.
        text: beside it, where it is shown large enough to be worth it.
    """

    start_ms: float
    end_ms: float
    kind: str
    text: str = ""


def lanes(turn: Turn) -> list[tuple[str, list[Bar]]]:
    """What goes on side by side, top to bottom; without what never happened."""

    def bar(start: str, end: str, kind: str, text: str = "") -> list[Bar]:
        known = turn[start] is not None and turn[end] is not None
        return [Bar(turn[start], turn[end], kind, text)] if known else []

    def after_ms(stage: str) -> str:
        return "" if turn[stage] is None else f"{turn[stage]:.0f} ms"

    return [
        ("recorded", bar("first_frame", "pressed", "before", "before the press") + bar("pressed", "released", "said")),
        ("on its way to the clone", bar("connected", "body_sent", "sent", f"all sent after {after_ms('body_sent')}")),
        ("the clone thinks", bar("body_sent", "first_event", "thinks")),
        ("the answer comes", bar("first_event", "last_audio", "comes", f"after {after_ms('first_event')}")),
        ("it is heard", bar("first_sound", "drained", "heard", f"after {after_ms('first_sound')}")),
    ]


def draw(turn: Turn) -> str:
    """An SVG."""
    rows = lanes(turn)
    height = _TOP + 2 * len(rows) * _LANE + _PANEL_GAP + 10
    ends = [bar.end_ms for _, bars in rows for bar in bars]
    starts = [bar.start_ms for _, bars in rows for bar in bars]
    begin, end = min(starts), max(ends)
    near = max(100.0, (turn["first_sound"] or turn["body_sent"] or 0.0) * 1.25)
    below = _TOP + len(rows) * _LANE + _PANEL_GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="One turn, in milliseconds from the release">',
        f"<style>{_STYLE}</style>",
        *_panel("The whole turn", rows, begin - (end - begin) * 0.02, end + (end - begin) * 0.02, _TOP),
        *_panel("The moment of the release", rows, -near / 4, near, below),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _panel(title: str, rows: list[tuple[str, list[Bar]]], begin: float, end: float, top: float) -> Iterator[str]:
    def x(ms: float) -> float:
        return LEFT + (min(max(ms, begin), end) - begin) / (end - begin) * (WIDTH - LEFT - RIGHT)

    bottom = top + len(rows) * _LANE
    yield f'<text class="title" x="12" y="{top - 28}">{escape(title)}</text>'
    for tick in _ticks(begin, end):
        yield f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top - 4}" y2="{bottom}"/>'
        unit = f"{tick / 1_000:g} s" if end - begin > 2_000 else f"{tick:g} ms"
        yield f'<text class="small" x="{x(tick):.1f}" y="{top - 10}" text-anchor="middle">{unit}</text>'
    yield f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{top - 4}" y2="{bottom}"/>'
    for number, (name, bars) in enumerate(rows):
        y = top + number * _LANE + (_LANE - _BAR) / 2
        yield f'<text x="12" y="{y + _BAR - 5}">{escape(name)}</text>'
        for bar in bars:
            if bar.end_ms < begin or bar.start_ms > end:
                continue
            left, right = x(bar.start_ms), x(bar.end_ms)
            yield (
                f'<rect class="{bar.kind}" x="{left:.1f}" y="{y}" width="{max(right - left, 1.5):.1f}" '
                f'height="{_BAR}" rx="2"/>'
            )
        yield from _words(bars, x, begin, end, y + _BAR - 5)


def _words(bars: list[Bar], x: Any, begin: float, end: float, y: float) -> Iterator[str]:
    """Beside the last bar, on whichever side there is room."""
    for bar in bars[-1:]:
        if not bar.text or bar.end_ms < begin or bar.start_ms > end:
            continue
        room_right = WIDTH - RIGHT - x(bar.end_ms)
        at, anchor = (x(bar.end_ms) + 6, "start") if room_right > 130 else (x(bar.start_ms) - 6, "end")
        yield f'<text class="small" x="{at:.1f}" y="{y}" text-anchor="{anchor}">{escape(bar.text)}</text>'


def _ticks(begin: float, end: float) -> Iterator[float]:
    step = next(step for step in (20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000) if (end - begin) / step <= 10)
    tick = -(-begin // step) * step
    while tick <= end:
        yield tick
        tick += step


if __name__ == "__main__":
    sys.stdout.write(draw(json.load(sys.stdin)))
