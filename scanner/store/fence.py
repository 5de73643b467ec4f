"""The fence before a PostgreSQL that several schedulers know: only who holds the lease writes to it."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, event, text

from scanner.store.faults import StoreFencedError

# FOR KEY SHARE: a transaction that has passed ends before the lease is taken, and hinders no beat of it.
_PASS = text("SELECT 1 FROM mailport_lease WHERE name = :name AND token = :token FOR KEY SHARE")

IDLE_SECONDS = 5
_BOUND = text(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")


@dataclass(frozen=True, slots=True)
class Fence:
    """A lease that was taken, and the number that only this holder of it has."""

    name: str
    token: int


def put_before(engine: Engine, fence: Fence) -> None:
    """Let every transaction of an engine begin by a look at the lease, and fail where another has it."""

    @event.listens_for(engine, "begin")
    def look(connection: Connection) -> None:
        # Where its process stands still in the transaction, whoever takes the lease must not wait.
        connection.execute(_BOUND)
        if connection.execute(_PASS, {"name": fence.name, "token": fence.token}).first() is None:
            raise StoreFencedError(
                f"another scheduler of the vantage {fence.name} leads; this one writes nothing more"
            )
