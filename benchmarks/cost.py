"""What a second of a reply costs, as replies grow: it has to stay the same."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.hearing import Hearing, hear
from benchmarks.lasting_clone import Order, lasting_clone
from benchmarks.result import Result

_SECONDS = (6, 60, 600)
_AS_MUCH = 1.5  # the third may cost, of the second


def cost(quick: bool) -> Iterator[Result]:
    """Processor time of the whole process, from the socket to a device that takes sound as fast as it can be had."""
    ms: dict[int, list[float]] = {seconds: [] for seconds in _SECONDS}
    plainly: dict[int, list[float]] = {seconds: [] for seconds in _SECONDS}
    with lasting_clone() as url:
        for number in range(1 if quick else 3):
            for seconds in _SECONDS:  # the short ones several times, for a clock tick not to count
                order, times = Order(seconds, repeat=False), max(1, 60 // seconds)
                ours = hear(url, Hearing(order, times=times))
                ms[seconds].append(1_000 * ours.cpu_s / ours.played_s)
                if number < 2 and not quick:
                    theirs = hear(url, Hearing(order, "lines", times=times))
                    plainly[seconds].append(1_000 * theirs.cpu_s / theirs.played_s)
    for seconds in _SECONDS:
        yield Result.of(
            f"a second of a reply of {seconds} s: processor time",
            "ms",
            ms[seconds],
            yardsticks={"lines, json, base64": plainly[seconds]} if plainly[seconds] else {},
        )
    yield Result.of(
        "the same in a reply 100 times as long, of one 10 times",
        "×",
        [long / middle for long, middle in zip(ms[600], ms[60], strict=True)],
        at_most=_AS_MUCH,
    )
