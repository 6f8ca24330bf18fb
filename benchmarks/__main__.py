"""`python -m benchmarks [--quick] [--json]`: figures against their budgets; exit 1 where one is missed.

So far: the decode path, the start, and the idle daemon's weight. Upload tail, first sound, barge-in and jitter are
told by each turn's timeline, but not yet measured here against yardsticks.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict

from benchmarks.daemon import idle_daemon
from benchmarks.decode import decode
from benchmarks.result import Result

BENCHMARKS: tuple[Callable[[bool], list[Result]], ...] = (decode, idle_daemon)


def main() -> int:
    """Run all of them."""
    options = argparse.ArgumentParser(prog="benchmarks")
    options.add_argument("--quick", action="store_true", help="fewer repetitions")
    options.add_argument("--json", action="store_true", help="one line of JSON")
    chosen = options.parse_args()
    results = [result for benchmark in BENCHMARKS for result in benchmark(chosen.quick)]
    if chosen.json:
        sys.stdout.write(json.dumps([asdict(result) for result in results]) + "\n")
    else:
        for result in results:
            sys.stdout.write(f"{result}\n")
    return 0 if all(result.met is not False for result in results) else 1


sys.exit(main())
