"""A card that somebody prepared on some computer, put into a device."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clonespeaker.cli import alarm, provision

KEY = "dsk-recognisable0123456789"
SETTINGS = "clone:\n  slug: my-clone\nspeaker:\n  volume: 60\n"

Start = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card"
    path.mkdir()
    return path


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """Where settings and key go; the first start makes it."""
    return tmp_path / "etc"


@pytest.fixture
def start(card: Path, device: Path) -> Start:
    """What a device does at its start; whatever it says, the key is not in it."""
    return starting(card, device)


def starting(card: Path, device: Path, *prefix: str) -> Start:
    """The same, by way of another command."""
    places = "--from", card, "--to", device
    plain = {name: text for name, text in os.environ.items() if not name.startswith(("CLONESPEAKER_", "PULSE_"))}

    def start(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "clonespeaker", "provision", *places, "--silent", *arguments],
            env=plain | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        texts = [path.read_text("utf-8-sig") for path in card.glob("clonespeaker-*.txt")]
        assert KEY not in "".join([done.stdout, done.stderr, *texts])
        assert "Traceback" not in done.stderr
        return done

    return start


def leave(card: Path, settings: bytes | None = None, key: bytes | None = None) -> None:
    if settings is not None:
        (card / "clonespeaker.yaml").write_bytes(settings)
    if key is not None:
        (card / "clonespeaker.key").write_bytes(key)


def installed(device: Path) -> None:
    device.mkdir()
    (device / "config.yaml").write_text("clone:\n  slug: old\n")
    (device / "api-key").write_text("dsk-old\n")


def problems(card: Path) -> str:
    """What stands on the card, its lines joined again."""
    return " ".join((card / "clonespeaker-problems.txt").read_text("utf-8-sig").split())


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_the_first_start(start: Start, card: Path, device: Path) -> None:
    leave(card, SETTINGS.encode(), KEY.encode() + b"\n")
    done = start()
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"settings taken over from {card}/clonespeaker.yaml",
        f"key taken over from {card}/clonespeaker.key",
    ]
    assert {path.name: oct(path.stat().st_mode & 0o7777) for path in device.iterdir()} == {
        "config.yaml": "0o644",
        "api-key": "0o600",
    }
    assert device.stat().st_mode & 0o7777 == 0o755
    assert {path.stat().st_uid for path in (device, *device.iterdir())} == {os.geteuid()}
    assert (device / "config.yaml").read_text() == SETTINGS
    assert (device / "api-key").read_text() == KEY + "\n"
    assert set(contents(card)) == {"clonespeaker-taken.yaml", "clonespeaker-done.txt"}
    assert (card / "clonespeaker-taken.yaml").read_text() == SETTINGS
    again = start()
    assert again.returncode == 0
    assert "nothing to take over" in again.stdout


@pytest.mark.parametrize(
    ("settings_name", "key_name", "encoding", "line_end"),
    [
        ("clonespeaker.yaml.txt", "clonespeaker.key.txt", "utf-8-sig", "\r\n"),
        ("CLONESPEAKER.YAML", "CLONESPEAKER.KEY", "utf-16", "\r\n"),
        ("Clonespeaker.yml", "Clonespeaker.Key", "utf-8", "\n"),
    ],
)
def test_cards_of_any_computer(
    start: Start, card: Path, device: Path, settings_name: str, key_name: str, encoding: str, line_end: str
) -> None:
    (card / settings_name).write_bytes(SETTINGS.replace("\n", line_end).encode(encoding))
    (card / key_name).write_bytes(f"{KEY}{line_end}".encode(encoding))
    (card / "._clonespeaker.yaml").write_bytes(b"\0\5\26\7")
    assert start().returncode == 0
    assert (device / "config.yaml").read_text() == SETTINGS
    assert (device / "api-key").read_text() == KEY + "\n"


def test_new_settings_alone_keep_the_key_and_the_old_settings(start: Start, card: Path, device: Path) -> None:
    installed(device)
    leave(card, SETTINGS.encode())
    (card / "clonespeaker-problems.txt").write_text("from last time")
    assert start().returncode == 0
    assert contents(device) == {
        "config.yaml": SETTINGS.encode(),
        "config.yaml.before": b"clone:\n  slug: old\n",
        "api-key": b"dsk-old\n",
    }
    assert set(contents(card)) == {"clonespeaker-taken.yaml", "clonespeaker-done.txt"}


def test_a_new_key_alone_keeps_the_settings(start: Start, card: Path, device: Path) -> None:
    installed(device)
    leave(card, key=KEY.encode())
    assert start().returncode == 0
    assert contents(device) == {"config.yaml": b"clone:\n  slug: old\n", "api-key": KEY.encode() + b"\n"}
    assert set(contents(card)) == {"clonespeaker-done.txt"}


@pytest.mark.parametrize(
    ("settings", "key", "words"),
    [
        pytest.param(
            SETTINGS + "speakr: {}\n", KEY, "line 5: speakr: no such setting; did you mean speaker?", id="name"
        ),
        pytest.param("clone:\n  slug: ''\n", KEY, "clone.slug: not set", id="no clone"),
        pytest.param("clone: [\n", KEY, "a bracket that is never closed", id="no YAML"),
        pytest.param("clone:\n  slug: “my-clone”\n", KEY, "line 2: a typographic quotation mark (“)", id="quotes"),
        pytest.param(
            f"{SETTINGS}api_key: {KEY}\n", KEY, "a file of its own beside this one, clonespeaker.key", id="key"
        ),
        pytest.param(f"clone:\n  slug: {KEY}\n", KEY, "clonespeaker.key", id="the key for a name"),
        pytest.param("{\\rtf1 clone:}", KEY, "Make Plain Text", id="TextEdit"),
        pytest.param(SETTINGS, "", "clonespeaker.key: empty", id="empty key"),
        pytest.param(SETTINGS, f"{KEY}\n{KEY}", "clonespeaker.key: several lines", id="two keys"),
        pytest.param(f"{SETTINGS}", f"key: {KEY}", "put the key there alone", id="named key"),
        pytest.param(
            "clone: {slug: a, api_key_file: /etc/clonespeaker/api-key}", KEY, "leave it out", id="api_key_file"
        ),
        pytest.param("clone: {slug: x}\n" + "#" * 70_000, KEY, "larger than 64 KiB", id="large"),
    ],
)
def test_with_a_mistake_nothing_is_taken(
    start: Start, card: Path, device: Path, settings: str, key: str, words: str
) -> None:
    installed(device)
    leave(card, settings.encode(), key.encode())
    before = contents(card), contents(device)
    (card / "clonespeaker-done.txt").write_text("from last time")
    done = start()
    assert done.returncode == 78
    assert words in problems(card)
    assert "nothing was taken over" in done.stderr
    assert words in done.stderr.replace(":5:", ", line 5:").replace(":2:", ", line 2:")
    left = contents(card)
    del left["clonespeaker-problems.txt"]
    assert (left, contents(device)) == before


def test_all_mistakes_are_told_at_once(start: Start, card: Path) -> None:
    leave(card, b"clone:\n  slg: a\nspeaker:\n  volume: 800\n", b"two words")
    (card / "clonespeaker.txt").write_text("")
    assert start().returncode == 78
    told = problems(card)
    for words in (
        "line 2: clone.slg",
        "line 4: speaker.volume",
        "clonespeaker.key: more than a key",
        "clonespeaker.txt:",
    ):
        assert words in told


def test_a_key_that_is_taken_for_a_name_is_not_told(start: Start, card: Path) -> None:
    odd = "open-sesame!"  # of a kind that nobody knows as a key
    leave(card, f"clone:\n  slug: a\nspeaker:\n  volume: {odd}\n".encode(), odd.encode())
    done = start()
    assert done.returncode == 78
    assert "speaker.volume: '****'" in done.stderr
    assert odd not in done.stderr + problems(card)


def test_settings_alone_without_a_key(start: Start, card: Path, device: Path) -> None:
    leave(card, SETTINGS.encode())
    assert start().returncode == 78
    assert "this device has no key yet; put a clonespeaker.key beside it" in problems(card)
    assert not device.exists()


@pytest.mark.parametrize("settings", [None, "clone: {slug: }\n", "clone: {slug: a, api_key_file: /a}\n"])
def test_a_key_alone_without_settings(start: Start, card: Path, device: Path, settings: str | None) -> None:
    device.mkdir()
    if settings is not None:
        (device / "config.yaml").write_text(settings)
    leave(card, key=KEY.encode())
    assert start().returncode == 78
    told = problems(card)
    assert "put a clonespeaker.yaml beside it" in told
    assert ("config.yaml: clone." in told or "config.yaml, line 1: clone." in told) == (settings is not None)
    assert not (device / "api-key").exists()


def test_two_files_for_the_same_are_all_that_is_told(start: Start, card: Path) -> None:
    leave(card, SETTINGS.encode(), KEY.encode())
    (card / "clonespeaker.yaml.txt").write_text(SETTINGS)
    assert start().returncode == 78
    told = problems(card)
    assert "clonespeaker.yaml and clonespeaker.yaml.txt: each is there for settings; keep one" in told
    assert "alone" not in told.replace("the key alone", "")


def test_a_card_that_cant_be_cleared_is_told_and_what_is_on_it_is_in_force(
    start: Start, card: Path, device: Path
) -> None:
    (card / "clonespeaker-taken.yaml").mkdir()  # no file gets the name of a directory
    leave(card, SETTINGS.encode(), KEY.encode())
    for _ in range(2):
        done = start()
        assert done.returncode == 1
        assert f"all is in force, but {card} can't be cleared" in done.stderr
        assert (device / "config.yaml").read_text() == SETTINGS
        assert (device / "api-key").read_text() == KEY + "\n"
        assert set(contents(card)) == {"clonespeaker.yaml", "clonespeaker-problems.txt"}
        assert "has taken over what is on this card, but could not clear it away" in problems(card)
    (card / "clonespeaker-taken.yaml").rmdir()
    assert start().returncode == 0
    assert set(contents(card)) == {"clonespeaker-taken.yaml", "clonespeaker-done.txt"}


@pytest.fixture
def start_without_capabilities(card: Path, device: Path) -> Start:
    """As the unit has it: root, who may do no more than any owner of files."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("takes setpriv, or a user who is not root")
    setpriv = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    return starting(card, device, *setpriv)


