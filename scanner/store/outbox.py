"""The outbox: events that a receiver is owed, written with them and removed when it has them."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from scanner.model.event import Event
from scanner.store.damage import UNREADABLE, Skipped, read_text
from scanner.store.event_codec import decode_due
from scanner.store.schema import outbox
from scanner.store.values import Owed

_SETTLE = delete(outbox).where(outbox.c.owner == bindparam("whose"), outbox.c.uid == bindparam("of"))


def due_row(owner: str, uid: str | None, event_row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of an event that is due, given its own row."""
    return {"owner": owner, "uid": uid, "at": event_row["at"], "body": event_row["body"]}


def settle(connection: Connection, owner: str, uids: Iterable[str]) -> None:
    """Remove what is owed no more."""
    connection.execute(_SETTLE, [{"whose": owner, "of": uid} for uid in uids])


def recall(connection: Connection, owner: str, most: int, skipped: Skipped) -> Owed:
    """Return the newest events that an owner has to deliver; remove what is older, or damaged."""
    mine = outbox.c.owner == owner
    newest = select(outbox.c.uid, outbox.c.body).where(mine).order_by(outbox.c.uid.desc()).limit(most)
    found: list[Event] = []
    kept = []
    for uid, body in connection.execute(newest):
        try:
            found.append(_read(uid, body))
            kept.append(uid)
        except UNREADABLE as error:
            skipped.note("outbox", error)
    dropped = connection.execute(delete(outbox).where(mine, outbox.c.uid.not_in(kept))).rowcount
    return Owed(tuple(reversed(found)), dropped)


def _read(uid: object, body: object) -> Event:
    event = decode_due(read_text(body))
    if event.uid != uid:
        raise ValueError("another event than its name says")
    return event
