"""The service manager, as a real datagram socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from clonespeaker.service import notify


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    address = str(tmp_path / "notify") if request.param == "path" else f"\0clonespeaker-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(1)
        monkeypatch.setenv("NOTIFY_SOCKET", address.replace("\0", "@"))
        yield manager


def test_it_is_told(manager: socket.socket) -> None:
    notify("READY=1")
    notify("STATUS=Zuhören")
    assert [manager.recv(100).decode() for _ in range(2)] == ["READY=1", "STATUS=Zuhören"]


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens-here", "/" + 200 * "x", "relative"])
def test_where_there_is_none_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify("READY=1")