@pytest.mark.parametrize("owner", [None, 12_345])
def test_read_only_files_are_taken_over_and_the_key_is_erased(
    start_without_capabilities: Start, card: Path, device: Path, owner: int | None
) -> None:
    """As Windows' "read-only" makes them; another owner's can't even be made writable."""
    leave(card, SETTINGS.encode(), KEY.encode())
    (card / "clonespeaker-problems.txt").write_text("from last time")
    for path in card.iterdir():
        path.chmod(0o444)
        if owner is not None:
            if os.geteuid() != 0:
                pytest.skip("giving files away takes root")
            os.chown(path, owner, -1)
    with (card / "clonespeaker.key").open("rb") as erased:
        done = start_without_capabilities()
        assert erased.read() == (bytes(len(KEY)) if owner is None else KEY.encode())
    assert (done.returncode, done.stderr) == (0, "")
    assert (device / "api-key").read_text() == KEY + "\n"
    assert set(contents(card)) == {"clonespeaker-taken.yaml", "clonespeaker-done.txt"}


def test_what_is_wrong_is_written_down_whatever_hinders_the_erasing(start: Start, card: Path) -> None:
    leave(card, b"clone: {slg: a}\n", KEY.encode())
    (card / "clonespeaker.erase").symlink_to("clonespeaker.yaml")  # nothing is written through it
    assert start().returncode == 78
    assert "clone.slg" in problems(card)


