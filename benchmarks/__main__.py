"""`python -m benchmarks`: figures beside their budgets and yardsticks; exit 1 where a budget is missed.

Each benchmark is a function of the same name as its module, (quick: bool) → results, imported when its turn comes:
what can't run on this machine is told, and the others run all the same. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.machine import Machine
from benchmarks.result import NotHere, Result
from benchmarks.table import Outcome, Run

BENCHMARKS = {
    "upload": "upload",
    "first_sound": "sound",
    "barge_in": "sound",
    "jitter": "jitter",
    "decode": "throughput and memory",
    "cost": "throughput and memory",
    "memory": "throughput and memory",
    "recovery": "recovery",
    "weight": "weight",
    "imports": "weight",
    "endpointing": "endpointing",
    "callbacks": "interpreter",
    "voice": "voice",
}
"""Benchmark → its group in the table, in the order in which they run."""


def main() -> int:
    """Run those that were asked for."""
    options = argparse.ArgumentParser(prog="benchmarks", description=__doc__.partition("\n")[0])
    options.add_argument("--quick", action="store_true", help="fewer and shorter runs: under a minute")
    options.add_argument("--only", nargs="+", metavar="NAME", choices=BENCHMARKS, help=", ".join(BENCHMARKS))
    options.add_argument("--markdown", metavar="FILE", help="the same as Markdown, too")
    options.add_argument("--budgets", metavar="FILE", help="of that, what has a budget")
    options.add_argument("--json", metavar="FILE", help="the same as JSON, too; '-': instead of the table")
    chosen = options.parse_args()
    names = [name for name in BENCHMARKS if not chosen.only or name in chosen.only]
    run = Run(Machine.this(), chosen.quick, [_measure(name, chosen.quick) for name in names])
    as_json = json.dumps(run.to_json(), ensure_ascii=False) + "\n"
    if chosen.json == "-":
        sys.stdout.write(as_json)
    else:
        sys.stdout.write(run.to_text())
        if chosen.json:
            Path(chosen.json).write_text(as_json)
    if chosen.markdown:
        Path(chosen.markdown).write_text(run.to_markdown())
    if chosen.budgets:
        Path(chosen.budgets).write_text(run.to_markdown(budgets_only=True))
    return 1 if run.failed else 0


def _measure(name: str, quick: bool) -> Outcome:
    outcome = Outcome(BENCHMARKS[name], name)
    begun = time.monotonic()
    try:
        for result in _find(name)(quick):
            outcome.results.append(result)
            _tell(f"{name}: {result.name}, {time.monotonic() - begun:.0f} s")
    except NotHere as reason:
        outcome.not_here = str(reason)
        _tell(f"{name}: not measured here: {reason}")
    except Exception as error:  # the others are to run all the same; it counts as a failure
        outcome.crashed = f"{type(error).__name__}: {error}"
        _tell(traceback.format_exc())
    outcome.seconds = time.monotonic() - begun
    return outcome


def _find(name: str) -> Callable[[bool], Iterator[Result]]:
    module = f"benchmarks.{name}"
    try:
        found: Callable[[bool], Iterator[Result]] = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise NotHere("it is not written yet" if error.name == module else str(error)) from error
    return found


def _tell(progress: str) -> None:
    sys.stderr.write(f"{progress}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
