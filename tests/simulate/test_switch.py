from __future__ import annotations

import pytest

from clonespeaker.simulate.faults import FAULTS
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.simulate.switch import FaultSwitch, parse_fault


def test_a_fault_with_its_number() -> None:
    assert parse_fault("cut-after=5").at == 5
    assert parse_fault("slow-headers=0.25").at == 0.25
    assert parse_fault("cut-after") == FAULTS["cut-after"]
    assert parse_fault("cut").at is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cutt", 'no fault "cutt"; did you mean "cut"?'),
        ("tls-expird", 'no fault "tls-expird"; did you mean "tls-expired"?'),
        ("xyzzy", 'no fault "xyzzy"; there are refuse, refuse-live,'),
        ("", 'no fault ""; there are'),
        ("tls-expired", '"tls-expired" is decided when the simulated clone starts'),
        ("gzip=3", '"gzip" takes no number'),
        ("cut-after=", '"cut-after" takes events, 0 or more, not ""'),
        ("cut-after=-1", 'takes events, 0 or more, not "-1"'),
        ("stall-at-byte=many", 'takes bytes, 0 or more, not "many"'),
        ("refuse=nan", 'takes seconds, 0 or more, not "nan"'),
        ("refuse=inf", 'takes seconds, 0 or more, not "inf"'),
    ],
)
def test_faults_that_there_are_not(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"fault|starts") as caught:
        SimulatedClone().fault = text
    assert words in str(caught.value)


def test_a_wrong_choice_changes_nothing() -> None:
    switch = FaultSwitch()
    switch.choose("cut-after=5")
    with pytest.raises(ValueError, match="no fault"):
        switch.choose("cutt")
    assert switch.text == "cut-after=5"
    assert switch.take(live=False) == parse_fault("cut-after=5")
