"""The service manager, told how things go (sd_notify(3)). Does nothing where there is none."""

from __future__ import annotations

import os
import socket
import time


def notify(message: str) -> None:
    """Send `READY=1`, `STOPPING=1`, `STATUS=…` to systemd, where it started this process and wants to know."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        try:
            manager.sendto(message.encode(), address)
        except OSError:
            return  # a supervisor that does not listen is its own trouble


def notify_reloading() -> None:
    """The settings are being read again; `READY=1` ends it."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1_000}")


class Watchdog:
    """The service manager's (`WatchdogSec=`), which ends a process that has not fed it for so long."""

    def __init__(self) -> None:
        try:
            meant_for = int(os.environ.get("WATCHDOG_PID", os.getpid()))
            period_us = int(os.environ.get("WATCHDOG_USEC", 0))
        except ValueError:
            meant_for, period_us = 0, 0
        self._every_s = period_us / 1e6 / 4 if meant_for == os.getpid() else 0.0
        self._fed_at = -self._every_s

    def feed(self) -> None:
        """All is going on. To be called often; sends as often as is needed."""
        now = time.monotonic()
        if self._every_s and now - self._fed_at >= self._every_s:
            self._fed_at = now
            notify("WATCHDOG=1")
