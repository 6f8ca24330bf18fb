"""What outlives a restart: one small JSON file in the state directory, and a lock that keeps a second daemon out.

Written whole beside the old one, synced, then put in its place, so a power cut leaves the old or the new, never
half of either. A file that can't be read is set aside under another name, with a warning.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec
from msgspec import Meta

from clonespeaker.errors import StateError

log = logging.getLogger(__name__)

VERSION = 1

_OTHERS_SAVE_WITHIN_S, _LOOK_EVERY_S = 1.0, 0.01
EXACT_FOR_S = 7 * 86_400.0
"""Then a server that took no live upload is asked again."""


class SavedConversation(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation to go on with, and what it belongs to: other settings begin another."""

    conversation_id: str
    base_url: str
    slug: str | None = None
    instance_slug: str | None = None
    user_email: str | None = None


class SavedUpload(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a server takes questions live, while they are spoken; found at `found_at`, in Unix seconds."""

    base_url: str
    live: bool
    found_at: float


class SavedVolume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume that was set by hand, and the configured one that it holds instead of; both 0–100."""

    level: Annotated[int, Meta(ge=0, le=100)]
    instead_of: int


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    version: int = VERSION
    conversation: SavedConversation | None = None
    answers_in_mp3: bool = False
    """The clone did last time; so a decoder is wanted before the first answer."""
    upload: SavedUpload | None = None
    volume: SavedVolume | None = None
    muted: bool = False

    def volume_instead_of(self, configured: int) -> int:
        """What holds where so much is configured: what was set by hand since then, or that."""
        return self.volume.level if self.volume is not None and self.volume.instead_of == configured else configured

    def takes_live(self, base_url: str) -> bool:
        """Whether live is worth a try with this server: yes, unless it has refused it within the last week."""
        upload = self.upload
        if upload is None or upload.live or upload.base_url != base_url:
            return True
        return abs(time.time() - upload.found_at) > EXACT_FOR_S  # abs: a Pi's clock may start in the past

    def has_taken_live(self, base_url: str) -> bool:
        """Whether this server took a live upload when it was last tried."""
        return self.upload is not None and self.upload.live and self.upload.base_url == base_url


def _locked(directory: int) -> bool:
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class StateDir:
    """A directory that only this process uses while it is locked.

    Args:
        path: made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path / "state.json"
        self._lock: IO[str] | None = None
        self._updating = threading.Lock()

    def lock(self) -> None:
        """Take it. The lock ends with the process, however that ends.

        Raises:
            StateError: it can't be written, or another daemon has it.
        """
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            lock = (self._path / "lock").open("a")
        except OSError as error:
            raise StateError(
                f"the state directory {self._path} can't be written ({error.strerror}); "
                "set state_dir to a directory that this user may write to"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StateError(
                f"another clonespeaker runs with the state directory {self._path}; "
                "stop it, or give this one another state_dir"
            ) from error
        self._lock = lock

    def unlock(self) -> None:
        """Give it back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def load(self) -> State:
        """What was saved; an empty `State` where nothing was, or nothing that can be read."""
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return State()
        except OSError as error:
            log.warning("state: %s can't be read (%s); starting afresh", self._file, error.strerror)
            return State()
        try:
            state = msgspec.json.decode(data, type=State)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._set_aside(f"can't be read ({error})")
            return State()
        if state.version != VERSION:
            self._set_aside(f"is of version {state.version}, and this program writes version {VERSION}")
            return State()
        return state

    def update(self, **changes: Any) -> None:
        """Save the state with some of its fields changed, where they do change. As `save`."""
        with self._alone():
            before = self.load()
            after = msgspec.structs.replace(before, **changes)
            if after != before:
                self.save(after)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Meanwhile no other thread and no other process of ours changes it (the daemon and a command may)."""
        with self._updating, contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):  # whoever saves tells
                self._path.mkdir(parents=True, exist_ok=True)
                directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, directory)
                give_up_at = time.monotonic() + _OTHERS_SAVE_WITHIN_S
                while not _locked(directory) and time.monotonic() < give_up_at:
                    time.sleep(_LOOK_EVERY_S)
            yield

    def note_upload(self, base_url: str, *, live: bool) -> None:
        """Save whether a server takes live uploads, as of now. As `save`."""
        self.update(upload=SavedUpload(base_url=base_url, live=live, found_at=round(time.time())))

    def save(self, state: State) -> None:
        """Keep `state`. Blocks until it is on the disk. Failing is a warning: the device works without."""
        new = self._file.with_suffix(".new")
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            # Anew, and no link: root would follow where the daemon's user leads, and give away what it finds there.
            new.unlink(missing_ok=True)
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
                file.write(msgspec.json.encode(state) + b"\n")
                file.flush()
                if os.geteuid() == 0:  # a command under sudo; the daemon's own user must be able to read it
                    owner = self._path.stat()
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                os.fsync(file.fileno())
            new.replace(self._file)
            directory = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            log.warning("state: %s can't be written (%s); a restart will forget it", self._file, error.strerror)

    def _set_aside(self, why: str) -> None:
        aside = self._file.with_name(f"state.json.{time.strftime('%Y%m%d-%H%M%S')}.bad")
        log.warning("state: %s %s; set aside as %s, starting afresh", self._file, why, aside.name)
        with contextlib.suppress(OSError):
            self._file.replace(aside)
