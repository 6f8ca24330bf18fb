"""The power fails at any moment while a card is taken over; the next start makes of it what an undisturbed one would.

Each cut is the end of a process before its n-th call to the disk: nothing of ours runs after it, as in life. What a
disk may lose of what was not synced is not played; that everything was is looked at in the order of the calls.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clonespeaker.cli import provision
from clonespeaker.provision.card import sort
from clonespeaker.provision.folder import Folder

SETTINGS, OTHER_SETTINGS, OLD_SETTINGS = "clone:\n  slug: new\n", "clone: {slug: }\n", "clone:\n  slug: old\n"
KEY, OLD_KEY = "dsk-new-0123456789", "dsk-old-0123456789"
CUT, BROKEN = 9, 8

_CALLS = {os.open, os.write, os.fsync, os.fchmod, os.rename, os.unlink, os.mkdir}

Prepare = Callable[[Path], None]


def fresh(root: Path) -> None:
    """A first start: nothing in the device."""
    (root / "card").mkdir()
    (root / "card" / "clonespeaker.yaml").write_text(SETTINGS)
    (root / "card" / "clonespeaker.key").write_text(KEY)


def changed(root: Path) -> None:
    """A card put in again, into a device that has settings and a key."""
    fresh(root)
    (root / "card" / "clonespeaker-taken.yaml").write_text(OLD_SETTINGS)
    (root / "card" / "clonespeaker-problems.txt").write_text("problems of last time")
    (root / "device").mkdir()
    (root / "device" / "config.yaml").write_text(OLD_SETTINGS)
    (root / "device" / "api-key").write_text(OLD_KEY)


def key_alone(root: Path) -> None:
    changed(root)
    (root / "card" / "clonespeaker.yaml").unlink()


def settings_alone(root: Path) -> None:
    changed(root)
    (root / "card" / "clonespeaker.key").unlink()


def half_erased(root: Path) -> None:
    """All was done but for the last step, when the power failed before."""
    changed(root)
    (root / "card" / "clonespeaker.yaml").replace(root / "card" / "clonespeaker-taken.yaml")
    (root / "card" / "clonespeaker.key").replace(root / "card" / "clonespeaker.erase")
    (root / "device" / "config.yaml").replace(root / "device" / "config.yaml.before")
    (root / "device" / "config.yaml").write_text(SETTINGS)
    (root / "device" / "api-key").write_text(KEY)


def read_only(root: Path) -> None:
    """All that people left is; a key from before that, too."""
    changed(root)
    (root / "card" / "clonespeaker.erase").write_text(OLD_KEY)
    for path in (root / "card").iterdir():
        path.chmod(0o444)


def mistaken(root: Path) -> None:
    changed(root)
    (root / "card" / "clonespeaker.yaml").write_text(OTHER_SETTINGS)
    (root / "card" / "clonespeaker-done.txt").write_text("from last time")


SITUATIONS = [fresh, changed, key_alone, settings_alone, half_erased, read_only, mistaken]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CLONESPEAKER_")]:
        monkeypatch.delenv(name)


def start(root: Path) -> int:
    """What a device does with the card at its start."""
    return provision.main(argparse.Namespace(card=root / "card", device=root / "device", silent=True))


def starts_until_cut(root: Path, calls: int) -> bool:
    """The same, in a process that ends before it makes its next call to the disk; whether it came to that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 on: another test may have left a thread
        child = os.fork()
    if child == 0:  # pragma: no cover
        count = 0

        def on_call(frame: Any, event: str, function: Any) -> None:
            nonlocal count
            if event == "c_call" and function in _CALLS:
                count += 1
                if count > calls:
                    os._exit(CUT)

        try:
            sys.setprofile(on_call)
            start(root)
            sys.setprofile(None)
            os._exit(0)
        finally:
            os._exit(BROKEN)  # not back into pytest
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, CUT)
    return code == CUT


def everything(root: Path) -> dict[str, tuple[bytes, int]]:
    """All files with their modes; of the texts for people only that they are there, for they hold the time."""
    return {
        str(path.relative_to(root)): (b"" if path.suffix == ".txt" else path.read_bytes(), path.stat().st_mode)
        for path in root.rglob("*")
        if path.is_file()
    }


def cuts(tmp_path: Path, prepare: Prepare) -> Iterator[tuple[int, Path]]:
    """A device after each cut there can be, and the number of calls before it."""
    for calls in range(200):
        root = tmp_path / f"cut {calls}"
        root.mkdir()
        prepare(root)
        if not starts_until_cut(root, calls):
            assert calls > 10
            return
        yield calls, root
    raise AssertionError("it never ends")


@pytest.mark.parametrize("prepare", SITUATIONS)
def test_after_a_cut_the_next_start_does_the_rest(
    tmp_path: Path, prepare: Prepare, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    prepare(undisturbed)
    code = start(undisturbed)
    assert code == (78 if prepare is mistaken else 0)
    for calls, root in cuts(tmp_path, prepare):
        if everything(root) != everything(undisturbed):
            assert sort(os.listdir(root / "card")), f"nobody would go on after {calls} calls"
        assert start(root) == code
        assert everything(root) == everything(undisturbed), f"cut after {calls} calls"
        assert KEY not in "".join(capsys.readouterr())


@pytest.mark.parametrize("prepare", SITUATIONS)
def test_at_no_moment_is_anything_lost(tmp_path: Path, prepare: Prepare) -> None:
    for calls, root in cuts(tmp_path, prepare):
        held = {name: data.decode() for name, (data, _) in everything(root).items()}
        if prepare is not fresh:  # the daemon, started now, has what was before or what comes
            assert held["device/config.yaml"] in (SETTINGS, OLD_SETTINGS), calls
            assert held["device/api-key"].strip() in (KEY, OLD_KEY), calls
        whole = [held[name].strip() for name in held if name.endswith((".key", "/api-key"))]
        assert KEY in whole or prepare is settings_alone, f"the new key is nowhere after {calls} calls"
        assert OLD_SETTINGS in held.values() or prepare is fresh, f"the old settings are nowhere after {calls} calls"


def test_a_cut_twice_is_no_worse(tmp_path: Path) -> None:
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    changed(undisturbed)
    start(undisturbed)
    for calls, root in cuts(tmp_path, changed):
        starts_until_cut(root, calls // 2)
        start(root)
        assert everything(root) == everything(undisturbed), f"cut after {calls} calls, and again"


def test_the_card_is_touched_only_when_all_is_on_the_devices_disk(tmp_path: Path) -> None:
    changed(tmp_path)
    calls: list[tuple[str, Path]] = []

    def on_call(frame: Any, event: str, function: Any) -> None:
        folder = frame.f_locals.get("self")
        if event == "c_call" and function in _CALLS and isinstance(folder, Folder):
            calls.append((function.__name__, folder.path))

    sys.setprofile(on_call)
    try:
        assert start(tmp_path) == 0
    finally:
        sys.setprofile(None)
    changes = [index for index, (name, _) in enumerate(calls) if name in {"fchmod", "rename", "unlink"}]
    on_card = [index for index in changes if calls[index][1].name == "card"]
    on_device = [index for index in changes if calls[index][1].name == "device"]
    assert on_device
    assert on_device[-1] < on_card[0]
    assert ("fsync", tmp_path / "device") in calls[on_device[-1] : on_card[0]]
