"""The machine that figures were taken on."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """What has to stand beside a figure, for it to mean anything."""

    cores: int
    cpu: str
    memory_gb: float
    kernel: str
    python: str
    date: str

    @classmethod
    def this(cls) -> Machine:
        """The one that this runs on, today."""
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls(
            os.cpu_count() or 1,
            _cpu(),
            round(pages / 1e9, 1),
            f"{platform.system()} {'.'.join(platform.release().split('.')[:2])} {platform.machine()}",
            platform.python_version(),
            time.strftime("%Y-%m-%d"),
        )

    def __str__(self) -> str:
        return f"{self.date}, {self.cores} × {self.cpu}, {self.memory_gb:.0f} GB, {self.kernel}, Python {self.python}"


def _cpu() -> str:
    board = Path("/proc/device-tree/model")  # a Raspberry Pi says here which one it is
    if board.exists():
        return board.read_text().rstrip("\0")
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()
