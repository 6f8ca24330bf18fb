"""The outcome of a run: one table for people, the same as Markdown, the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.machine import Machine
from benchmarks.result import Result, Yardstick

_HEADINGS = ("what", "median", "spread", "budget", "", "beside: its median, and how many times it this is")


@dataclass
class Outcome:
    """What became of one benchmark.

    Attributes:
        group: it belongs to.
        benchmark: its name.
        results: its figures; those before the end, where it crashed.
        not_here: why it can't be measured on this machine.
        crashed: what it ended with, where it should not have.
        seconds: it took.
    """

    group: str
    benchmark: str
    results: list[Result] = field(default_factory=list)
    not_here: str | None = None
    crashed: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Run:
    """All of them, and where they ran."""

    machine: Machine
    quick: bool
    outcomes: Sequence[Outcome]

    @property
    def failed(self) -> bool:
        """Whether a budget was missed, or a benchmark crashed."""
        return any(
            outcome.crashed is not None or any(result.met is False for result in outcome.results)
            for outcome in self.outcomes
        )

    def to_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "machine": asdict(self.machine),
            "quick": self.quick,
            "failed": self.failed,
            "outcomes": [asdict(outcome) for outcome in self.outcomes],
        }

    def to_text(self) -> str:
        """Aligned, with a line for each group and a summary at the end."""
        rows = [_row(result) for outcome in self.outcomes for result in outcome.results]
        widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
        lines = [self._title(), "", _aligned(_HEADINGS, widths), _aligned(["─" * width for width in widths], widths)]
        for group, outcomes in self._groups().items():
            lines += ["", group.upper()]
            for outcome in outcomes:
                lines += [_aligned(_row(result), widths) for result in outcome.results]
                lines += [f"{outcome.benchmark}: {said}" for said in _said(outcome)]
        return "\n".join([*lines, "", self._summary(), ""])

    def to_markdown(self, *, budgets_only: bool = False) -> str:
        """For a page; those with a budget alone are for a README."""
        lines = [self._title(), "", *_markdown(_HEADINGS), "|" + "---|" * len(_HEADINGS)]
        for group, outcomes in self._groups().items():
            shown = [each for outcome in outcomes for each in outcome.results if each.budget or not budgets_only]
            if shown or not budgets_only:
                lines += _markdown([f"**{group}**", *[""] * (len(_HEADINGS) - 1)])
            for outcome in outcomes:
                for result in outcome.results:
                    lines += _markdown(_row(result)) if result in shown else []
                for said in _said(outcome):
                    lines += _markdown([f"{outcome.benchmark}: {said}", *[""] * (len(_HEADINGS) - 1)])
        return "\n".join([*lines, "", self._summary(), ""])

    def _title(self) -> str:
        return f"{self.machine}{', quick: fewer and shorter runs' if self.quick else ''}"

    def _groups(self) -> dict[str, list[Outcome]]:
        groups: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            groups.setdefault(outcome.group, []).append(outcome)
        return groups

    def _summary(self) -> str:
        with_budget = [each for outcome in self.outcomes for each in outcome.results if each.met is not None]
        missed = [result for result in with_budget if not result.met]
        words = f"{len(with_budget) - len(missed)} of {len(with_budget)} budgets met"
        words += f" in {sum(outcome.seconds for outcome in self.outcomes):.0f} s"
        if missed:
            words += "; missed: " + "; ".join(f"{result.name} {_verdict(result)}" for result in missed)
        return words


def _said(outcome: Outcome) -> list[str]:
    said = [] if outcome.not_here is None else [f"not measured here: {outcome.not_here}"]
    return said if outcome.crashed is None else [*said, f"CRASHED: {outcome.crashed}"]


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.name,
        f"{figure(result.median)} {result.unit}",
        f"{figure(result.least)}–{figure(result.most)}",
        result.budget or "",
        _verdict(result),
        "; ".join(
            f"{name} {figure(yardstick.median)} {result.unit}{_times(yardstick)}"
            for name, yardstick in result.yardsticks.items()
        ),
    )


def _verdict(result: Result) -> str:
    if result.missed_by is not None:
        return f"MISSED by {figure(result.missed_by)} {result.unit}"
    return "" if result.met is None else "met"


def _times(yardstick: Yardstick) -> str:
    if not yardstick.ratio:
        return ""
    return f" ({figure(yardstick.ratio)} ×)" if yardstick.ratio >= 1 else f" (1/{figure(1 / yardstick.ratio)})"


def figure(value: float) -> str:
    """Three digits that mean something, thousands apart."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    what, median, *others = cells
    padded = [what.ljust(widths[0]), median.rjust(widths[1])]
    padded += [cell.ljust(width) for cell, width in zip(others, widths[2:], strict=True)]
    return "  ".join(padded).rstrip()


def _markdown(cells: Sequence[str]) -> list[str]:
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"]
