"""Draws the wiring: hardware/wiring/NAME.yaml → NAME.svg. `python -m hardware.wiring.draw` draws all of them.

A drawing has the header's first pins, enlarged; the button on the right of them, with its two wires and, for long ones,
a filter; below them the board, with a cable from each port to its part.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Literal

import msgspec
import yaml

_HERE = Path(__file__).parent

# What the pins of the header are, from pin 1 on; https://pinout.xyz
PINS = "3V3 5V GPIO2 5V GPIO3 GND GPIO4 GPIO14 GND GPIO15 GPIO17 GPIO18 GPIO27 GND".split()

# Width and height of a board on paper, and where its ports are: on which edge, how far along it.
BOARDS: dict[str, tuple[int, int, dict[str, tuple[Literal["right", "bottom"], int]]]] = {
    "pi": (390, 212, {"USB": ("right", 73), "USB 2": ("right", 129), "power": ("bottom", 63), "HDMI": ("bottom", 150)}),
    "zero": (338, 160, {"HDMI": ("bottom", 66), "USB": ("bottom", 214), "PWR": ("bottom", 280)}),
}

WIDTH, LEFT, PARTS_X = 900, 60, 640
SIGNAL, GROUND, CABLE, LAMP = "#e8590c", "#343a40", "#52606d", "#2b8a3e"
FILLS = {"5V": "#c92a2a", "3V3": "#b35c00", "GND": "#343a40"}
PICTURES = {
    "microphone": '<rect x="11" y="0" width="32" height="56" rx="16" fill="#3e4c59"/>'
    '<path d="M11 20 h32 M11 32 h32" stroke="#9fb3c8" stroke-width="2"/>'
    '<path d="M2 30 v8 a25 25 0 0 0 50 0 v-8" fill="none" stroke="#3e4c59" stroke-width="4"/>'
    '<path d="M27 63 v15 M9 79 h36" stroke="#3e4c59" stroke-width="5" stroke-linecap="round"/>',
    "speaker": '<rect width="54" height="86" rx="6" fill="#3e4c59"/><circle cx="27" cy="20" r="9" fill="#9fb3c8"/>'
    '<circle cx="27" cy="56" r="20" fill="#9fb3c8"/><circle cx="27" cy="56" r="8" fill="#3e4c59"/>',
    "speakerphone": '<circle cx="27" cy="43" r="27" fill="#3e4c59"/><circle cx="27" cy="43" r="17" fill="#9fb3c8"/>'
    '<circle cx="27" cy="43" r="7" fill="#3e4c59"/><circle cx="27" cy="21" r="2.5" fill="#fff"/>'
    '<circle cx="27" cy="65" r="2.5" fill="#fff"/>',
    "screen": '<rect y="18" width="54" height="40" rx="4" fill="#3e4c59"/>'
    '<rect x="5" y="23" width="44" height="30" fill="#9fb3c8"/><path d="M27 58 v10 M13 69 h28" stroke="#3e4c59" '
    'stroke-width="5" stroke-linecap="round"/>',
}


class _Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Board(_Source, frozen=True):
    """The board: which of `BOARDS`, and what stands on it."""

    kind: str
    title: str


class Filter(_Source, frozen=True):
    """What long wires need at the board's end: in series with the signal, and across to ground."""

    series: str
    across: str


class Button(_Source, frozen=True):
    """The button; `signal` and `ground` are pins of the row with the odd numbers."""

    title: str
    notes: tuple[str, ...]
    signal: int
    ground: int
    filter: Filter | None = None


class Lamp(_Source, frozen=True):
    """A LED between pins 13 and 14, with its resistor."""

    notes: tuple[str, ...]
    resistor: str


class Part(_Source, frozen=True):
    """What hangs on a port."""

    picture: str
    title: str
    port: str
    notes: tuple[str, ...]


