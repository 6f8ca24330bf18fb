"""A thin uplink between this machine and a clone.

Where root may: the clone lives in a network namespace of its own, behind a veth pair whose near end shapes what goes
out (HTB, and a bounded FIFO, as in a home router). Rates count whole Ethernet frames, as `tc` does: of 1 Mbit/s,
TCP leaves 0.956 to what is sent (1,448 bytes of a frame of 1,514).

Else a proxy on loopback takes the same goodput from its clients, and its receive buffer is small, so that the sender
feels the rate as soon. What it can't show is the TCP of a thin link: no frames are queued or lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

GOODPUT = 1_448 / 1_514
"""What TCP leaves of a link's rate, counted in Ethernet frames."""

_PREFIX = "csbench"
_BURST_BYTES = 1_600  # a frame may go at once
_FIFO_BYTES = 64_000  # half a second at 1 Mbit/s
_PROXY_BUFFER_BYTES = 4_096  # the kernel doubles it
_PROXY_TICK_S = 0.002
_numbers = itertools.count()


@dataclass
class Link:
    """A way to a clone.

    Attributes:
        rate_mbit: of the uplink, in Mbit/s; None: as fast as this machine.
        kind: what it is made of, for people.
        host: the address that the clone is to listen on.
        prefix: the command that runs the clone where that address is.
    """

    rate_mbit: float | None
    kind: str
    host: str = "127.0.0.1"
    prefix: Sequence[str] = ()
    _through: Callable[[int], asyncio.Future[int]] | None = field(default=None, repr=False)

    async def open(self, port: int) -> str:
        """The base URL for a clone that listens on `port` at the far end."""
        return f"http://{self.host}:{await self._through(port) if self._through else port}"

    def needs_s(self, body_bytes: int) -> float:
        """What it takes, at least, to send so much."""
        if self.rate_mbit is None:
            return 0.0
        return (body_bytes / GOODPUT - _BURST_BYTES) * 8 / (self.rate_mbit * 1e6)


@contextlib.asynccontextmanager
async def open_link(rate_mbit: float | None) -> AsyncIterator[Link]:
    """A link whose uplink has so many Mbit/s; None: loopback as it is."""
    if rate_mbit is None:
        yield Link(None, "loopback")
    elif can_shape():
        number = next(_numbers)
        name = f"{_PREFIX}{os.getpid()}n{number}"
        try:
            host = _lay(name, rate_mbit)  # blocks: two at a time would choose the same addresses
            yield Link(rate_mbit, "HTB", host, ("ip", "netns", "exec", name))
        finally:
            _run("ip", "netns", "delete", name, check=False)
            _run("ip", "link", "delete", f"{name}a", check=False)
    else:
        async with contextlib.AsyncExitStack() as stack:

            def through(port: int) -> asyncio.Future[int]:
                return asyncio.ensure_future(stack.enter_async_context(_proxy(port, rate_mbit)))

            yield Link(rate_mbit, "proxy", _through=through)


# The shaped veth pair


@functools.cache
def can_shape() -> bool:
    """Whether namespaces and HTB can be had here. Removes what earlier runs have left behind."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
        return False
    _clear()
    name = f"{_PREFIX}{os.getpid()}n{next(_numbers)}"
    try:
        _lay(name, 1)
    except subprocess.CalledProcessError:
        return False
    finally:
        _run("ip", "netns", "delete", name, check=False)
        _run("ip", "link", "delete", f"{name}a", check=False)
    return True


def _lay(name: str, rate_mbit: float) -> str:
    """The pair, its far end in the namespace `name`; the far end's address."""
    near, far, (ours, theirs) = f"{name}a", f"{name}b", _free_pair()
    _run("ip", "netns", "add", name)
    _run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
    # One frame at a time, as a network card sends them: HTB would else let 64 kB go at once.
    _run("ip", "link", "set", near, "up", "gso_max_segs", "1")
    _run("ip", "address", "add", f"{ours}/30", "dev", near)
    _run("ip", "-n", name, "address", "add", f"{theirs}/30", "dev", far)
    _run("ip", "-n", name, "link", "set", far, "up")
    _run("tc", "qdisc", "add", "dev", near, "root", "handle", "1:", "htb", "default", "1")
    rate = f"{rate_mbit:g}mbit"
    burst = ("burst", str(_BURST_BYTES), "cburst", str(_BURST_BYTES))
    _run("tc", "class", "add", "dev", near, "parent", "1:", "classid", "1:1", "htb", "rate", rate, *burst)
    _run("tc", "qdisc", "add", "dev", near, "parent", "1:1", "bfifo", "limit", str(_FIFO_BYTES))
    return theirs


def _free_pair() -> tuple[str, str]:
    """Two addresses of 198.18.0.0/15 (for benchmarks, RFC 2544) that nobody here uses."""
    used = {line.split()[3].partition("/")[0] for line in _run("ip", "-4", "-o", "address").splitlines()}
    for at in range(64 * 64):
        pair = tuple(f"198.18.{100 + at // 64}.{at % 64 * 4 + host}" for host in (1, 2))
        if pair[0] not in used:
            return pair[0], pair[1]
    raise RuntimeError("no free addresses in 198.18.0.0/15")


def _clear() -> None:
    for name in re.findall(rf"^{_PREFIX}\d+n\d+", _run("ip", "netns", "list"), re.MULTILINE):
        pid = int(name.removeprefix(_PREFIX).partition("n")[0])
        if not os.path.exists(f"/proc/{pid}"):
            _run("ip", "netns", "delete", name, check=False)
            _run("ip", "link", "delete", f"{name}a", check=False)


def _run(*command: str, check: bool = True) -> str:
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=10).stdout


# The proxy


@contextlib.asynccontextmanager
async def _proxy(to_port: int, rate_mbit: float) -> AsyncIterator[int]:
    """Forwards to a port of this machine, and takes no more than the rate; the port it listens on."""
    pace = _Pace(rate_mbit * 1e6 * GOODPUT / 8)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PROXY_BUFFER_BYTES)  # accepted ones have it, too
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    sock.setblocking(False)
    forwarding: set[asyncio.Task[None]] = set()

    async def accept() -> None:
        loop = asyncio.get_running_loop()
        while True:
            near, _ = await loop.sock_accept(sock)
            far = socket.socket()
            for each in (near, far):
                each.setblocking(False)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(far, ("127.0.0.1", to_port))
            for way in (_forward(near, far, pace), _forward(far, near, None)):
                forwarding.add(task := asyncio.create_task(way))
                task.add_done_callback(forwarding.discard)

    accepting = asyncio.create_task(accept())
    try:
        yield sock.getsockname()[1]
    finally:
        for task in (accepting, *forwarding):
            task.cancel()
        sock.close()


class _Pace:
    """So many bytes a second, for all who ask; unused ones are lost after a tick."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._free_at_s = 0.0

    async def take(self, count: int) -> None:
        """Wait until so many bytes have passed."""
        self._free_at_s = max(self._free_at_s, time.monotonic() - _PROXY_TICK_S) + count / self._bytes_per_s
        await asyncio.sleep(self._free_at_s - time.monotonic())


async def _forward(source: socket.socket, to: socket.socket, pace: _Pace | None) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while data := await loop.sock_recv(source, 1_448 if pace else 65_536):
            if pace:
                await pace.take(len(data))
            await loop.sock_sendall(to, data)
        to.shutdown(socket.SHUT_WR)
