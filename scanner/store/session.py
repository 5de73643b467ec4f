"""The writer's one connection: opened with all checks, and made again when it fails."""

import sqlite3

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from scanner.network.wires import Wires
from scanner.store.faults import DamagedStoreError, StoreGoneError
from scanner.store.files import (
    FileLock,
    Identity,
    check_owner,
    identify,
    make_file,
    make_folder,
    remove_companions,
    size_of,
)
from scanner.store.migrate import migrate
from scanner.store.place import Place, make_engine, prepare_sqlite
from scanner.store.sole_writer import SoleWriter
from scanner.store.values import Pace

log = structlog.get_logger(__name__)

_SMALL_BYTES = 64 * 1024 * 1024
"""An SQLite file up to this size is checked whole when it is opened: that takes a moment at most."""
_COUNT_TABLES = text("SELECT count(*) FROM sqlite_master")


class Session:
    """Not for two threads at once."""

    def __init__(self, place: Place, pace: Pace, owner: str) -> None:
        self._place = place
        self._pace = pace
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self.file: Identity | None = None
        """Which file is open; None for a server."""
        self._lock = FileLock(place.path) if place.path is not None else None
        self._wires = Wires()
        self._sole = SoleWriter(place, owner, self._wires)
        self._was_open = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    def open(self) -> Connection:
        """Return the connection; make one, with the schema brought up to date, where there is none.

        Raises:
            StoreError, OSError, SQLAlchemyError: it cannot be made.
        """
        if self._connection is not None:
            return self._connection
        if self._place.path is not None:
            self._prepare_file()
        seconds = self._pace.lock_seconds
        self._engine = make_engine(self._place, lock_seconds=seconds, is_writer=True, wires=self._wires)
        try:
            connection = self._engine.connect()
            self._connection = connection
            self._set_up(connection)
        except BaseException:
            self.close()
            raise
        self._was_open = True
        return connection

    def check(self) -> None:
        """See that the path still leads to the file that is open, and that no second writer may come in.

        Raises:
            StoreGoneError: it does not.
            SQLAlchemyError: one may.
        """
        if self._place.path is not None and identify(self._place.path) != self.file:
            raise StoreGoneError(f"{self._place}: the file was removed or replaced; it is made anew")
        self._sole.check()

    def close(self) -> None:
        """Close the connection, whatever state it is in; the lock on a file stays."""
        connection, self._connection = self._connection, None
        engine, self._engine = self._engine, None
        self._sole.release()
        try:
            if connection is not None:
                connection.close()
        except (SQLAlchemyError, OSError) as error:
            log.debug("store_close_failed", error=str(error))
        if engine is not None:
            engine.dispose()

    def cut(self) -> None:
        """Let what waits for a server fail; call it from any thread."""
        self._wires.cut()

    def release(self) -> None:
        """Close, and let another writer in."""
        self.close()
        if self._lock is not None:
            self._lock.release()

    def size(self) -> int | None:
        """Return the bytes on disk; None where that cannot be told."""
        if self._place.path is not None:
            return size_of(self._place.path)
        if self._connection is None:
            return None
        with self._connection.begin():
            found = self._connection.scalar(text("SELECT pg_database_size(current_database())"))
        return None if found is None else int(found)

    def _prepare_file(self) -> None:
        path = self._place.path
        if path is None or self._lock is None:
            return
        make_folder(path)
        self._lock.acquire()
        if not self._was_open:
            check_owner(path)
        if identify(path) is None:
            remove_companions(path)
            make_file(path)

    def _set_up(self, connection: Connection) -> None:
        path = self._place.path
        if path is None:
            self._sole.claim(connection)
        else:
            prepare_sqlite(connection)
            self._check_whole(connection.connection.driver_connection)
            self.file = identify(path)
        migrate(connection, self._place)

    def look(self) -> None:
        """Look at the file on disk by a fresh connection: an open one answers from its own memory.

        Raises:
            DamagedStoreError, SQLAlchemyError: it is damaged.
        """
        if self._place.path is None:
            return
        engine = make_engine(self._place, lock_seconds=self._pace.lock_seconds, is_writer=False)
        try:
            with engine.connect() as connection:
                connection.scalar(_COUNT_TABLES)
                self._check_whole(connection.connection.driver_connection)
        finally:
            engine.dispose()

    def _check_whole(self, driver: object) -> None:
        """Let SQLite look at the whole file, if it is small.

        Raises:
            DamagedStoreError: something in it is wrong.
        """
        if not isinstance(driver, sqlite3.Connection) or (self.size() or 0) > _SMALL_BYTES:
            return
        found = driver.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DamagedStoreError(f"{self._place}: the file is damaged ({found}); restore a copy")
