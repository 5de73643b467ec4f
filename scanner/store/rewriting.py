"""Replaces memories while no service writes to the store: it holds the lock of its writer meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, update
from sqlalchemy.exc import SQLAlchemyError

from scanner.model.observation import Key
from scanner.store.faults import StoreError, describe
from scanner.store.marks import write_mark
from scanner.store.place import Place
from scanner.store.reading import match_key
from scanner.store.schema import endpoints
from scanner.store.session import Session
from scanner.store.values import Pace


class Rewriter:
    """Each call is a transaction of its own."""

    def __init__(self, connection: Connection, vantage: str) -> None:
        self._connection = connection
        self._vantage = vantage

    def set_memory(self, key: Key, memory: str) -> None:
        """Put a memory in the place of an endpoint's."""
        with self._connection.begin():
            self._connection.execute(
                update(endpoints).where(*match_key(key, self._vantage)).values(memory=memory)
            )

    def set_meta(self, key: str, value: str) -> None:
        """Set one of the program's own values."""
        with self._connection.begin():
            write_mark(self._connection, key, value)


@contextmanager
def rewriting(place: Place, vantage: str) -> Iterator[Rewriter]:
    """Hold the store of one vantage while the block runs.

    Raises:
        StoreInUseError: a service writes to it.
        StoreError: it cannot be opened or written.
    """
    session = Session(place, Pace(), vantage)
    try:
        yield Rewriter(session.open(), vantage)
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(describe(error, place)) from error
    finally:
        session.release()
