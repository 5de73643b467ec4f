"""The key/value table: what the store keeps of itself and of the program."""

from sqlalchemy import Connection, bindparam, insert, select, update

from scanner.store.damage import UNREADABLE, Skipped, read_text
from scanner.store.schema import meta

_READ = select(meta.c.value).where(meta.c.key == bindparam("of"))
_SET = update(meta).where(meta.c.key == bindparam("of")).values(value=bindparam("text"))


def read_mark(connection: Connection, key: str) -> str | None:
    """Return a value; None where there is none, or none that can be read."""
    value: object = connection.scalar(_READ, {"of": key})
    return value if isinstance(value, str) else None


def write_mark(connection: Connection, key: str, value: str) -> None:
    """Set a value."""
    if not connection.execute(_SET, {"of": key, "text": value}).rowcount:
        connection.execute(insert(meta), {"key": key, "value": value})


def read_marks(connection: Connection, skipped: Skipped) -> dict[str, str]:
    """Return all values of the program's own."""
    found = {}
    for key, value in connection.execute(select(meta.c.key, meta.c.value)):
        try:
            found[read_text(key)] = read_text(value)
        except UNREADABLE as error:
            skipped.note("meta", error)
    return {key: value for key, value in found.items() if key != "store" and not key.startswith("batch:")}
