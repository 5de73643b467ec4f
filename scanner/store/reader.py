"""The reader: asks the store questions, from any thread or process, and changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from scanner.discovery.mta_sts import KeptPolicy
from scanner.model import Observation
from scanner.model.event import Event
from scanner.model.observation import Key
from scanner.network.wires import Wires
from scanner.store.damage import Skipped
from scanner.store.faults import StoreError, describe
from scanner.store.finding import Wanted, read_page
from scanner.store.marks import read_marks
from scanner.store.migrate import require_current, require_file
from scanner.store.moments import to_micros
from scanner.store.orders import read_pending
from scanner.store.place import Place, make_engine
from scanner.store.reading import (
    decode_events,
    match_key,
    read_endpoint,
    read_policies,
    read_samples,
    select_events,
    select_samples,
)
from scanner.store.schema import endpoints, samples
from scanner.store.values import EventQuery, Kept, Order, Remembered

_LOCK_SECONDS = 5.0


class Reader:
    """Every question is one short transaction over a connection of its own; call it by `asyncio.to_thread`.

    Each method raises `StoreError`, with one line that says what, where and how to mend it.
    """

    def __init__(self, place: Place, skipped: Skipped | None = None) -> None:
        self.skipped = skipped or Skipped()
        self._place = place
        self._wires = Wires()
        self._is_closed = False
        self._engine: Engine = make_engine(
            place, lock_seconds=_LOCK_SECONDS, is_writer=False, wires=self._wires
        )

    def history(
        self,
        key: Key,
        *,
        vantage: str = "default",
        since: datetime | None = None,
        before: datetime | None = None,
        limit: int = 1000,
    ) -> tuple[Observation, ...]:
        """Return the newest observations of an endpoint since a time, or before one; newest first."""
        query = select_samples(*match_key(key, vantage)).order_by(samples.c.started_at.desc()).limit(limit)
        if since is not None:
            query = query.where(samples.c.started_at >= to_micros(since))
        if before is not None:
            query = query.where(samples.c.started_at < to_micros(before))
        with self._reading() as connection:
            return read_samples(connection, query, self.skipped)

    def events(self, query: EventQuery | None = None) -> tuple[Event, ...]:
        """Return the events asked for."""
        with self._reading() as connection:
            return decode_events(connection.execute(select_events(query or EventQuery())), self.skipped)

    def memories(self, *, host: str | None = None, vantage: str | None = None) -> tuple[Remembered, ...]:
        """Return what the judge remembers, of all endpoints or those of one host."""
        query = select(endpoints).order_by(endpoints.c.host, endpoints.c.address, endpoints.c.port)
        if host is not None:
            query = query.where(endpoints.c.host == host)
        if vantage is not None:
            query = query.where(endpoints.c.vantage == vantage)
        with self._reading() as connection:
            return tuple(
                Remembered(key, row.vantage, memory, at)
                for row in connection.execute(query)
                for key, memory, at in read_endpoint(row, self.skipped)
            )

    def find(self, wanted: Wanted, *, vantage: str = "default") -> Iterator[Kept]:
        """Yield the endpoints that are looked for, each with its memory and its latest observation."""
        done_to: int | None = 0
        while done_to is not None:
            with self._reading() as connection:
                done_to, found = read_page(connection, vantage, done_to, wanted, self.skipped)
            yield from found

    def policies(self) -> dict[str, KeptPolicy]:
        """Return the MTA-STS policies by domain."""
        with self._reading() as connection:
            return read_policies(connection, self.skipped)

    def meta(self) -> dict[str, str]:
        """Return the program's own values."""
        with self._reading() as connection:
            return read_marks(connection, self.skipped)

    def pending_orders(self) -> tuple[Order, ...]:
        """Return the orders that were not carried out yet, oldest first."""
        with self._reading() as connection:
            return read_pending(connection, self.skipped)[0]

    def close(self) -> None:
        """Give everything back; who still waits for an answer gets none."""
        self._is_closed = True
        self._wires.cut()
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._is_closed:
            raise StoreError(f"{self._place}: closed, since mailport ends")
        try:
            require_file(self._place)
            with self._engine.connect() as connection, connection.begin():
                require_current(connection, self._place)
                yield connection
        except (SQLAlchemyError, OSError) as error:
            require_file(self._place)  # it may have gone while it was opened
            raise StoreError(describe(error, self._place)) from error
