"""Runs in the daemon's place, inside its sandbox: tries what a program there should and should not be able to do."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

PLACES = [
    "/", "/boot/firmware", "/dev", "/dev/shm", "/etc", "/etc/clonespeaker", "/home", "/home/somebody", "/opt", "/root",
    "/run", "/run/clonespeaker", "/srv/everybodys", "/tmp", "/usr/local/bin", "/var", "/var/lib/clonespeaker",
    "/var/lib/private", "/var/log", "/var/tmp",
]  # fmt: skip
STATE = Path(os.environ["STATE_DIRECTORY"])


def attempt(work: Callable[[], object]) -> str:
    """Do it → empty, or the name of the error."""
    try:
        work()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return ""


def write_in(directory: str) -> None:
    """Leave a file there, and take it away."""
    path = Path(directory, "written-by-the-probe")
    path.touch()
    path.unlink()


def make_setuid() -> None:
    """A program that whoever runs it would run as us."""
    path = STATE / "setuid"
    path.touch()
    try:
        path.chmod(0o4755)
    finally:
        path.unlink()


def make_namespace() -> None:
    """One for users, which everybody may do on Debian."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "unshare")


def family(number: int) -> Callable[[], object]:
    """Open a socket of an address family."""
    return lambda: socket.socket(number, socket.SOCK_RAW).close()


TRIES: dict[str, Callable[[], object]] = {
    "read the key's file": Path("/etc/clonespeaker/api-key").read_text,
    "read in a home directory": Path("/home/somebody/diary").read_text,
    "become root": lambda: os.setuid(0),
    "write code and run it": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "have a file run as its owner": make_setuid,
    "be root in a world of its own": make_namespace,
    "send raw packets": family(socket.AF_PACKET),
    "speak with the kernel's network": family(socket.AF_NETLINK),
    "change a kernel setting": lambda: Path("/proc/sys/kernel/printk").write_text("7"),
}


def main() -> None:
    """Try it all, and write it down where the daemon may write."""
    report = {
        "user": os.getuid(),
        "directory": os.getcwd(),
        "writable": [place for place in PLACES if not attempt(partial(write_in, place))],
        "refused": {name: attempt(work) for name, work in TRIES.items()},
        "credential": Path(os.environ["CREDENTIALS_DIRECTORY"], "api-key").read_text(),
        "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()),
        "own_process": os.getpid(),
    }
    (STATE / "probe.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main()
