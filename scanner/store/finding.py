"""Finds endpoints in the store: by what they are, and by the domains that they serve."""

import zlib
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection, and_, select

from scanner.model import Observation
from scanner.model.observation import Key
from scanner.store.codec import unpack
from scanner.store.moments import from_micros
from scanner.store.reading import SAMPLE_COLUMNS, AnyRow, Decoder, Skipped, key_of
from scanner.store.schema import contents, endpoints, samples
from scanner.store.values import Kept

Wanted = Callable[[Key, Sequence[str]], bool]
"""Tells by its key and its domains whether an endpoint is looked for."""

_AT_ONCE = 500


def read_page(
    connection: Connection, vantage: str, after: int, wanted: Wanted, skipped: Skipped
) -> tuple[int | None, tuple[Kept, ...]]:
    """Return those of the next endpoints that are looked for, and where to go on; None at the end.

    The domains of an endpoint are those of its latest observation.
    """
    is_latest = and_(samples.c.endpoint_id == endpoints.c.id, samples.c.started_at == endpoints.c.latest_at)
    rows = connection.execute(
        select(endpoints, contents.c.body)
        .outerjoin(samples, is_latest)
        .outerjoin(contents, contents.c.id == samples.c.subject_id)
        .where(endpoints.c.id > after, endpoints.c.vantage == vantage)
        .order_by(endpoints.c.id)
        .limit(_AT_ONCE)
    ).all()
    domains = {row.id: _read_domains(row.body, skipped) for row in rows}
    found = [row for row in rows if wanted(key_of(row), domains[row.id])]
    latest = dict(_read_latest(connection, [row.id for row in found], skipped))
    kept = tuple(
        Kept(key_of(row), domains[row.id], row.memory, from_micros(row.updated_at), latest.get(row.id))
        for row in found
    )
    return (rows[-1].id if len(rows) == _AT_ONCE else None), kept


def _read_domains(body: bytes | None, skipped: Skipped) -> tuple[str, ...]:
    if body is None:
        return ()
    try:
        return tuple(map(str, unpack(bytes(body)).get("domains", ())))
    except (AttributeError, TypeError, ValueError, zlib.error) as error:
        skipped.note("contents", error)
        return ()


def _read_latest(
    connection: Connection, numbers: Sequence[int], skipped: Skipped
) -> Iterator[tuple[int, Observation]]:
    if not numbers:
        return
    rows: Sequence[AnyRow] = connection.execute(
        select(*SAMPLE_COLUMNS, samples.c.endpoint_id)
        .join(endpoints, endpoints.c.id == samples.c.endpoint_id)
        .where(endpoints.c.id.in_(numbers), samples.c.started_at == endpoints.c.latest_at)
    ).all()
    for row, observation in Decoder(connection, skipped).decode(rows):
        yield row.endpoint_id, observation
