"""What programs that drive the simulated clone may ask of it, beside its API. Nothing here knows of HTTP.

Without a key, under a path that the real API has not:

    GET    /simulated/faults     → {"faults": {name: what it does}, "fault": name or null, "at": its number or null}
    PUT    /simulated/fault      {"fault": name or null, "at": number, "times": requests} → 204; the last two may lack
    PUT    /simulated/behaviour  {field of `Behaviour`: value, …} → 204; all of them are taken, or none
    GET    /simulated/received   → {"received": [the newest generate requests, oldest first]}
    DELETE /simulated/received   → 204; they are forgotten

What is wrong comes back as 422 (400: no JSON) with `{"detail": …}`. While the clone refuses connections it refuses
these too; `refuse` ends by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import msgspec

from clonespeaker.simulate.behaviour import Behaviour
from clonespeaker.simulate.faults import FAULTS
from clonespeaker.simulate.received import RequestLog
from clonespeaker.simulate.request import Refusal
from clonespeaker.simulate.switch import FaultSwitch

Fields = Mapping[str, Any]
Control = Callable[[Behaviour, FaultSwitch, RequestLog, Fields], dict[str, Any] | None]

PREFIX = "/simulated/"


class _Choice(msgspec.Struct, forbid_unknown_fields=True):
    fault: str | None
    at: int | float | None = None
    times: int | None = None


def tell_faults(_clone: Behaviour, switch: FaultSwitch, _received: RequestLog, _fields: Fields) -> dict[str, Any]:
    """`GET /simulated/faults`."""
    return {
        "faults": {name: fault.what for name, fault in FAULTS.items()},
        "fault": switch.text and switch.text.partition("=")[0],
        "at": switch.fault and switch.fault.at,
    }


def choose_fault(_clone: Behaviour, switch: FaultSwitch, _received: RequestLog, fields: Fields) -> None:
    """`PUT /simulated/fault`."""
    choice = _convert(fields, _Choice)
    if choice.times is not None and choice.times < 1:
        raise Refusal(422, "times: must be 1 or more")
    text = choice.fault if choice.at is None else f"{choice.fault or ''}={choice.at}"
    try:
        switch.choose(text, choice.times or math.inf)
    except ValueError as error:
        raise Refusal(422, f"fault: {error}") from error


def change_behaviour(clone: Behaviour, _switch: FaultSwitch, _received: RequestLog, fields: Fields) -> None:
    """`PUT /simulated/behaviour`."""
    kinds = get_type_hints(Behaviour)
    for name in fields:
        if name not in kinds:
            raise Refusal(422, f"{name}: unknown field; known are {', '.join(kinds)}")
    values = {name: _convert(value, kinds[name], f"{name}: ") for name, value in fields.items()}
    for name, value in values.items():
        if isinstance(value, int | float) and value < 0:
            raise Refusal(422, f"{name}: must be 0 or more")
    for name, value in values.items():
        setattr(clone, name, value)


def tell_received(_clone: Behaviour, _switch: FaultSwitch, received: RequestLog, _fields: Fields) -> dict[str, Any]:
    """`GET /simulated/received`."""
    return {"received": [each.told() for each in received]}


def forget_received(_clone: Behaviour, _switch: FaultSwitch, received: RequestLog, _fields: Fields) -> None:
    """`DELETE /simulated/received`."""
    received.clear()


CONTROLS: Mapping[tuple[str, str], Control] = {
    ("GET", "/simulated/faults"): tell_faults,
    ("PUT", "/simulated/fault"): choose_fault,
    ("PUT", "/simulated/behaviour"): change_behaviour,
    ("GET", "/simulated/received"): tell_received,
    ("DELETE", "/simulated/received"): forget_received,
}
"""Method and path → what is done."""


def _convert(value: Any, kind: Any, where: str = "") -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Refusal(422, f"{where}{error}") from error
