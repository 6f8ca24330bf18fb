"""The switch that puts a fault in force."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import replace

from clonespeaker.simulate.faults import FAULTS, TLS_FAULTS, Fault


def parse_fault(text: str) -> Fault:
    """A fault's name, alone or as `name=number`.

    Raises:
        ValueError: there is none of that name, or it can't have such a number.
    """
    name, equals, number = text.partition("=")
    if name in TLS_FAULTS:
        raise ValueError(f'"{name}" is decided when the simulated clone starts')
    if name not in FAULTS:
        near = difflib.get_close_matches(name, (*FAULTS, *TLS_FAULTS), n=1)
        known = f'did you mean "{near[0]}"?' if near else f"there are {', '.join((*FAULTS, *TLS_FAULTS))}"
        raise ValueError(f'there is no fault "{name}"; {known}')
    fault = FAULTS[name]
    if not equals:
        return fault
    if not fault.unit:
        raise ValueError(f'the fault "{name}" takes no number')
    try:
        at = float(number)
    except ValueError:
        at = math.nan
    if not 0 <= at < math.inf:
        raise ValueError(f'the fault "{name}" takes {fault.unit}, 0 or more, not "{number}"')
    return replace(fault, at=at)


class FaultSwitch:
    """Which fault is in force, and for how many requests yet.

    Args:
        on_choice: called after each `choose`.

    Attributes:
        fault: it, with its number, or None.
        text: it as it was named, or None.
    """

    def __init__(self, on_choice: Callable[[], object] = lambda: None) -> None:
        self._on_choice = on_choice
        self.fault: Fault | None = None
        self.text: str | None = None
        self._left = math.inf

    def choose(self, text: str | None, times: float = math.inf) -> None:
        """Put a fault in force for so many of the requests that it applies to; None: all is well again.

        Raises:
            ValueError: there is no such fault.
        """
        self.fault = None if text is None else parse_fault(text)
        self.text, self._left = text, times
        self._on_choice()

    def take(self, *, live: bool) -> Fault | None:
        """The fault that befalls this request, if any."""
        fault = self.fault
        if fault is None or fault.point == "connect" or (fault.live_only and not live):
            return None
        self._left -= 1
        if self._left <= 0:
            self.fault = self.text = None
        return fault
