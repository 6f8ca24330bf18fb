from __future__ import annotations

import json
from typing import Any

import pytest

from clonespeaker.status.access import Access
from clonespeaker.status.pages import Page, Pages


def answer(
    target: str,
    *,
    health: dict[str, Any] | None = None,
    token: str | None = None,
    is_full: bool = False,
    **headers: str,
) -> Page | None:
    access = Access(host="127.0.0.1", port=8777, token=token, allowed_origins=[])
    pages = Pages(access, lambda: health or {"ok": True})
    return pages.answer(target, {"Host": "127.0.0.1:8777", **headers}.get, is_full=is_full)


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/", 200, "clonespeaker status"),
        ("/?x=1", 200, "clonespeaker status"),
        ("/healthz", 200, '{"ok":true}'),
        ("/healthz?verbose", 200, '{"ok":true}'),
        ("/metrics", 404, "/healthz"),
        ("//", 404, "/healthz"),
        ("/%2e", 404, "/healthz"),
        ("http://127.0.0.1:8777/", 404, "/healthz"),
        ("*", 404, "/healthz"),
        ("", 404, "/healthz"),
    ],
)
def test_pages(target: str, status: int, words: str) -> None:
    page = answer(target)
    assert page is not None
    assert page.status == status
    assert words in page.text


def test_health() -> None:
    page = answer("/healthz", health={"ok": False, "faults": ["offline"]})
    assert page is not None
    assert page.status == 503
    assert page.headers["Content-Type"] == "application/json"
    assert json.loads(page.text) == {"ok": False, "faults": ["offline"]}


def test_websockets_on_the_root_only() -> None:
    assert answer("/", Upgrade="websocket") is None
    assert answer("/?token=s3", token="s3", Upgrade="websocket") is None
    for target in ("/metrics", "/healthz"):
        assert answer(target, Upgrade="websocket") is not None


def test_no_more_websockets_but_pages_still() -> None:
    full = answer("/", is_full=True, Upgrade="websocket")
    assert full is not None
    assert full.status == 503
    page = answer("/", is_full=True)
    assert page is not None
    assert page.status == 200


def test_refusals_come_first() -> None:
    page = answer("/metrics", token="s3")
    assert page is not None
    assert (page.status, page.headers) == (401, {"WWW-Authenticate": "Bearer"})
    page = answer("/", Host="evil.example", Upgrade="websocket")
    assert page is not None
    assert page.status == 403
