"""What a soak found, as a picture: memory, descriptors, threads and tasks over time, in SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_WIDTH, _LEFT, _RIGHT, _PANEL, _GAP, _TOP = 900, 120, 20, 90, 40, 40
_STYLE = (
    "text{font:13px sans-serif;fill:#333}.small{font-size:11px;fill:#777}.title{font-weight:bold}"
    ".line{fill:none;stroke:#2a6f97;stroke-width:1.5}.frame{fill:none;stroke:#ddd}"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon at one moment.

    Attributes:
        at_s: of `time.monotonic`.
        since_s: since the first sample.
        memory_mb: resident.
        descriptors: open files, sockets and pipes.
        threads: of the process.
        tasks: of its event loop.
        turns: that were over by then.
    """

    at_s: float
    since_s: float
    memory_mb: float
    descriptors: int
    threads: int
    tasks: int
    turns: int


_PANELS: dict[str, Callable[[Sample], float]] = {
    "memory, MB": lambda sample: sample.memory_mb,
    "descriptors": lambda sample: sample.descriptors,
    "threads": lambda sample: sample.threads,
    "tasks": lambda sample: sample.tasks,
    "turns": lambda sample: sample.turns,
}


def draw(samples: Sequence[Sample]) -> str:
    """An SVG."""
    longest_s = max(samples[-1].since_s, 1.0)
    height = _TOP + len(_PANELS) * (_PANEL + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="A soak of {longest_s / 60:.0f} minutes">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="12" y="20">{longest_s / 60:.0f} minutes, {samples[-1].turns} turns</text>',
    ]
    for number, (name, value) in enumerate(_PANELS.items()):
        parts += _panel(name, [(each.since_s / longest_s, value(each)) for each in samples], number)
    for minute in range(0, round(longest_s / 60) + 1, max(1, round(longest_s / 600))):
        x = _LEFT + minute * 60 / longest_s * (_WIDTH - _LEFT - _RIGHT)
        if x <= _WIDTH - _RIGHT:
            parts.append(f'<text class="small" x="{x:.0f}" y="{height - 12}" text-anchor="middle">{minute} min</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(name: str, points: Sequence[tuple[float, float]], number: int) -> list[str]:
    top, wide = _TOP + number * (_PANEL + _GAP), _WIDTH - _LEFT - _RIGHT
    most = max(value for _, value in points) * 1.1 or 1.0
    line = " ".join(f"{_LEFT + x * wide:.1f},{top + _PANEL * (1 - value / most):.1f}" for x, value in points)
    return [
        f'<rect class="frame" x="{_LEFT}" y="{top}" width="{wide}" height="{_PANEL}"/>',
        f'<text x="12" y="{top + 14}">{name}</text>',
        f'<text class="small" x="{_LEFT - 8}" y="{top + 10}" text-anchor="end">{most:.0f}</text>',
        f'<text class="small" x="{_LEFT - 8}" y="{top + _PANEL}" text-anchor="end">0</text>',
        f'<text class="small" x="12" y="{top + 32}">{points[0][1]:.0f} → {points[-1][1]:.0f}</text>',
        f'<polyline class="line" points="{line}"/>',
    ]