class Wiring(_Source, frozen=True):
    """One drawing; `text` says in words what is to be seen."""

    title: str
    text: str
    board: Board
    button: Button
    parts: tuple[Part, ...]
    lamp: Lamp | None = None


class Drawing:
    """An SVG that grows, and remembers where its words are.

    Attributes:
        words: each text with its box: left, top, right, bottom.
    """

    def __init__(self) -> None:
        self.words: list[tuple[str, tuple[float, float, float, float]]] = []
        self._lines: list[str] = []

    def add(self, svg: str) -> None:
        """Puts in what is no text."""
        self._lines.append("  " + svg)

    def rect(self, x: float, y: float, width: float, height: float, fill: str, more: str = "") -> None:
        """A rectangle from its upper left corner on."""
        self.add(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" {more}/>')

    def line(self, path: str, colour: str, width: float = 5) -> None:
        """A wire or a cable, along an SVG path."""
        style = f'stroke-width="{width:g}" stroke-linejoin="round" stroke-linecap="round"'
        self.add(f'<path d="{path}" fill="none" stroke="{colour}" {style}/>')

    def say(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = 14,
        bold: bool = False,
        fill: str = "#1f2933",
        middle: bool = False,
    ) -> None:
        """Writes at a baseline."""
        width = len(text) * size * (0.69 if bold else 0.62)  # DejaVu Sans, generously
        left = x - width / 2 if middle else x
        self.words.append((text, (left, y - 0.8 * size, left + width, y + 0.25 * size)))
        style = (' font-weight="bold"' if bold else "") + (' text-anchor="middle"' if middle else "")
        self.add(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}"{style}>{escape(text, quote=False)}</text>'
        )

    def svg(self, wiring: Wiring, height: int) -> str:
        """The whole file."""
        title, text = escape(wiring.title, quote=False), escape(wiring.text, quote=False)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
                'aria-labelledby="title desc" font-family="\'DejaVu Sans\', Verdana, Arial, sans-serif">',
                f'  <title id="title">{title}</title>',
                f'  <desc id="desc">{text}</desc>',
                f'  <rect width="{WIDTH}" height="{height}" rx="12" fill="#fbfaf7"/>',
                *self._lines,
                "</svg>\n",
            ]
        )


def read(path: Path) -> Wiring:
    """A drawing's source."""
    return msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Wiring)


def draw(wiring: Wiring) -> tuple[str, Drawing]:
    """The SVG of a drawing, and what was put on it."""
    drawing = Drawing()
    drawing.say(40, 42, wiring.title, size=20, bold=True)
    top = 340 if wiring.button.filter is None else 380
    lamp_pins = set() if wiring.lamp is None else {13, 14}
    _header(drawing, {wiring.button.signal, wiring.button.ground} | lamp_pins)
    _button(drawing, wiring.button)
    if wiring.lamp is not None:
        _lamp(drawing, wiring.lamp, 276 + 20 * len(wiring.button.notes))
    bottom = _board(drawing, wiring, top)
    return drawing.svg(wiring, bottom + 24), drawing