def test_links_on_the_card_are_not_followed(start: Start, card: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(KEY)
    (card / "clonespeaker.key").symlink_to(tmp_path / "elsewhere")
    leave(card, SETTINGS.encode())
    assert start().returncode == 78
    assert "clonespeaker.key: can't be read" in problems(card)
    assert (tmp_path / "elsewhere").read_text() == KEY


def test_settings_that_are_a_link_are_named_and_stay(start: Start, card: Path, device: Path, tmp_path: Path) -> None:
    """What it leads to may be where the unit can't write; a file in its place would cut whoever edits there off."""
    installed(device)
    (device / "config.yaml").rename(tmp_path / "elsewhere")
    (device / "config.yaml").symlink_to(tmp_path / "elsewhere")
    leave(card, SETTINGS.encode(), KEY.encode())
    done = start()
    assert done.returncode == 1
    for told in (done.stderr, problems(card)):
        assert f"{device}/config.yaml is a link; put the file itself there" in told
    assert (device / "config.yaml").read_text() == "clone:\n  slug: old\n"
    assert (device / "api-key").read_text() == "dsk-old\n"
    assert (card / "clonespeaker.key").read_text() == KEY


def test_a_key_that_is_a_link_is_one(start: Start, card: Path, device: Path, tmp_path: Path) -> None:
    installed(device)
    (device / "api-key").rename(tmp_path / "elsewhere")
    (device / "api-key").symlink_to(tmp_path / "elsewhere")
    leave(card, SETTINGS.encode())
    assert start().returncode == 0
    assert (device / "api-key").read_text() == "dsk-old\n"


def test_no_such_card(start: Start, card: Path) -> None:
    card.rmdir()
    done = start()
    assert done.returncode == 1
    assert f"{card} can't be read" in done.stderr


def test_a_machine_without_a_boot_partition_has_nothing_to_take_over(
    card: Path, device: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As any Debian that is no Pi."""
    card.rmdir()
    monkeypatch.setattr(provision, "BOOT_PARTITION", card)
    assert provision.main(argparse.Namespace(card=None, device=device, silent=True)) == 0
    assert f"there is no {card} here" in capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
class TestDisks:
    """Real file systems that refuse."""

    @pytest.fixture
    def mount(self) -> Iterator[Callable[..., None]]:
        mounted: list[Path] = []

        def mount(directory: Path, options: str) -> None:
            directory.mkdir(exist_ok=True)
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], check=False)
            if done.returncode:
                pytest.skip("this machine mounts no tmpfs")
            mounted.append(directory)

        yield mount
        for directory in mounted:
            subprocess.run(["umount", directory], check=True)

    def test_a_card_that_cant_be_written(
        self, start: Start, card: Path, device: Path, mount: Callable[..., None]
    ) -> None:
        mount(card, "size=1m")
        leave(card, SETTINGS.encode(), KEY.encode())
        subprocess.run(["mount", "-o", "remount,ro", card], check=True)
        done = start()
        assert done.returncode == 1
        assert "can't be written, so a key could not be erased there; nothing was taken over" in done.stderr
        assert "clonespeaker-problems.txt can't be written" in done.stderr
        assert not device.exists()
        assert (card / "clonespeaker.key").read_bytes() == KEY.encode()

    def test_a_device_that_is_full(self, start: Start, card: Path, device: Path, mount: Callable[..., None]) -> None:
        mount(device, "size=48k")
        (device / "config.yaml").write_text("clone:\n  slug: old\n")
        (device / "rest").write_bytes(b"x" * 30_000)
        settings = SETTINGS + "# long\n" * 3_000
        leave(card, settings.encode(), KEY.encode())
        before = contents(device)
        done = start()
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert "No space left on device" in problems(card)
        assert contents(device) == before
        assert (card / "clonespeaker.key").read_bytes() == KEY.encode()
        assert (card / "clonespeaker.yaml").read_bytes() == settings.encode()
        (device / "rest").unlink()
        assert start().returncode == 0
        assert (device / "config.yaml").read_text() == settings

    def test_a_device_that_cant_be_written(
        self, start: Start, card: Path, device: Path, mount: Callable[..., None]
    ) -> None:
        mount(device, "size=1m,ro")
        leave(card, SETTINGS.encode(), KEY.encode())
        done = start()
        assert done.returncode == 1
        assert "nothing of the card's was removed (Read-only file system)" in done.stderr
        assert (card / "clonespeaker.key").read_bytes() == KEY.encode()


def test_the_same_mistakes_are_sounded_once_a_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each restart of the daemon starts the provisioning, too; /run is empty after a boot."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    told = [alarm.was_told(words) for words in ("a", "a", "a\nb", "a\nb")]
    assert told == [False, True, False, True]
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert not alarm.was_told("a\nb")  # by hand
