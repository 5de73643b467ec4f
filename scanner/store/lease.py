"""Who writes to a PostgreSQL that several wait for: one row, with a number that each holder has higher."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from scanner.network.wires import Wires
from scanner.store.fence import Fence
from scanner.store.place import Place, make_engine

log = structlog.get_logger(__name__)

FAULTS = (SQLAlchemyError, OSError)
"""What is raised where the database does not answer; beside these a `StoreError` for a password file."""
_UNDEFINED_TABLE = "42P01"
# Not one of the tables that migrations know: who waits must not change those under a leader's hands.
_CREATE = text(
    "CREATE TABLE IF NOT EXISTS mailport_lease (name text PRIMARY KEY, token bigint NOT NULL, "
    "beat bigint NOT NULL, holder text NOT NULL, process text NOT NULL)"
)
_FIND = text("SELECT to_regclass(:table)")
_ADD = text("INSERT INTO mailport_lease VALUES (:name, 0, 0, '', '') ON CONFLICT DO NOTHING")
_LOOK = text("SELECT token, beat, holder, process FROM mailport_lease WHERE name = :name")
# Waits for whoever writes behind the fence at this moment.
_LOCK = text("SELECT token, beat FROM mailport_lease WHERE name = :name FOR UPDATE")
# A time in it, so that the number of a database that was restored or made anew is higher as well: the broker
# remembers the highest that it was told.
_TAKE = text(
    "UPDATE mailport_lease SET token = "
    "greatest(token + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)), "
    "beat = 0, holder = :holder, process = :process WHERE name = :name RETURNING token"
)
_BEAT = text("UPDATE mailport_lease SET beat = beat + 1 WHERE name = :name AND token = :token")
_RELEASE = text(
    "UPDATE mailport_lease SET beat = beat + 1, holder = '', process = '' "
    "WHERE name = :name AND token = :token"
)


@dataclass(frozen=True, slots=True)
class Sight:
    """The row as it was seen; it changes with every beat of its holder."""

    token: int
    beat: int
    holder: str
    """For people; empty = nobody, as it was given back."""
    process: str
    """For machines: tells one process of one machine from all others."""


class Lease:
    """Asks the database, in the calling thread; not for two threads at once, but for `cut`.

    Every question is one short transaction and keeps nothing in its session, so that a pooler which hands
    connections on after each transaction does no harm. No clock but that of whoever waits has any say in it:
    a holder has it until somebody has seen no beat of it for as long as was agreed.

    Args:
        name: what it is about: the vantage.
        seconds: how long a question may take.

    Each method raises one of `FAULTS`, or `StoreError`, where the database does not answer.
    """

    def __init__(self, place: Place, name: str, seconds: float) -> None:
        url = make_url(place.url or "")
        millis = str(round(seconds * 1000))
        given = {"tcp_user_timeout": millis, "connect_timeout": str(max(2, round(seconds)))}
        patient = url.update_query_dict({key: value for key, value in given.items() if key not in url.query})
        self.name = name
        self._place = Place(
            url=patient.render_as_string(hide_password=False), password_file=place.password_file
        )
        # The second, since a process that stands still between its beat and the end of that must not keep the
        # row from whoever wants to take it.
        self._limits = (
            text(f"SET LOCAL statement_timeout = {millis}"),
            text(f"SET LOCAL idle_in_transaction_session_timeout = {millis}"),
        )
        self._seconds = seconds
        self._wires = Wires()
        self._engine: Engine | None = None
        self._connection: Connection | None = None

    def look(self) -> Sight:
        """Return how it is."""
        with self._transaction() as connection:
            if not _has_table(connection):
                connection.execute(_CREATE)
            row = connection.execute(_LOOK, {"name": self.name}).one_or_none()
            if row is None:
                connection.execute(_ADD, {"name": self.name})
                row = connection.execute(_LOOK, {"name": self.name}).one()
            return Sight(int(row.token), int(row.beat), str(row.holder), str(row.process))

    def take(self, seen: Sight, holder: str, process: str) -> Fence | None:
        """Take it where it is still as it was seen; what its last holder is writing is written first."""
        with self._transaction() as connection:
            row = connection.execute(_LOCK, {"name": self.name}).one_or_none()
            if row is None or (row.token, row.beat) != (seen.token, seen.beat):
                return None
            given = {"name": self.name, "holder": holder, "process": process}
            return Fence(self.name, int(connection.execute(_TAKE, given).scalar_one()))

    def beat(self, fence: Fence) -> bool:
        """Tell those who wait that its holder is alive; tell whether it still is its holder."""
        return self._is_held(_BEAT, fence)

    def release(self, fence: Fence) -> bool:
        """Give it back."""
        return self._is_held(_RELEASE, fence)

    def cut(self) -> None:
        """Let a question that waits for a server that hangs fail now; call it from any thread."""
        self._wires.cut()

    def close(self) -> None:
        """Close the connection, in whatever state it is."""
        connection, self._connection = self._connection, None
        engine, self._engine = self._engine, None
        try:
            if connection is not None:
                connection.close()
        except FAULTS as error:
            log.debug("lease_close_failed", error=str(error))
        if engine is not None:
            engine.dispose()

    def _is_held(self, statement: TextClause, fence: Fence) -> bool:
        try:
            with self._transaction() as connection:
                found = connection.execute(statement, {"name": fence.name, "token": fence.token})
                return found.rowcount == 1
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) != _UNDEFINED_TABLE:
                raise
            return False  # the database was made anew: nothing in it is anybody's

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            if self._connection is None:
                self._engine = make_engine(
                    self._place, lock_seconds=self._seconds, is_writer=True, wires=self._wires
                )
                self._connection = self._engine.connect()
            with self._connection.begin():
                for limit in self._limits:
                    self._connection.execute(limit)
                yield self._connection
        except BaseException:
            self.close()
            raise


def _has_table(connection: Connection) -> bool:
    # Asked first, since to create a table takes a right that an operator may have given for once only.
    return connection.execute(_FIND, {"table": "mailport_lease"}).scalar_one() is not None
