from __future__ import annotations

from tests.sounds.table import PAGE, with_table


def test_the_page_tells_how_the_earcons_are_today() -> None:
    page = PAGE.read_text()
    assert with_table(page) == page, "python -m tests.sounds.table"
