"""`python -m tests.fuzz`: each target for a bounded time, in a process of its own; exit 1 where anything was found.

What breaks a promise is kept as `cases/<target>/<name>`, and `test_cases.py` replays it from then on.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.corpus import CASES, dictionary, seeds
from tests.fuzz.targets import TARGETS

_MEMORY_MB = 1_024
_HANGS_S = 20  # for one input; instrumented, everything takes several times as long
_LONGEST_BYTES = 4_096
_TOLD_CHARACTERS = 4_000


@dataclass(frozen=True)
class Outcome:
    """What became of one target."""

    target: str
    executions: int
    per_second: int
    edges: int
    found: tuple[Path, ...]

    @classmethod
    def read(cls, target: str, told: str, found: tuple[Path, ...]) -> Outcome:
        """From what libFuzzer told."""
        progress = re.findall(r"^#(\d+)\t\S+ +cov: (\d+)", told, re.MULTILINE)
        edges = int(progress[-1][1]) if progress else 0
        executions, per_second = (
            _statistic(told, name) for name in ("number_of_executed_units", "average_exec_per_sec")
        )
        return cls(target, executions, per_second, edges, found)

    def row(self) -> str:
        """A line of the table."""
        found = ", ".join(path.name for path in self.found) or "-"
        return f"{self.target:12} {self.executions:>12,} {self.per_second:>8,} {self.edges:>7,}  {found}"


def main() -> int:
    """Run those that were asked for."""
    options = argparse.ArgumentParser(prog="fuzz", description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    options.add_argument("--only", nargs="+", metavar="TARGET", choices=TARGETS, help=", ".join(TARGETS))
    chosen = options.parse_args()
    outcomes = []
    for target in chosen.only or TARGETS:
        _tell(f"{target}: {chosen.seconds} s …\n")
        outcomes.append(_fuzz(target, chosen.seconds))
    heading = f"{'target':12} {'executions':>12} {'a second':>8} {'edges':>7}  found"
    sys.stdout.write("\n".join([heading, *(outcome.row() for outcome in outcomes)]) + "\n")
    return 1 if any(outcome.found for outcome in outcomes) else 0


def _fuzz(target: str, seconds: int) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="clonespeaker-fuzz-") as directory:
        corpus, crashes, words = (Path(directory, name) for name in ("corpus", "crashes", "words"))
        corpus.mkdir()
        crashes.mkdir()
        words.write_text(dictionary(target))
        for number, seed in enumerate(seeds(target)):
            (corpus / str(number)).write_bytes(seed)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.fuzzer", target, str(corpus)),
                *(f"-max_total_time={seconds}", f"-timeout={_HANGS_S}", f"-rss_limit_mb={_MEMORY_MB}"),
                *(f"-max_len={_LONGEST_BYTES}", f"-dict={words}", f"-artifact_prefix={crashes}/"),
                "-print_final_stats=1",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        told = done.stdout.decode(errors="replace")
        found = tuple(_keep(target, crash.read_bytes()) for crash in sorted(crashes.iterdir()))
    if found:
        _tell("".join(told.partition(" === Uncaught")[1:]) or told[-_TOLD_CHARACTERS:])
    elif done.returncode:
        raise SystemExit(f"{told[-_TOLD_CHARACTERS:]}\n{target}: the fuzzer itself failed ({done.returncode})")
    return Outcome.read(target, told, found)


def _keep(target: str, crash: bytes) -> Path:
    case = CASES / target / hashlib.sha256(crash).hexdigest()[:8]
    case.parent.mkdir(parents=True, exist_ok=True)
    case.write_bytes(crash)
    return case


def _statistic(told: str, name: str) -> int:
    found = re.search(rf"^stat::{name}: +(\d+)", told, re.MULTILINE)
    return int(found[1]) if found else 0


def _tell(text: str) -> None:
    sys.stderr.write(text)


if __name__ == "__main__":
    sys.exit(main())
