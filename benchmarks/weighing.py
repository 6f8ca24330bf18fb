"""What the kernel tells about a process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

_CPUCLOCK_SCHED = 2
"""Linux's clock of a whole process: `clock_getcpuclockid`, which Python has not, composes it so."""


def peak_mb(pid: int | str = "self") -> float:
    """Resident memory, at most so far; `ru_maxrss` would be the parent's, where that was larger."""
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM") / 1e3


@dataclass(frozen=True)
class Memory:
    """Of a process, in MB.

    Attributes:
        resident: all of it that is in memory, shared libraries included.
        proportional: the same, with what is shared divided by those who share it.
        unique: what would come free if it ended.
    """

    resident: float
    proportional: float
    unique: float

    @classmethod
    def of(cls, pid: int | str) -> Memory:
        """A process's, now. Raises OSError where it is somebody else's."""
        rollup = Path(f"/proc/{pid}/smaps_rollup")
        return cls(
            _kilobytes(rollup, "Rss") / 1e3,
            _kilobytes(rollup, "Pss") / 1e3,
            (_kilobytes(rollup, "Private_Clean") + _kilobytes(rollup, "Private_Dirty")) / 1e3,
        )


def cpu_s(pid: int) -> float:
    """Processor time that a process has taken so far, all threads; to the nanosecond, where /proc counts ticks."""
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def wakeups(pid: int) -> dict[str, int]:
    """Times that each thread of a process has slept and was woken, by the thread's name and id."""
    counts = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        counts[f"{name} {task.name}"] = _number(task / "status", "voluntary_ctxt_switches")
    return counts


def _kilobytes(path: Path, name: str) -> float:
    return _number(path, name) * 1.024


def _number(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise OSError(f"{path} has no {name}")