def _pin(number: int) -> tuple[int, int]:
    """Where the middle of a pin is: odd numbers in the lower row, which lies inwards on the board."""
    return 84 + 62 * ((number - 1) // 2), 178 if number % 2 else 128


def _header(drawing: Drawing, used: set[int]) -> None:
    drawing.rect(40, 62, 462, 188, "#fff", 'rx="10" stroke="#9aa5b1"')
    drawing.rect(52, 104, 438, 98, "#2d3339", 'rx="6"')
    for number, name in enumerate(PINS, 1):
        x, y = _pin(number)
        fill = FILLS.get(name, "#2b6cb0")
        edge = 'stroke="#ffd43b" stroke-width="4"' if number in used else 'stroke="#f0e0a8" stroke-width="2"'
        if number == 1:
            drawing.rect(x - 16, y - 16, 32, 32, fill, edge)
        else:
            drawing.add(f'<circle cx="{x}" cy="{y}" r="16" fill="{fill}" {edge}/>')
        drawing.say(x, y + 5, str(number), bold=True, fill="#fff", middle=True)
        if number not in used:
            drawing.say(x, 228 if number % 2 else 92, name, size=13, middle=True)


def _button(drawing: Drawing, button: Button) -> None:
    """The button at the right, its wires below the header, the filter on them."""
    signal_y, ground_y = (276, 300) if button.filter is None else (278, 340)
    # The wire from the pin farther to the right runs above the other: so they don't cross.
    assert button.signal % 2 == button.ground % 2 == 1
    assert button.signal > button.ground
    for pin, colour, y, lane, contact in (
        (button.signal, SIGNAL, signal_y, 560, 132),
        (button.ground, GROUND, ground_y, 592, 192),
    ):
        x = _pin(pin)[0]
        drawing.line(f"M{x} 194 V{y} H{lane} V{contact} H652", colour)
        drawing.rect(x - 29, 212, 58, 24, colour, 'rx="5"')
        drawing.say(x, 229, PINS[pin - 1], size=12, bold=True, fill="#fff", middle=True)
        drawing.rect(640, contact - 8, 34, 16, "#cbb26a", 'rx="3"')
    if button.filter is not None:
        _filter(drawing, button.filter, signal_y, ground_y)
    for radius, fill in ((58, "#3e4c59"), (46, "#9fb3c8"), (38, "#d64545")):
        drawing.add(f'<circle cx="716" cy="162" r="{radius}" fill="{fill}"/>')
    drawing.say(PARTS_X, 84, button.title, size=17, bold=True)
    for row, note in enumerate(button.notes):
        drawing.say(PARTS_X, 246 + 20 * row, note, fill=CABLE)
    warning = "Never pins 2 and 4: 5V."
    drawing.say(PARTS_X, 246 + 20 * len(button.notes), warning, size=13, bold=True, fill=FILLS["5V"])


def _lamp(drawing: Drawing, lamp: Lamp, notes_y: int) -> None:
    """A LED beside the header, from pin 13 over the resistor to its anode, and back to pin 14."""
    x = 528
    for pin, colour, wire, label_y in (
        (13, LAMP, f"M456 194 V258 H{x} V210", 212),
        (14, GROUND, f"M472 128 H{x} V136", 76),
    ):
        drawing.line(wire, colour)
        drawing.rect(427, label_y, 58, 24, colour, 'rx="5"')
        drawing.say(456, label_y + 17, PINS[pin - 1], size=12, bold=True, fill="#fff", middle=True)
    drawing.line(f"M{x} 164 V190", LAMP)
    drawing.add(f'<path d="M{x - 11} 164 h22 L{x} 144 z" fill="#1fbf6b" stroke="#1f2933" stroke-width="2"/>')
    drawing.line(f"M{x - 11} 142 h22 M{x} 142 V132", "#1f2933", 3)
    drawing.line(f"M{x + 14} 152 l8 -8 M{x + 16} 162 l8 -8", "#1fbf6b", 3)
    drawing.rect(x - 21, 186, 42, 24, "#f5e6c8", 'rx="4" stroke="#1f2933" stroke-width="2"')
    drawing.say(x, 202, lamp.resistor, size=11, middle=True)
    for row, note in enumerate(lamp.notes):
        drawing.say(PARTS_X, notes_y + 18 * row, note, size=13, fill=CABLE)


def _filter(drawing: Drawing, parts: Filter, signal_y: int, ground_y: int) -> None:
    """A resistor in the signal's wire, a capacitor from the pin's side of it to ground."""
    middle = (signal_y + ground_y) // 2
    drawing.line(f"M430 {signal_y} V{middle - 5} M414 {middle - 5} h32", "#1f2933", 4)
    drawing.line(f"M414 {middle + 5} h32 M430 {middle + 5} V{ground_y}", "#1f2933", 4)
    for y, colour in ((signal_y, SIGNAL), (ground_y, GROUND)):
        drawing.add(f'<circle cx="430" cy="{y}" r="6" fill="{colour}"/>')
    drawing.rect(472, signal_y - 11, 64, 22, "#f5e6c8", 'rx="4" stroke="#1f2933" stroke-width="2"')
    drawing.say(504, signal_y + 5, parts.series, size=13, middle=True)
    drawing.say(456, middle + 5, parts.across, size=13)


def _board(drawing: Drawing, wiring: Wiring, top: int) -> int:
    """The board seen from above, with a cable to each part; returns how far down it all reaches."""
    width, height, ports = BOARDS[wiring.board.kind]
    drawing.rect(LEFT, top, width, height, "#2f855a", 'rx="14" stroke="#22543d" stroke-width="2"')
    drawing.rect(84, top + 8, 284, 32, "#2d3339", 'rx="3"')
    for number in range(1, 41):
        x, y = 92 + 14 * ((number - 1) // 2), top + (31 if number % 2 else 17)
        drawing.add(f'<circle cx="{x}" cy="{y}" r="4" fill="#e3c565"/>')
    drawing.rect(84, top + 6, 102, 36, "none", 'rx="4" stroke="#ffd43b" stroke-width="3"')
    drawing.line(f"M128 {top} V262 M121 272 L128 260 L135 272", CABLE, 2)
    drawing.say(142, top - 14, "pins 1 to 14", size=13, fill=CABLE)
    drawing.rect(52, top + height // 2 - 30, 40, 60, "#cbd2d9", 'rx="3" stroke="#7b8794"')
    drawing.say(72, top + height // 2 + 5, "SD", size=13, middle=True)
    drawing.say(226, top + 80, wiring.board.title, size=15, bold=True, fill="#fff", middle=True)
    drawing.say(226, top + 100, "seen from above", size=13, fill="#e6f4ea", middle=True)
    reaches = top + height + 20
    for row, part in enumerate(wiring.parts):
        y = top + 43 + 106 * row
        drawing.line(_cable(*ports[part.port], top, width, height, y), CABLE, 6)
        drawing.add(f'<g transform="translate({PARTS_X} {y - 43})">{PICTURES[part.picture]}</g>')
        drawing.say(PARTS_X + 68, y - 8, part.title, size=15, bold=True)
        for line, note in enumerate(part.notes):
            drawing.say(PARTS_X + 68, y + 12 + 18 * line, note, size=12, fill=CABLE)
        reaches = max(reaches, y + 60)
    for name, (edge, along) in ports.items():
        x, y = (LEFT + width - 18, top + along) if edge == "right" else (LEFT + along, top + height - 4)
        drawing.rect(x - 30, y - 20, 60, 40, "#cbd2d9", 'rx="3" stroke="#7b8794" stroke-width="2"')
        drawing.say(x, y + 5, name.removesuffix(" 2"), size=13, middle=True)
    return reaches


def _cable(edge: str, along: int, top: int, width: int, height: int, y: int) -> str:
    """From a port to the part at the right in height `y`: upper ports to upper parts, so that none cross."""
    end = PARTS_X - 4
    if edge == "right":
        x, start = LEFT + width + 12, top + along
        return f"M{x} {start} C{x + 80} {start} {end - 80} {y} {end} {y}"
    x, low = LEFT + along, top + height + 34
    return (
        f"M{x} {low - 18} V{low - 8} Q{x} {low} {x + 8} {low} H{LEFT + 420} C{end - 90} {low} {end - 90} {y} {end} {y}"
    )


def main() -> None:
    """Draws all of them anew."""
    for path in sorted(_HERE.glob("*.yaml")):
        path.with_suffix(".svg").write_text(draw(read(path))[0], "utf-8")


if __name__ == "__main__":
    main()
