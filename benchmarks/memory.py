"""Peak memory, replies and recordings: an hour is to take no more than a minute."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.asking import Upload, ask
from benchmarks.hearing import Client, Hearing, hear
from benchmarks.lasting_clone import Order, lasting_clone
from benchmarks.result import Result

_MORE_MB = 5.0  # that an hour may take beyond a minute, for noise
_MINUTES = (1, 2, 60)
_UPLOADS: tuple[Upload, ...] = ("live", "exact", "plain")


def memory(quick: bool) -> Iterator[Result]:
    """Of a process that does nothing but ask and hear, so less what else the daemon is."""
    with lasting_clone() as url:
        minute = [_peak_mb(url, 60) for _ in range(1 if quick else 3)]
        yield from _replies(url, minute, 5 if quick else 60)
        if not quick:
            yield from _replies_told_twice(url, minute)
            yield from _recordings(url, 3)


def _replies(url: str, minute: list[float], minutes: int) -> Iterator[Result]:
    yield Result.of("reply of 1 min: peak resident", "MB", minute)
    long = _peak_mb(url, minutes * 60)
    whole = _peak_mb(url, minutes * 60, "whole")
    yield Result.of(
        f"reply of {minutes} min: more than one of 1 min",
        "MB",
        [long - each for each in minute],
        at_most=_MORE_MB,
        yardsticks={"reads it whole first": [whole - each for each in minute]},
    )


def _replies_told_twice(url: str, minute: list[float]) -> Iterator[Result]:
    """As the clone's API has it, the final event holds all of a reply's sound once more."""
    heard = [hear(url, Hearing(Order(minutes * 60))) for minutes in _MINUTES]
    names = ", ".join(str(minutes) for minutes in _MINUTES)
    yield Result.of(
        f"replies of {names} min, all of it again in the final event: more, at worst",
        "MB",
        [max(each.peak_mb for each in heard) - less for less in minute],
    )
    yield Result.of(
        f"replies of {names} min, likewise: told as broken",
        "replies",
        [sum(bool(each.faults) for each in heard)],
        at_most=0,
    )


def _recordings(url: str, times: int) -> Iterator[Result]:
    more: dict[Upload, list[float]] = {
        upload: [ask(url, 60, upload) - ask(url, 2, upload) for _ in range(times)] for upload in _UPLOADS
    }
    for upload in ("live", "exact"):
        yield Result.of(
            f"recording of 60 s sent, {upload}: more than one of 2 s",
            "MB",
            more[upload],
            yardsticks={"record, wrap, base64, POST": more["plain"]},
        )


def _peak_mb(url: str, seconds: float, client: Client = "ours") -> float:
    heard = hear(url, Hearing(Order(seconds, repeat=False), client))
    if heard.faults:
        raise RuntimeError(f"a reply of {seconds:.0f} s did not end well: {heard.faults}")
    return heard.peak_mb
