"""What outlives a restart, in real files."""

from __future__ import annotations

import fcntl
import os
import resource
import stat
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from clonespeaker.errors import StateError
from clonespeaker.state import VERSION, SavedConversation, SavedUpload, State, StateDir

SAVED = State(conversation=SavedConversation(conversation_id="5f0c", base_url="https://api.example", slug="my-clone"))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    StateDir(tmp_path).save(SAVED)
    assert StateDir(tmp_path).load() == SAVED
    assert {path.name for path in tmp_path.iterdir()} == {"state.json"}


def test_nothing_saved_is_an_empty_state(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert StateDir(tmp_path).load() == State()
    assert StateDir(tmp_path / "nowhere").load() == State()
    assert not caplog.records


def test_the_directory_is_made(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "a" / "b")
    state.lock()
    state.unlock()
    assert (tmp_path / "a" / "b" / "lock").exists()
    StateDir(tmp_path / "c" / "d").save(SAVED)
    assert StateDir(tmp_path / "c" / "d").load() == SAVED


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(msgspec.json.encode(SAVED)[:40], id="truncated"),
        pytest.param(b"\x00" * 100, id="zeros, as after a power cut"),
        pytest.param(b"\xff\xfe garbage", id="garbage"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"x":' + b"[" * 100_000, id="nested without end"),
        pytest.param(b'{"version": "one"}', id="a version that is none"),
        pytest.param(b'{"version": 1, "conversation": {"conversation_id": 5}}', id="a wrong type"),
        pytest.param(b'{"version": 2, "conversation": null}', id="a newer version"),
        pytest.param(b'{"version": 99, "conversation": {"another": "shape"}}', id="a much newer version"),
    ],
)
def test_what_can_not_be_read_is_set_aside(tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state.json").write_bytes(data)
    state = StateDir(tmp_path)
    assert state.load() == State()
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith("state.json.")
    assert aside.name.endswith(".bad")
    assert aside.read_bytes() == data
    (warning,) = caplog.records
    assert warning.levelname == "WARNING"
    assert aside.name in warning.getMessage()
    state.save(SAVED)
    assert StateDir(tmp_path).load() == SAVED


def test_fields_of_a_later_program_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"version": 1, "tempo": 50}')
    assert StateDir(tmp_path).load() == State()
    assert VERSION == 1


def test_a_server_that_took_no_live_upload_is_asked_again_after_a_week(tmp_path: Path) -> None:
    here, day_s = "https://api.example", 86_400
    state = StateDir(tmp_path)
    assert state.load().takes_live(here)
    state.note_upload(here, live=False)
    assert not StateDir(tmp_path).load().takes_live(here)
    assert StateDir(tmp_path).load().takes_live("https://another.example")
    for age_days, again in ((6, False), (8, True), (-1, False)):
        found_at = time.time() - age_days * day_s
        assert State(upload=SavedUpload(base_url=here, live=False, found_at=found_at)).takes_live(here) is again
    assert not StateDir(tmp_path).load().has_taken_live(here)
    state.note_upload(here, live=True)
    assert StateDir(tmp_path).load().takes_live(here)
    assert StateDir(tmp_path).load().has_taken_live(here)
    assert not StateDir(tmp_path).load().has_taken_live("https://another.example")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_saves_belongs_to_whom_the_directory_does(tmp_path: Path) -> None:
    os.chown(tmp_path, 4_711, 4_712)
    StateDir(tmp_path).save(SAVED)
    saved = os.stat(tmp_path / "state.json")
    assert (saved.st_uid, saved.st_gid) == (4_711, 4_712)


def test_a_save_that_breaks_off_leaves_the_old(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A power cut in the middle of writing: what was written so far lies beside the old file, not in its place."""
    state = StateDir(tmp_path)
    state.save(SAVED)
    before = os.stat(tmp_path / "state.json").st_ino
    (tmp_path / "state.new").write_bytes(b'{"version"')
    assert StateDir(tmp_path).load() == SAVED
    state.save(SAVED)
    assert StateDir(tmp_path).load() == SAVED
    assert os.stat(tmp_path / "state.json").st_ino != before  # put in its place, not written over
    assert not caplog.records


def test_a_directory_that_can_not_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=r"can't be written.*set state_dir"):
        StateDir(tmp_path / "file").lock()
    with pytest.raises(StateError, match="can't be written"):
        StateDir(tmp_path / "file" / "below").lock()
    StateDir(tmp_path / "file").save(SAVED)
    assert "a restart will forget it" in caplog.text


def test_a_full_disk_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    StateDir(tmp_path).save(SAVED)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))  # the kernel's nearest to a disk with no room
    try:
        StateDir(tmp_path).save(State())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in caplog.text
    assert StateDir(tmp_path).load() == SAVED


def test_no_link_is_followed(tmp_path: Path) -> None:
    """Root saves, too, in a directory that is the daemon's."""
    (tmp_path / "theirs").write_text("untouched")
    (tmp_path / "state.new").symlink_to(tmp_path / "theirs")
    StateDir(tmp_path).save(SAVED)
    assert (tmp_path / "theirs").read_text() == "untouched"
    assert StateDir(tmp_path).load() == SAVED


def test_two_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    """The daemon saves its conversation while a command notes how the server takes uploads."""
    others = "import sys; from pathlib import Path; from clonespeaker.state import StateDir\n"
    others += "for n in range(60): StateDir(Path(sys.argv[1])).note_upload(f'http://127.0.0.1:{n}', live=True)"
    command = subprocess.Popen([sys.executable, "-c", others, tmp_path])
    mine = StateDir(tmp_path)
    try:
        number = 0
        while command.poll() is None:
            number += 1
            mine.update(
                conversation=SavedConversation(conversation_id=str(number), base_url="http://127.0.0.1", slug="ada")
            )
            assert mine.load().conversation.conversation_id == str(number)  # type: ignore[union-attr]
    finally:
        command.kill()
        command.wait()
    assert number > 3
    assert command.returncode == 0
    assert mine.load().upload.base_url == "http://127.0.0.1:59"  # type: ignore[union-attr]


def test_a_file_that_can_not_be_opened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state.json").mkdir()
    assert StateDir(tmp_path).load() == State()
    assert "starting afresh" in caplog.text


def test_one_at_a_time(tmp_path: Path) -> None:
    first, second = StateDir(tmp_path), StateDir(tmp_path)
    first.lock()
    with pytest.raises(StateError, match=r"another clonespeaker runs.*stop it"):
        second.lock()
    first.unlock()
    first.unlock()
    second.lock()
    second.unlock()


def test_another_process(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from clonespeaker.state import StateDir
state = StateDir(Path({str(tmp_path)!r}))
state.lock()
print("locked", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(StateError, match="another clonespeaker runs"):
            StateDir(tmp_path).lock()
        other.kill()  # the lock ends with it, however it ends
        other.wait()
        state = StateDir(tmp_path)
        state.lock()
        state.unlock()


def test_the_lock_is_not_handed_down(tmp_path: Path) -> None:
    """A program that the daemon starts must not keep its lock alive."""
    state = StateDir(tmp_path)
    state.lock()
    with subprocess.Popen(["sleep", "10"], close_fds=False) as child:
        state.unlock()
        with (tmp_path / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        child.kill()
    assert stat.S_ISREG(os.stat(tmp_path / "lock").st_mode)
