"""What a connection must keep from or expect of PostgreSQL where a pooler hands it on after each transaction.

So that no mode of pooling does harm, nothing is left in a session that counts beyond a transaction: limits of
time are set in each, and what only a session can have, statements prepared by the server and locks of the
session, is not used behind a pooler.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event, text

_IS_POOLED = "mailport_is_pooled"
_SET_LIMITS = text(
    "SELECT set_config('statement_timeout', :statement, true), set_config('lock_timeout', :lock, true)"
)


def is_pooled(connection: Connection) -> bool:
    """Whether there is a pooler between us and the server."""
    return bool(connection.info.get(_IS_POOLED))


def prepare_connections(
    engine: Engine, *, statement_seconds: float, lock_seconds: float, is_writer: bool
) -> None:
    """Give each transaction of an engine its limits; those of others than writers cannot write at all."""
    limits = {"statement": f"{statement_seconds:g}s", "lock": f"{lock_seconds:g}s"}

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:  # noqa: ANN401 - what the driver makes, whichever it is
        # A pooler makes numbers of its own up: with them, clients cancel what they asked.
        (number,) = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
        connection.commit()
        record.info[_IS_POOLED] = number != connection.info.backend_pid
        if record.info[_IS_POOLED]:
            connection.prepare_threshold = None
        connection.read_only = not is_writer

    @event.listens_for(engine, "begin")
    def set_limits(connection: Connection) -> None:
        connection.execute(_SET_LIMITS, limits)
