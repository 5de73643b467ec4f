"""The file of an SQLite store: its folder, its lock, whose it is, and how a damaged one is put aside."""

import contextlib
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

from scanner.store.faults import ForeignStoreError, StoreInUseError
from scanner.store.place import APPLICATION_ID

_COMPANIONS = ("", "-wal", "-shm")
_HEADER = b"SQLite format 3\x00"
_APPLICATION_ID_AT = 68
_DATABASE_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3"})

Identity = tuple[int, int]
"""Device and inode: tells whether a path still leads to the same file."""


def make_folder(path: Path) -> None:
    """Make the folder of the file, for its owner only, as the state folders of users are."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_file(path: Path) -> None:
    """Make an empty file for its owner only, where there is none; SQLite gives its companions the same mode.

    Raises:
        OSError: it cannot be made.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def identify(path: Path) -> Identity | None:
    """Return which file a path leads to; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def size_of(path: Path) -> int | None:
    """Return the bytes that the file and its companions take; None where there is no file."""
    total = 0
    for suffix in _COMPANIONS[:2]:
        try:
            total += Path(f"{path}{suffix}").stat().st_size
        except OSError:
            if not suffix:
                return None
    return total


def check_owner(path: Path) -> None:
    """Refuse a file that is another program's: it must not be written to, and not be put aside either.

    Raises:
        ForeignStoreError: it is an SQLite database of something else, or a text.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(4096)
    except FileNotFoundError:
        return
    if not beginning:
        return
    if beginning.startswith(_HEADER) and len(beginning) >= 100:
        number = int.from_bytes(beginning[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4], "big")
        if number not in {0, APPLICATION_ID} or (number == 0 and _has_tables(beginning)):
            raise ForeignStoreError(f"{path}: this database belongs to another program; name another file")
    elif path.suffix not in _DATABASE_SUFFIXES and _is_text(beginning):
        raise ForeignStoreError(f"{path}: this is a text and no database; name another file")


def _has_tables(beginning: bytes) -> bool:
    """Whether the first page of a database, where its tables are listed, has anything on it."""
    return int.from_bytes(beginning[103:105], "big") > 0


def _is_text(beginning: bytes) -> bool:
    text = beginning.decode("utf-8", errors="replace")
    return all(character.isprintable() or character in "\t\r\n" for character in text[:-1])


def move_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file and its companions to `NAME.corrupt-TIME`, never over another; return that."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = Path(f"{path}.corrupt-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = Path(f"{path}.corrupt-{stamp}-{number}")
    for suffix in _COMPANIONS:
        try:
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
        except FileNotFoundError:
            continue
    return aside


def remove_companions(path: Path) -> None:
    """Remove what is left beside a file that was taken away: it must not be mixed into a new one."""
    for suffix in _COMPANIONS[1:]:
        Path(f"{path}{suffix}").unlink(missing_ok=True)


class FileLock:
    """Keeps a second writer away by a file beside the database; freed when we end, however we do."""

    def __init__(self, path: Path) -> None:
        self._store = path
        self._path = Path(f"{path}.lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, or have it already.

        Raises:
            StoreInUseError: another process has it.
            OSError: the file cannot be made.
        """
        if self._descriptor is not None:
            if identify(self._path) == _identify_open(self._descriptor):
                return
            self.release()  # the folder was emptied: whoever comes now must find our lock
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            who = f" (process {holder})" if holder.isdigit() else ""
            raise StoreInUseError(
                f"{self._store}: another mailport{who} writes to it; "
                "stop that one, or give this one a store of its own (store.url)"
            ) from None
        self._descriptor = descriptor
        with contextlib.suppress(OSError):  # only a hint for who comes next; the disk may be full
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back. The file stays: to remove it would let two in at once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _identify_open(descriptor: int) -> Identity:
    found = os.fstat(descriptor)
    return (found.st_dev, found.st_ino)
