"""The service manager, as a real datagram socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from clonespeaker.service import Watchdog, notify, notify_reloading


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    address = str(tmp_path / "notify") if request.param == "path" else f"\0clonespeaker-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(30)
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


def test_reloading(manager: socket.socket) -> None:
    before = time.monotonic_ns() // 1_000
    notify_reloading()
    first, _, second = manager.recv(100).decode().partition("\n")
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1_000


@pytest.mark.parametrize("pid", [None, os.getpid()])
def test_a_watchdog_is_fed_no_oftener_than_needed(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, pid: int | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")  # so every 0.5 s
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(pid))
    watchdog = Watchdog()
    for _ in range(10):
        watchdog.feed()
    assert manager.recv(100) == b"WATCHDOG=1"
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(100)
    time.sleep(0.5)
    watchdog.feed()
    assert manager.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    "environment", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}]
)
def test_no_watchdog_or_somebody_elses(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    Watchdog().feed()
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(100)
