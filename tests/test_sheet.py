"""docs/states.md says what the code does. Else: `PYTHONPATH=daemon python -m tests.sheet`."""

from __future__ import annotations

from xml.etree import ElementTree

from clonespeaker.cues import FAULTS, STATES
from tests import sheet


def test_the_sheet_is_what_the_table_says() -> None:
    assert (sheet.DOCS / "states.md").read_text("utf-8") == sheet.page()
    for name in [*STATES, *FAULTS]:
        assert f"`{name}`" in sheet.page()


def test_the_drawings_are_what_the_patterns_say() -> None:
    drawn = {path.name: path.read_text("utf-8") for path in (sheet.DOCS / sheet.SWATCHES).glob("*.svg")}
    assert drawn == sheet.swatches()
    for svg in drawn.values():
        assert len(list(ElementTree.fromstring(svg))) == 13  # the ground, and a lamp each
    for name in drawn:
        assert f"{sheet.SWATCHES}/{name}" in sheet.page()
