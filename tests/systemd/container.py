"""A machine on which systemd is PID 1: a container with this machine's programs, and an /etc and a /var of its own.

Nothing of it lasts: it lives in namespaces that end with it, and in a directory and a control group that are removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
LONGEST_S = 400  # a whole run: a quarter of a minute, but on a busy machine; only what hangs is ended

KEY = "dsk-of-this-device"
AUDIO, GPIO, SPI = "29", "997", "996"  # the groups' numbers
SETTINGS = """\
clone: {base_url: http://127.0.0.1:8700, slug: my-clone, reply: text}
button: {source: none}
"""

_NEEDED = ["systemd-nspawn", "systemd-analyze", "setpriv", "unshare"]
_OURS = "/opt/clonespeaker"  # the checkout, inside
_LIBRARIES = "/opt/site-packages"
_PYTHON = "/opt/python"

# The least that a machine needs to know of itself.
_ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": f"root:x:0:\ntty:x:5:\naudio:x:{AUDIO}:\ngpio:x:{GPIO}:\nspi:x:{SPI}:\nnogroup:x:65534:\n",
    "nsswitch.conf": "passwd: files systemd\ngroup: files systemd\n",
    "hostname": "appliance\n",
    "machine-id": f"{uuid.uuid4().hex}\n",
}
# Takes time, and brings nothing that is looked at.
_NOT_WANTED = [
    "dbus.service", "dbus.socket", "getty.target", "systemd-logind.service", "systemd-networkd.service",
    "systemd-sysusers.service", "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
    "systemd-user-sessions.service", "timers.target",
]  # fmt: skip

_UNITS = {
    "simulated-clone.service": f"""\
[Service]
ExecStart=clonespeaker simulate --think 0 --key {KEY}
""",
    "scenario.service": f"""\
[Unit]
After=clonespeaker.service simulated-clone.service
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=python {_OURS}/tests/systemd/scenario.py
""",
}


def why_not() -> str:
    """Why there can't be such a machine here; empty where there is no reason known."""
    if os.geteuid() != 0:
        return "root alone may start a container"
    if missing := [program for program in _NEEDED if shutil.which(program) is None]:
        return f"{', '.join(missing)} not installed (Debian: systemd-container)"
    return ""


def build(root: Path) -> None:
    """Make the tree that it boots from, with the checkout's units installed and enabled."""
    for name in ("boot/firmware", "etc", "home", "opt", "root", "run", "srv", "tmp", "usr/local/bin", "var"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(os.readlink(Path("/", name)))
    for name, text in _ETC.items():
        (root / "etc" / name).write_text(text)
    shutil.copy(Path("/", "etc", "os-release"), root / "etc" / "os-release")

    units = root / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True)
    for name in _NOT_WANTED:
        (units / name).symlink_to("/dev/null")
    for name, text in _UNITS.items():
        (units / name).write_text(text)
    for name in ("clonespeaker.service", "clonespeaker-provision.service"):
        shutil.copy(CHECKOUT / "systemd" / name, units / name)
    for name in ("clonespeaker.service", *_UNITS):
        (units / "multi-user.target.wants" / name).symlink_to(f"../{name}")
    (units / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")

    _program(root / "usr/local/bin/python", f'exec {_python()} "$@"')
    # A closed gate holds the daemon up before its first line.
    gate = "while [ -e /run/gate ]; do sleep 0.05; done"
    _program(root / "usr/local/bin/clonespeaker", f'{gate}\nexec {_python()} -m clonespeaker "$@"')


def _program(path: Path, lines: str) -> None:
    path.write_text(
        f"#!/bin/sh\nexport PYTHONPATH={_OURS}/daemon:{_LIBRARIES} PYTHONSAFEPATH=1 LD_LIBRARY_PATH={_PYTHON}/lib\n"
        f"{lines}\n"
    )
    path.chmod(0o755)


def _python() -> str:
    """The one that runs the tests, at its place inside: ProtectHome= hides it where it is somebody's own."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return f"/usr/bin/{version}" if sys.base_prefix == "/usr" else f"{_PYTHON}/bin/{version}"


def _binds() -> Iterator[str]:
    for path in sorted(Path("/usr").iterdir()):
        if path.name != "local":
            yield f"--bind-ro={path}"
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/", name).is_dir() and not Path("/", name).is_symlink():
            yield f"--bind-ro=/{name}"
    yield f"--bind-ro={CHECKOUT}:{_OURS}"
    yield f"--bind-ro={sysconfig.get_path('purelib')}:{_LIBRARIES}"
    if sys.base_prefix != "/usr":
        yield f"--bind-ro={sys.base_prefix}:{_PYTHON}"


def boot(root: Path) -> str:
    """Start it, and wait until it has switched itself off, `LONGEST_S` at most → what it wrote on its console."""
    nspawn = [
        "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe",
        f"--machine=clonespeaker-{os.getpid()}", f"--directory={root}", *_binds(), "--boot",
    ]  # fmt: skip
    # A mount namespace with a /run/systemd of its own, and a process namespace: when that ends, so does all in it; and
    # it ends when the tests do.
    private = [
        "setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child",
        "--mount-proc",
    ]  # fmt: skip
    shell = 'mkdir -p /run/systemd && mount -t tmpfs tmpfs /run/systemd && exec "$@"'
    with _control_group() as join:
        try:
            console = subprocess.run(
                ["sh", "-c", f'{join}exec "$@"', "sh", *private, "sh", "-c", shell, "sh", *nspawn],
                env={"PATH": os.environ["PATH"], "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LONGEST_S,
                check=False,
            ).stdout
        except subprocess.TimeoutExpired as ended:
            console = (ended.stdout or b"") + f"\nended after {LONGEST_S} s\n".encode()
    return console.decode(errors="replace")


@contextmanager
def _control_group() -> Iterator[str]:
    """A control group of its own → the shell's line to go there. Without one, two containers would share theirs."""
    own = next((line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")), "")
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    kinds = {Path(fields[4]): fields[fields.index("-") + 1] for fields in mounts}  # by where it is mounted
    name = f"{own.strip('/')}/clonespeaker-test-{os.getpid()}".lstrip("/")
    unified = next((top / name for top, kind in kinds.items() if kind == "cgroup2"), None)
    if unified is None or not os.access(unified.parent, os.W_OK):
        yield ""
        return
    unified.mkdir(exist_ok=True)
    try:
        yield f"echo $$ > {unified}/cgroup.procs && "
    finally:  # where there are hierarchies of the older kind, systemd-nspawn has made one there, too
        for top in (top for top, kind in kinds.items() if kind in ("cgroup", "cgroup2")):
            _remove(top / name)


def _remove(group: Path) -> None:
    """It, and those in it, as soon as the last process in them has gone."""
    give_up = time.monotonic() + 10
    while group.exists() and time.monotonic() < give_up:
        for path in sorted((path for path in (group, *group.rglob("*")) if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                path.rmdir()
        time.sleep(0.02)
