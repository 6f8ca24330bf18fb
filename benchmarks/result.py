"""One measured figure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A figure, what it was allowed to be, and how the yardstick did.

    Attributes:
        name: what was measured.
        unit: of all figures.
        median: of the runs.
        least: of the runs.
        most: of the runs.
        budget: "≥ 100" or "≤ 1"; None: there is none.
        met: whether the median meets it; None without a budget.
        beside: how many times the yardstick's figure this one is; None without a yardstick.
        yardstick: what that is.
    """

    name: str
    unit: str
    median: float
    least: float
    most: float
    budget: str | None = None
    met: bool | None = None
    beside: float | None = None
    yardstick: str | None = None

    @classmethod
    def of(
        cls,
        name: str,
        unit: str,
        runs: Sequence[float],
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        yardstick: tuple[str, Sequence[float]] | None = None,
    ) -> Result:
        """From the runs of one benchmark, and those of its yardstick."""
        median = statistics.median(runs)
        budget, met = None, None
        if at_least is not None:
            budget, met = f"≥ {at_least:g}", median >= at_least
        elif at_most is not None:
            budget, met = f"≤ {at_most:g}", median <= at_most
        beside = median / statistics.median(yardstick[1]) if yardstick else None
        return cls(name, unit, median, min(runs), max(runs), budget, met, beside, yardstick[0] if yardstick else None)

    def __str__(self) -> str:
        line = f"{self.name:<44} {self.median:>9.1f} {self.unit:<6} ({self.least:.1f} to {self.most:.1f})"
        if self.budget:
            line += f"  budget {self.budget}: {'met' if self.met else 'MISSED'}"
        if self.beside:
            line += f"  {self.beside:.2f} × {self.yardstick}"
        return line
