"""The service manager, told how things go (sd_notify(3)). Does nothing where there is none."""

from __future__ import annotations

import os
import socket


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
