"""Keeps a second writer of the same vantage and shard away from a PostgreSQL, by an advisory lock."""

import zlib
from dataclasses import replace

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from scanner.network.wires import Wires
from scanner.store.faults import StoreInUseError
from scanner.store.place import Place, make_engine
from scanner.store.pooling import is_pooled

log = structlog.get_logger(__name__)

_LOCK_CLASS = 0x6D70  # the first of the two numbers of our advisory locks: "mp"
_LOCK_SECONDS = 5.0
_ASK = text("SELECT 1")
_LAST = text("SET LOCAL idle_in_transaction_session_timeout = 0")


class SoleWriter:
    """Holds the lock as long as the writer's connection lasts; not for two threads at once.

    The server frees it when the connection ends. Behind a pooler the session is not ours, but a connection
    is for as long as a transaction lasts: there the lock is that of a transaction, over a connection of its
    own, which does nothing and so hinders no tidying of the server.

    Args:
        owner: the vantage, and its shard where there are several.
        wires: by which a connection of its own can be cut, as the writer's.
    """

    def __init__(self, place: Place, owner: str, wires: Wires) -> None:
        self._place = place
        self._wires = wires
        self._owner = owner
        # Schedulers of a cluster keep each other away by the lease; by this they keep away, and are kept away
        # by, a mailport that knows of none.
        self._kind = "" if place.fence is None else "_shared"
        self._number = zlib.crc32(owner.encode()) & 0x7FFFFFFF
        self._held: Connection | None = None

    def claim(self, connection: Connection) -> None:
        """Take the lock; over a connection that is being opened, or beside it.

        Raises:
            StoreInUseError: another one has it.
            SQLAlchemyError: the database does not answer.
        """
        if not is_pooled(connection):
            with connection.begin():
                self._take(connection, f"pg_try_advisory_lock{self._kind}")
            return
        # Not behind the fence: that would hold the row of the lease as well.
        plain = replace(self._place, fence=None)
        engine = make_engine(plain, lock_seconds=_LOCK_SECONDS, is_writer=True, wires=self._wires)
        self._held = held = engine.connect()
        held.begin()
        held.execute(_LAST)
        self._take(held, f"pg_try_advisory_xact_lock{self._kind}")

    def check(self) -> None:
        """See that it is still ours.

        Raises:
            SQLAlchemyError: the connection that had it is gone.
        """
        if self._held is not None:
            self._held.execute(_ASK)

    def release(self) -> None:
        """Give it back where it is not the writer's connection that has it."""
        held, self._held = self._held, None
        if held is None:
            return
        try:
            held.close()
        except (SQLAlchemyError, OSError) as error:
            log.debug("store_lock_close_failed", error=str(error))
        held.engine.dispose()

    def _take(self, connection: Connection, function: str) -> None:
        lock = text(f"SELECT {function}(:class, :object)")
        if not connection.scalar(lock, {"class": _LOCK_CLASS, "object": self._number}):
            raise StoreInUseError(
                f"{self._place}: another mailport with the vantage {self._owner} writes to it; "
                "stop that one, or give this one another vantage, shard or store"
            )
