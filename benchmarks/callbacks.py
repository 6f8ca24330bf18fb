"""How late the device's callback comes while the loop reads large events: who holds the interpreter, and how long.

The device stand-in wakes every 10 ms by the clock and fills its period; the figure is the longest time from when that
was due until it was filled. Some of it is the machine's: at the same time, in a process that does nothing else, the
same thread tells how late the machine alone makes it, and what falls into such a moment does not count.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.device import PERIOD_S, Late
from benchmarks.hearing import Client, Hearing, hear
from benchmarks.lasting_clone import Order, lasting_clone
from benchmarks.result import NotHere, Result

_LATE_MS = 1_000 * PERIOD_S
_MACHINE_LATE_MS = 3.0  # so late is no process that does nothing, unless the machine stood still
_ALL_S = 3_600.0  # of sound taken in ahead, so that events are read all the time, and not only at first


@dataclass(frozen=True)
class _Load:
    name: str
    order: Order
    hear_s: float


_LOADS = (
    _Load("200 kB events, 5 a second", Order(600, 200_000, 0.2), 2.0),
    _Load("2 MB events, 2 a second", Order(600, 2_000_000, 0.5), 2.0),
    _Load("12 MB events, 1 a second", Order(600, 12_000_000, 1.0), 2.0),
    _Load("final event of 7 MB", Order(60, 200_000), 1.5),
)


def callbacks(quick: bool) -> Iterator[Result]:
    """The longest lateness beyond the period, of several stretches of some seconds each."""
    with lasting_clone() as url:
        for load in [replace(_LOADS[1], hear_s=1.0)] if quick else _LOADS:
            ours, machine = _hear(url, load, 2 if quick else 4, "ours")
            lines, _ = _hear(url, load, 1, "lines")
            yield Result.of(
                f"device's callback late, {load.name}",
                "ms",
                ours,
                at_most=_LATE_MS,
                yardsticks={"lines, json, base64": lines, "an idle process": machine},
            )


def _hear(url: str, load: _Load, times: int, client: Client) -> tuple[list[float], list[float]]:
    """How late at most, each time; and how late the machine alone made it."""
    hearing = Hearing(load.order, client, clocked=True, times=times, stop_after_s=load.hear_s, read_ahead_s=_ALL_S)
    # It begins before the reply does, and is to last as long.
    watched_s = load.hear_s * times + 1
    with subprocess.Popen([sys.executable, "-m", "benchmarks.device", str(watched_s)], stdout=subprocess.PIPE) as alone:
        heard = hear(url, hearing)
        assert alone.stdout is not None
        machine: list[Late] = json.loads(alone.stdout.read())
    if heard.faults:
        raise RuntimeError(f"{load.name}: the reply did not end well: {heard.faults}")
    standstills = [(due, due + late_ms / 1_000) for due, late_ms in machine if late_ms > _MACHINE_LATE_MS]
    counted = [
        [late_ms for due, late_ms in periods if not _in_any(due, late_ms, standstills)] for periods in heard.late
    ]
    if sum(map(len, counted)) < 0.5 * sum(map(len, heard.late)):
        raise NotHere("this machine stands still too often by itself; is it busy with something else?")
    return [max(each) for each in counted], [max(late_ms for _, late_ms in machine)]


def _in_any(due: float, late_ms: float, standstills: Sequence[tuple[float, float]]) -> bool:
    return any(due < end and begin < due + late_ms / 1_000 for begin, end in standstills)
