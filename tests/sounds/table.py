"""The table of earcons in `docs/sounds.md`: `python -m tests.sounds.table` writes it there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clonespeaker.cli.sounds import earcon_rows
from clonespeaker.cues import Earcon
from clonespeaker.sounds.repertoire import Repertoire

PAGE = Path(__file__).parents[2] / "docs" / "sounds.md"
BEGINS, ENDS = "<!-- earcons: `python -m tests.sounds.table` -->\n", "<!-- end -->\n"

LIKE = {
    Earcon.START: "two quick notes, rising a fourth",
    Earcon.STOP: "the same, falling",
    Earcon.THINKING: "one low note that swells, hardly there",
    Earcon.ERROR: "two slow notes, falling a fifth",
    Earcon.OFFLINE: "three knocks on the same note: nobody opens",
    Earcon.MUTED: "two notes, falling a fifth",
    Earcon.UNMUTED: "the same, rising",
    Earcon.VOLUME: "one short high note",
    Earcon.READY: "four notes, rising",
}


def table() -> Iterator[str]:
    """Its lines."""
    yield "| name | like | seconds | LKFS | highest sample, dBFS |\n"
    yield "|---|---|---|---|---|\n"
    for name, _, seconds, lkfs, peak_dbfs, _ in earcon_rows(Repertoire(dict, "en")):
        yield f"| `{name}` | {LIKE[Earcon(name)]} | {seconds:.2f} | {lkfs:.1f} | {peak_dbfs:.0f} |\n".replace("-", "−")


def with_table(page: str) -> str:
    """The page with the table of today."""
    before, _, rest = page.partition(BEGINS)
    return before + BEGINS + "".join(table()) + ENDS + rest.partition(ENDS)[2]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
