"""The key/value table: what the store keeps of itself and of the program."""

from sqlalchemy import Connection, bindparam, insert, select, update

from scanner.store.schema import meta

_READ = select(meta.c.value).where(meta.c.key == bindparam("of"))
_SET = update(meta).where(meta.c.key == bindparam("of")).values(value=bindparam("text"))


def read_mark(connection: Connection, key: str) -> str | None:
    """Return a value; None where there is none."""
    return connection.scalar(_READ, {"of": key})


def write_mark(connection: Connection, key: str, value: str) -> None:
    """Set a value."""
    if not connection.execute(_SET, {"of": key, "text": value}).rowcount:
        connection.execute(insert(meta), {"key": key, "value": value})


def read_marks(connection: Connection) -> dict[str, str]:
    """Return all values of the program's own."""
    found = connection.execute(select(meta.c.key, meta.c.value))
    return {key: value for key, value in found if key != "store" and not key.startswith("batch:")}
