"""Removes what is too old or too much, a few endpoints at a time."""

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, select, union

from scanner.store.endpoint_rows import EndpointRows
from scanner.store.moments import DAY, seconds_to_micros
from scanner.store.schema import contents, endpoints, events, orders, outbox, policies, samples
from scanner.store.values import Limits, Pace

_MOST_ROWS = 1000
"""Rows of one kind that one step removes, beside those of its endpoints."""
_FREE_SHARE = 0.2
"""Of an SQLite file: above this, empty pages are given back to the disk."""

_OF: BindParameter[int] = bindparam("of")
_MINE = samples.c.endpoint_id == _OF
_LATEST = select(endpoints.c.latest_at).where(endpoints.c.id == _OF).scalar_subquery()
_BEYOND = (
    select(samples.c.started_at)
    .where(_MINE)
    .order_by(samples.c.started_at.desc())
    .offset(bindparam("most"))
    .limit(1)
    .scalar_subquery()
)
_PRUNE_OLD = delete(samples).where(
    _MINE, samples.c.started_at < bindparam("oldest"), samples.c.started_at != _LATEST
)
_PRUNE_MANY = delete(samples).where(_MINE, samples.c.started_at <= _BEYOND, samples.c.started_at != _LATEST)
_IN_USE = union(
    select(samples.c.subject_id).where(_MINE), select(samples.c.evidence_id).where(_MINE)
).scalar_subquery()
_PRUNE_CONTENTS = delete(contents).where(contents.c.endpoint_id == _OF, contents.c.id.not_in(_IN_USE))


class Pruner:
    """Goes round all endpoints, some at each step."""

    def __init__(self, limits: Limits, pace: Pace) -> None:
        self._limits = limits
        self._pace = pace
        self._done_to = 0

    def step(self, connection: Connection, rows: EndpointRows, now: float) -> None:
        """Do one step inside the caller's transaction; `now` in seconds since 1970."""
        micros = seconds_to_micros(now)
        oldest = micros - round(self._limits.sample_days * DAY)
        page = connection.execute(
            select(endpoints.c.id, endpoints.c.updated_at)
            .where(endpoints.c.id > self._done_to)
            .order_by(endpoints.c.id)
            .limit(self._pace.prune_endpoints)
        ).all()
        self._done_to = page[-1][0] if len(page) == self._pace.prune_endpoints else 0
        over = [number for number, updated_at in page if isinstance(updated_at, int) and updated_at < oldest]
        if over:
            connection.execute(delete(endpoints).where(endpoints.c.id.in_(over)))
        changed = [
            number for number, _ in page if number not in over and self._prune(connection, number, oldest)
        ]
        rows.drop(over, changed)
        self._prune_events(connection, micros)
        connection.execute(delete(policies).where(policies.c.ends_at < micros))
        connection.execute(delete(orders).where(orders.c.taken_at < oldest))

    def _prune(self, connection: Connection, number: int, oldest: int) -> bool:
        """Prune one endpoint; tell whether contents went, too."""
        of = {"of": number}
        gone = connection.execute(_PRUNE_OLD, of | {"oldest": oldest}).rowcount
        gone += connection.execute(_PRUNE_MANY, of | {"most": self._limits.samples}).rowcount
        return gone > 0 and connection.execute(_PRUNE_CONTENTS, of).rowcount > 0

    def _prune_events(self, connection: Connection, now: int) -> None:
        """Remove the oldest events, by age and by number; numbers have few gaps.

        So goes what is owed by a vantage or a shard that is there no more.
        """
        oldest = now - round(self._limits.event_days * DAY)
        connection.execute(delete(outbox).where(outbox.c.at < oldest))
        newest = connection.scalar(select(func.max(events.c.id)))
        if newest is None:
            return
        first = select(events.c.id).order_by(events.c.id).limit(_MOST_ROWS).subquery()
        connection.execute(
            delete(events).where(
                events.c.id.in_(select(first.c.id)),
                (events.c.id <= newest - self._limits.events) | (events.c.at < oldest),
            )
        )


def shrink(connection: Connection) -> None:
    """Give empty pages of an SQLite file back to the disk, some at a time; outside of a transaction."""
    driver = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or driver is None:
        return
    free = driver.execute("PRAGMA freelist_count").fetchone()[0]
    pages = driver.execute("PRAGMA page_count").fetchone()[0]
    if free > _MOST_ROWS and free > pages * _FREE_SHARE:
        driver.execute(f"PRAGMA incremental_vacuum({_MOST_ROWS})").fetchall()
