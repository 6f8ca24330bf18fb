from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clonespeaker.status.access import Access, Right
from clonespeaker.status.pages import Page, Pages


async def metrics(accept: str) -> tuple[str, str]:
    return "text/metrics", f"for {accept!r}"


async def kiosk(path: str, header: Callable[[str], str | None], right: Right) -> Page | None:
    return Page(200, f"{right.value} of {path}") if path in ("/", "/kiosk.css") else None


async def answer(
    target: str,
    *,
    health: dict[str, Any] | None = None,
    token: str | None = None,
    is_full: bool = False,
    **headers: str,
) -> Page | Right:
    access = Access(host="127.0.0.1", port=8777, token=token, allowed_origins=[])
    pages = Pages(access, lambda: health or {"ok": True}, metrics, kiosk)
    return await pages.answer(target, {"Host": "127.0.0.1:8777", **headers}.get, is_full=is_full)


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/", 200, "clonespeaker status"),
        ("/?x=1", 200, "/metrics"),
        ("/healthz", 200, '{"ok":true}'),
        ("/healthz?verbose", 200, '{"ok":true}'),
        ("/metrics", 200, "for ''"),
        ("/metrics?name[]=x", 200, "for ''"),
        ("/metrics/", 404, "/metrics"),
        ("//", 404, "/healthz"),
        ("/%2e", 404, "/healthz"),
        ("http://127.0.0.1:8777/", 404, "/healthz"),
        ("*", 404, "/healthz"),
        ("", 404, "/healthz"),
    ],
)
async def test_pages(target: str, status: int, words: str) -> None:
    page = await answer(target)
    assert isinstance(page, Page)
    assert page.status == status
    assert words in page.text


async def test_the_kiosk_page_for_browsers() -> None:
    wants_html: dict[str, Any] = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    headers: dict[str, Any]
    for headers, words in (
        (wants_html, "control of /"),
        ({}, "clonespeaker status"),
        ({"Accept": "*/*"}, "clonespeaker status"),
    ):
        page = await answer("/", **headers)
        assert isinstance(page, Page)
        assert words in page.text


async def test_the_kiosk_pages_files_need_no_token_and_it_does() -> None:
    for target, status in (
        ("/kiosk.css", 200),
        ("/other.css", 404),
        ("/", 401),
        ("/?token=s3", 200),
        ("/kiosk.json", 401),
    ):
        page = await answer(target, token="s3", Accept="text/html")
        assert isinstance(page, Page)
        assert page.status == status, target


async def test_health() -> None:
    page = await answer("/healthz", health={"ok": False, "faults": ["offline"]})
    assert isinstance(page, Page)
    assert page.status == 503
    assert page.headers["Content-Type"] == "application/json"
    assert json.loads(page.text) == {"ok": False, "faults": ["offline"]}


async def test_metrics() -> None:
    page = await answer("/metrics", Accept="application/openmetrics-text")
    assert isinstance(page, Page)
    assert (page.text, page.headers) == ("for 'application/openmetrics-text'", {"Content-Type": "text/metrics"})


async def test_websockets_on_the_root_only() -> None:
    assert await answer("/", Upgrade="websocket") is Right.CONTROL
    assert await answer("/?token=s3", token="s3", Upgrade="websocket") is Right.CONTROL
    for target in ("/metrics", "/healthz"):
        assert isinstance(await answer(target, Upgrade="websocket"), Page)


async def test_no_more_websockets_but_pages_still() -> None:
    full = await answer("/", is_full=True, Upgrade="websocket")
    assert isinstance(full, Page)
    assert full.status == 503
    page = await answer("/", is_full=True)
    assert isinstance(page, Page)
    assert page.status == 200


async def test_refusals_come_first() -> None:
    page = await answer("/metrics", token="s3")
    assert isinstance(page, Page)
    assert (page.status, page.headers) == (401, {"WWW-Authenticate": "Bearer"})
    page = await answer("/", Host="evil.example", Upgrade="websocket")
    assert isinstance(page, Page)
    assert page.status == 403
