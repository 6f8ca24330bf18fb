"""A directory whose files are read, written whole, renamed and erased, and on the disk when a method returns.

Everything goes through the opened directory and never through a link in it: a card may come from anywhere.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

_PLAIN = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # not through a link; a pipe keeps nobody waiting


class Folder:
    """An open directory. All methods block and raise OSError.

    Args:
        path: of the directory; may itself be a link.
        missing_mode: made with this mode where it is missing; None: then it must be there.
    """

    def __init__(self, path: Path, *, missing_mode: int | None = None) -> None:
        self.path = path
        if missing_mode is not None and not path.is_dir():
            path.mkdir(missing_mode)
            path.chmod(missing_mode)  # whatever the umask
            with Folder(path.parent) as parent:
                parent.sync()
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    @property
    def is_writable(self) -> bool:
        """Whether it can be written to at all, as far as can be told without trying."""
        read_only = os.fstatvfs(self._fd).f_flag & os.ST_RDONLY
        return not read_only and os.access(self.path, os.W_OK)

    def files(self) -> list[str]:
        """The names of all that is in it but directories."""
        with os.scandir(self._fd) as entries:
            return [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]

    def read(self, name: str, most_bytes: int) -> bytes | None:
        """What a file holds, up to so many bytes; None where there is no such file.

        Raises:
            OSError: it can't be read, or is a link or no file.
        """
        try:
            with self._open(name, os.O_RDONLY) as fd:
                data = b""
                while len(data) < most_bytes and (more := os.read(fd, most_bytes - len(data))):
                    data += more
                return data
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Put a file in its place, or another in place of it: at any moment the old or the new is there, whole."""
        self.write_all([(name, data, None)])

    def write_all(self, files: Sequence[tuple[str, bytes, int | None]]) -> None:
        """The same with several: where one can't be written, all stay as they were.

        Args:
            files: name, contents, and permissions, whatever the umask; None where there are none to speak of, as on
                FAT. They get their places in this order. `name`.new is taken on the way.
        """
        try:
            for name, data, mode in files:
                self._write_new(f"{name}.new", data, mode)
            for name, _, _ in files:
                self.rename(f"{name}.new", name)
        except OSError:
            for name, _, _ in files:
                with contextlib.suppress(OSError):
                    self.remove(f"{name}.new")
            raise

    def _write_new(self, name: str, data: bytes, mode: int | None) -> None:
        self.remove(name)  # of a run that was cut off
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN, 0o600, dir_fd=self._fd)
        try:
            if mode is not None:
                os.fchmod(fd, mode)
            _write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: str, new: str) -> None:
        """Call a file otherwise, in place of one that may be called so."""
        os.rename(old, new, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        self.sync()

    def remove(self, name: str) -> None:
        """Remove a file where there is one."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._fd)
            self.sync()

    def overwrite(self, name: str) -> None:
        """Fill a file with zeros where it lies, where there is one. On flash, what was there may outlive that.

        One that is read-only is made writable before; one that can't be, gives its place to an empty one.
        """
        try:
            self._make_writable(name)
            with self._open(name, os.O_WRONLY) as fd:
                _write_all(fd, bytes(os.fstat(fd).st_size))
                os.fsync(fd)
        except FileNotFoundError:
            pass
        except PermissionError:  # another user's
            self.write(name, b"")

    def _make_writable(self, name: str) -> None:
        """Windows' "read-only" is a mode without write bits, which stop root, too, where its capabilities are gone."""
        with self._open(name, os.O_RDONLY) as fd:
            mode = stat.S_IMODE(os.fstat(fd).st_mode)
            if not mode & stat.S_IWUSR:
                os.fchmod(fd, mode | 0o222)  # FAT knows all of these bits or none

    def sync(self) -> None:
        """Return when names are on the disk, too."""
        os.fsync(self._fd)

    @contextlib.contextmanager
    def _open(self, name: str, flags: int) -> Iterator[int]:
        fd = os.open(name, flags | _PLAIN, dir_fd=self._fd)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(None, "not a file")
            yield fd
        finally:
            os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
