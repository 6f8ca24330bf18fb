"""The page's files: small, and self-sufficient."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from qrcode.util import MODE_8BIT_BYTE, QRData

from clonespeaker.status.kiosk import FOLDER, TYPES
from clonespeaker.words import load_words

MOST_BYTES = 50_000
"""All that a kiosk loads; debug.js is for technicians."""

FILES = {path.name: path.read_text() for path in FOLDER.iterdir() if path.suffix in TYPES}


def test_all_together_are_small() -> None:
    assert sum(len(text.encode()) for name, text in FILES.items() if name != "debug.js") <= MOST_BYTES


def test_nothing_lies_there_that_is_not_served() -> None:
    assert {path.name for path in FOLDER.iterdir()} == FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup(name: str) -> None:
    text = FILES[name].replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|@import|url\(", text)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|style=|onclick=", text
    )


def test_the_page_has_words_for_all_it_says_and_says_them_all() -> None:
    used = set(re.findall(r"\bwords(?:\.page)?\.([a-z]+(?:_[a-z]+)*)\b", "".join(FILES.values())))
    page = load_words("en").page.keys()
    assert page <= used
    assert used - page <= {"page", "states", "faults"}


@pytest.mark.parametrize("length", [20, 25, 60, 110, 150, 180, 213, 330, 400, 450, 560, 666])
def test_qr_codes_are_what_another_library_makes(page: Page, length: int) -> None:
    link = ("https://example.org/watch?v=" + "aB3-_%/" * 100)[:length]
    modules = page.evaluate("link => import('./qr.js').then(({ qr }) => qr(link))", link)
    version = (len(modules) - 17) // 4
    codes = []
    for mask in range(8):
        code: QRCode[object] = QRCode(version=version, error_correction=ERROR_CORRECT_M, border=0, mask_pattern=mask)
        code.add_data(QRData(link.encode(), mode=MODE_8BIT_BYTE))
        code.make(fit=False)  # raises where the version is too small
        codes.append([[bool(each) for each in row] for row in code.modules])
    assert modules in codes
    if version > 1:
        least: QRCode[object] = QRCode(error_correction=ERROR_CORRECT_M, border=0)
        least.add_data(QRData(link.encode(), mode=MODE_8BIT_BYTE))
        least.make(fit=True)
        assert least.version == version


def test_what_is_too_long_to_scan_has_no_code(page: Page) -> None:
    assert page.evaluate("import('./qr.js').then(({ qr }) => qr('x'.repeat(667)))") is None
