"""One measured figure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class NotHere(Exception):
    """What can't be measured on this machine; its text says why. It is told in the table, not hidden."""


@dataclass(frozen=True)
class Yardstick:
    """How something else did the same work, in the same run.

    Attributes:
        median: of its runs, in the unit of the figure it stands beside.
        ratio: how many times this the figure is; None where the yardstick's is 0.
    """

    median: float
    ratio: float | None


@dataclass(frozen=True)
class Result:
    """A figure, what it was allowed to be, and how the yardsticks did.

    Attributes:
        name: what was measured.
        unit: of all figures.
        median: of the runs.
        least: of the runs.
        most: of the runs.
        budget: "≥ 100" or "≤ 1"; None: there is none.
        met: whether the median meets it; None without a budget.
        missed_by: how far beyond the budget the median is, in the unit; None where it is met or there is none.
        yardsticks: by name.
    """

    name: str
    unit: str
    median: float
    least: float
    most: float
    budget: str | None = None
    met: bool | None = None
    missed_by: float | None = None
    yardsticks: Mapping[str, Yardstick] = field(default_factory=dict)

    @property
    def spread(self) -> float:
        """From the least run to the most, in the unit."""
        return self.most - self.least

    @classmethod
    def of(
        cls,
        name: str,
        unit: str,
        runs: Sequence[float],
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        yardsticks: Mapping[str, Sequence[float]] | None = None,
    ) -> Result:
        """From the runs of one benchmark, and those of its yardsticks.

        Raises:
            ValueError: there are no runs, or two budgets.
        """
        if not runs or (at_least is not None and at_most is not None):
            raise ValueError(f"{name}: a figure needs runs, and at most one budget")
        median = statistics.median(runs)
        budget, beyond = None, None
        if at_least is not None:
            budget, beyond = f"≥ {at_least:g}", at_least - median
        elif at_most is not None:
            budget, beyond = f"≤ {at_most:g}", median - at_most
        return cls(
            name,
            unit,
            median,
            min(runs),
            max(runs),
            budget,
            None if beyond is None else beyond <= 0,
            None if beyond is None or beyond <= 0 else beyond,
            {other: _beside(median, its_runs) for other, its_runs in (yardsticks or {}).items()},
        )


def _beside(median: float, runs: Sequence[float]) -> Yardstick:
    its_median = statistics.median(runs)
    return Yardstick(its_median, median / its_median if its_median else None)
