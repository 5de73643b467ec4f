"""What can go wrong with a store, in words: what, where, and how to mend it."""

import errno
import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_MEND = {
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space"),
    sqlite3.SQLITE_BUSY: ("another program holds it locked", "end that program, or wait for it"),
    sqlite3.SQLITE_LOCKED: ("another program holds it locked", "end that program, or wait for it"),
    sqlite3.SQLITE_READONLY: ("it may only be read", "mend its owner or mode, or mount the folder writable"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "mend the folder, its owner or its mode"),
    sqlite3.SQLITE_PERM: ("it may not be opened", "mend its owner or mode"),
    sqlite3.SQLITE_IOERR: ("reading or writing the disk failed", "look at the disk, and whether it is full"),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", "restore a copy, or let it start anew"),
    sqlite3.SQLITE_NOTADB: ("the file is no SQLite database", "name another file, or restore a copy"),
}
_POOLER_MEND = {
    "statement pooling mode": "set pool_mode = transaction or session in PgBouncer",
    "unsupported startup parameter": "remove it from store.url: PgBouncer does not know it",
    "query_wait_timeout": "raise default_pool_size in PgBouncer: each mailport keeps one connection",
}
"""By what PgBouncer says of itself."""


class StoreError(Exception):
    """A store that cannot be used; the text is one line: what, where, and how to mend it."""


class NewerSchemaError(StoreError):
    """A newer mailport has written the store; this one would not understand it."""


class StoreInUseError(StoreError):
    """Another mailport writes to the store."""


class StoreFencedError(StoreError):
    """Another scheduler has taken the lease; what this one has to write is not wanted."""


class ForeignStoreError(StoreError):
    """What is there belongs to another program, and is left alone."""


class DamagedStoreError(StoreError):
    """The SQLite file is damaged."""


class StoreGoneError(StoreError):
    """The file was taken away or replaced under our hands."""


def is_damage(error: BaseException) -> bool:
    """Whether an error says that an SQLite file is damaged, so that no retry will help."""
    return isinstance(error, DamagedStoreError) or _sqlite_code(error) in _CORRUPT


def is_about_values(error: BaseException) -> bool:
    """Whether an error is about what was to be written, and not about where."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError | ValueError | TypeError | OverflowError)


def describe(error: BaseException, place: object) -> str:
    """Say in one line what, where, and how to mend it."""
    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, OSError):
        is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        mend = "free some space" if is_full else "mend the folder, its owner or its mode"
        return f"{place}: {error.strerror or error}; {mend}"
    code = _sqlite_code(error)
    if code is not None or isinstance(_original(error), sqlite3.Error):
        what, mend = _MEND.get(code or 0, ("SQLite fails", "look at the file and its folder"))
        return f"{place}: {what} ({_first_line(_original(error))}); {mend}"
    if isinstance(error, DBAPIError):
        what = _first_line(_original(error))
        usual = "check that PostgreSQL runs there and lets this user in"
        mend = next((mend for words, mend in _POOLER_MEND.items() if words in what), usual)
        return f"{place}: {what}; {mend}"
    what = f"{type(error).__name__}: {_first_line(error)}"
    return f"{place}: {what}; this is a fault of mailport, please report it"


def _original(error: BaseException) -> BaseException:
    """Return the driver's own error."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _sqlite_code(error: BaseException) -> int | None:
    """Return SQLite's primary result code."""
    code = getattr(_original(error), "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def _first_line(error: BaseException) -> str:
    """Return the first line that an error says, without what comes behind it, which may hold values."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[
        :300
    ]
