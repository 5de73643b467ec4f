"""Orders of an operator to the running service, given from another process."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from scanner.store.codec import to_json
from scanner.store.damage import UNREADABLE, Skipped, read_number, read_text, say
from scanner.store.faults import StoreError, describe
from scanner.store.migrate import require_current, require_file
from scanner.store.moments import from_micros, to_micros
from scanner.store.place import Place, make_engine
from scanner.store.schema import orders
from scanner.store.values import Order

_LOCK_SECONDS = 5.0


def add_order(
    place: Place, action: str, argument: Mapping[str, object], *, now: datetime | None = None
) -> int:
    """Leave an order for the service that writes to the store, running or not; return its number.

    Raises:
        StoreError: it cannot be left.
    """
    at = to_micros(now or datetime.now(UTC))
    values = {"at": at, "action": action, "argument": to_json(argument)}
    engine = make_engine(place, lock_seconds=_LOCK_SECONDS, is_writer=True)
    try:
        require_file(place)
        with engine.begin() as connection:
            require_current(connection, place)
            number: int = connection.execute(insert(orders).returning(orders.c.id), values).scalar_one()
            return number
    except (SQLAlchemyError, OSError) as error:
        require_file(place)  # it may have gone while it was opened
        raise StoreError(describe(error, place)) from error
    finally:
        engine.dispose()


def read_pending(connection: Connection, skipped: Skipped) -> tuple[tuple[Order, ...], Mapping[int, str]]:
    """Return the orders that were not carried out yet, oldest first, and why others cannot be read."""
    found = []
    unreadable = {}
    for row in connection.execute(select(orders).where(orders.c.taken_at.is_(None)).order_by(orders.c.id)):
        try:
            argument = json.loads(row.argument)
            if not isinstance(argument, dict):
                raise ValueError("the argument is no object")  # noqa: TRY004 - as of any bad JSON
            found.append(Order(row.id, from_micros(read_number(row.at)), read_text(row.action), argument))
        except UNREADABLE as error:
            skipped.note("order", error)
            unreadable[row.id] = say(error)
    return tuple(found), unreadable
