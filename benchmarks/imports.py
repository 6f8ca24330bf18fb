"""What each package costs to import: time, and memory over a bare interpreter; each in an interpreter of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.result import NotHere, Result

_PACKAGES = {
    "asyncio": "asyncio",
    "numpy": "numpy",
    "websockets' server": "websockets.asyncio.server",
    "aiohttp": "aiohttp",
    "PyAudio": "pyaudio",
    "gpiozero": "gpiozero",
    "PyYAML": "yaml",
    "msgspec": "msgspec",
    "soxr": "soxr",
    "PyAV": "av",
    "prometheus-client": "prometheus_client",
}
_DAEMON = "clonespeaker.app"

_MEASURE = """
import sys, time
def resident_kb():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
before, begun = resident_kb(), time.perf_counter()
for name in sys.argv[1].split():
    __import__(name)
print((time.perf_counter() - begun) * 1000, (resident_kb() - before) * 1.024 / 1000, *sys.modules)
"""


def imports(quick: bool) -> Iterator[Result]:
    """Each package that the daemon or an extra of it uses, and all that the daemon imports before it is ready."""
    times, missing = 1 if quick else 5, []
    at_start = _import(_DAEMON).modules
    for name, module in _PACKAGES.items():
        try:
            runs = [_import(module) for _ in range(times)]
        except subprocess.CalledProcessError:
            missing.append(name)
            continue
        when = "" if module in at_start else " (loaded when needed)"
        yield Result.of(f"import {name}{when}", "ms", [each.ms for each in runs])
        yield Result.of(f"import {name}{when}", "MB", [each.mb for each in runs])
    packages = " ".join(module for module in _PACKAGES.values() if module in at_start)
    ours, theirs = [], []
    for _ in range(times):
        ours.append(_import(_DAEMON))
        theirs.append(_import(packages))
    beside = "only the packages above that it loads"
    yield Result.of(
        "import the daemon", "ms", [each.ms for each in ours], yardsticks={beside: [each.ms for each in theirs]}
    )
    yield Result.of(
        "import the daemon", "MB", [each.mb for each in ours], yardsticks={beside: [each.mb for each in theirs]}
    )
    if missing:
        raise NotHere(f"{', '.join(missing)}: not installed")


@dataclass(frozen=True)
class _Imported:
    ms: float
    mb: float
    modules: frozenset[str]


def _import(modules: str) -> _Imported:
    """Import them, in an interpreter of their own; all that is loaded then. Raises CalledProcessError."""
    done = subprocess.run([sys.executable, "-c", _MEASURE, modules], capture_output=True, text=True, check=True)
    ms, mb, *loaded = done.stdout.split()
    return _Imported(float(ms), float(mb), frozenset(loaded))
