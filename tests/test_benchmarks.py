"""What benchmarks make of their runs; they themselves run by `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.machine import Machine
from benchmarks.result import Result
from benchmarks.table import Outcome, Run


def test_the_median_is_held_against_the_budget_and_not_the_worst_run() -> None:
    result = Result.of("upload", "ms", [12, 29, 900], at_most=30)
    assert (result.median, result.least, result.most, result.spread) == (29, 12, 900, 888)
    assert (result.budget, result.met, result.missed_by) == ("≤ 30", True, None)


@pytest.mark.parametrize(
    ("budget", "met", "missed_by"),
    [
        ({"at_most": 10.0}, True, None),
        ({"at_most": 9.5}, False, 0.5),
        ({"at_least": 10.0}, True, None),
        ({"at_least": 12.0}, False, 2.0),
        ({}, None, None),
    ],
)
def test_a_budget_is_met_or_missed_by_so_much(
    budget: dict[str, float], met: bool | None, missed_by: float | None
) -> None:
    result = Result.of("it", "s", [10], **budget)  # type: ignore[arg-type]
    assert (result.met, result.missed_by) == (met, missed_by)


def test_a_yardstick_tells_how_many_times_it_the_figure_is() -> None:
    result = Result.of("decode", "MB/s", [600, 500], yardsticks={"plain": [100, 120, 110], "nothing": [0]})
    assert (result.yardsticks["plain"].median, result.yardsticks["plain"].ratio) == (110, 5)
    assert result.yardsticks["nothing"].ratio is None


def test_a_figure_without_runs_is_none() -> None:
    with pytest.raises(ValueError, match="decode"):
        Result.of("decode", "MB/s", [])


def _run(*outcomes: Outcome) -> Run:
    return Run(Machine(2, "a processor", 1.0, "a kernel", "3.11", "2026-01-01"), False, outcomes)


_MET = Result.of("quick", "ms", [5], at_most=10, yardsticks={"plain": [50]})
_MISSED = Result.of("slow", "ms", [25], at_most=10)


def test_a_run_fails_by_a_missed_budget_or_a_crash_but_not_by_what_can_not_be_measured_here() -> None:
    assert not _run(Outcome("sound", "one", [_MET]), Outcome("sound", "two", not_here="no root")).failed
    assert _run(Outcome("sound", "one", [_MET, _MISSED])).failed
    assert _run(Outcome("sound", "one", [_MET], crashed="RuntimeError: it ended")).failed


def test_the_table_tells_all_of_it_for_people_and_for_a_readme() -> None:
    run = _run(
        Outcome("sound", "one", [_MET, _MISSED]),
        Outcome("weight", "two", not_here="no root"),
        Outcome("weight", "three", crashed="RuntimeError: it ended"),
    )
    for told in (run.to_text(), run.to_markdown()):
        assert "MISSED by 15.0 ms" in told
        assert "plain 50.0 ms (1/10.0)" in told
        assert "two: not measured here: no root" in told
        assert "three: CRASHED: RuntimeError: it ended" in told
        assert "1 of 2 budgets met" in told
    assert run.to_text().index("SOUND") < run.to_text().index("quick") < run.to_text().index("WEIGHT")


def test_a_run_ends_with_its_exit_code_and_writes_the_same_as_json(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    arguments = [sys.executable, "-m", "benchmarks", "--quick", "--only", "decode", "--json", str(file)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    assert "MB/s" in done.stdout
    assert ("MISSED" in done.stdout) == (done.returncode == 1)
    assert file.read_text().startswith('{"machine": {"cores":')
