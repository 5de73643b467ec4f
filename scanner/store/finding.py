"""Finds endpoints in the store: by what they are, and by the domains that they serve."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection, and_, select

from scanner.model import Observation
from scanner.model.observation import Key
from scanner.store.codec import unpack
from scanner.store.damage import UNREADABLE, Skipped, read_text
from scanner.store.reading import SAMPLE_COLUMNS, AnyRow, Decoder, read_endpoint
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
    sound = {row.id: each for row in rows for each in read_endpoint(row, skipped)}
    found = [number for number, (key, _, _) in sound.items() if wanted(key, domains[number])]
    latest = dict(_read_latest(connection, found, skipped))
    kept = []
    for number in found:
        key, memory, at = sound[number]
        kept.append(Kept(key, domains[number], memory, at, latest.get(number)))
    return (rows[-1].id if len(rows) == _AT_ONCE else None), tuple(kept)


def _read_domains(body: bytes | None, skipped: Skipped) -> tuple[str, ...]:
    if body is None:
        return ()
    try:
        return tuple(map(read_text, unpack(body).get("domains", ())))
    except UNREADABLE as error:
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
