"""The drawings: what their sources draw, readable, and wired as the settings say."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from hardware.wiring import draw

from clonespeaker.config.settings import Button

SOURCES = {path.stem: path for path in sorted(Path(draw.__file__).parent.glob("*.yaml"))}


@pytest.fixture(params=SOURCES)
def path(request: pytest.FixtureRequest) -> Path:
    return SOURCES[request.param]


def test_the_drawing_is_what_its_source_draws(path: Path) -> None:
    """Else: `python -m hardware.wiring.draw`."""
    assert path.with_suffix(".svg").read_text("utf-8") == draw.draw(draw.read(path))[0]


def test_every_drawing_has_a_source() -> None:
    assert {path.stem for path in Path(draw.__file__).parent.glob("*.svg")} == set(SOURCES)


def test_it_is_well_formed_and_says_in_words_what_it_shows(path: Path) -> None:
    root = ElementTree.parse(path.with_suffix(".svg")).getroot()
    title, description = (element.text for element in list(root)[:2])
    assert title
    assert description
    assert "pin 11 (GPIO17)" in description
    assert "pin 9 (GND)" in description


def test_words_stay_on_the_paper_and_off_each_other(path: Path) -> None:
    svg, drawing = draw.draw(draw.read(path))
    height = float(ElementTree.fromstring(svg).attrib["viewBox"].split()[3])
    for text, (left, top, right, bottom) in drawing.words:
        assert left >= 0, text
        assert right <= draw.WIDTH, text
        assert top >= 0, text
        assert bottom <= height, text
    for (one, a), (other, b) in itertools.combinations(drawing.words, 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (one, other)


def test_the_wires_go_where_the_settings_say(path: Path) -> None:
    button = draw.read(path).button
    assert draw.PINS[button.signal - 1] == Button().pin
    assert draw.PINS[button.ground - 1] == "GND"
    assert Button().pull == "up"


def test_each_cable_has_a_port_of_its_own(path: Path) -> None:
    wiring = draw.read(path)
    ports = [part.port for part in wiring.parts]
    assert len(set(ports)) == len(ports)
    assert set(ports) <= set(draw.BOARDS[wiring.board.kind][2]) - {"power", "PWR"}


def test_a_source_with_a_slip_is_refused(tmp_path: Path, path: Path) -> None:
    slip = tmp_path / "slip.yaml"
    slip.write_text(path.read_text("utf-8").replace("signal:", "signl:"), "utf-8")
    with pytest.raises(msgspec.ValidationError):
        draw.read(slip)
