from __future__ import annotations

from pathlib import Path

from hardware import table


def test_the_page_says_what_the_files_say() -> None:
    """Else: `PYTHONPATH=daemon python -m hardware.table > hardware/boards.md`."""
    assert (Path(table.__file__).parent / "boards.md").read_text("utf-8") == table.page()
