from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import numpy as np
from pathlib import Path
from clonespeaker.memory import give_back

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096 / 1e6

pieces = [np.ones(50_000, np.int16) for _ in range(1_000)]  # small enough for the heap, not pages of their own
last = np.ones(1_000)
full = resident_mb()
del pieces
kept = resident_mb()
give_back()
print(full, kept, resident_mb())
"""


def test_what_was_used_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    full, _kept, left = map(float, done.stdout.split())
    assert full - left > 90  # of 100 MB; a process of its own, for the heap of this one is in other hands
