"""Reads rows back into values. A row that cannot be understood is passed over, counted, and logged once."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from scanner.discovery.mta_sts import KeptPolicy
from scanner.model import Observation, StsMode, StsPolicy
from scanner.model.event import Event
from scanner.model.observation import Key
from scanner.model.thrift import Thrift
from scanner.store import codec
from scanner.store.codec import to_json
from scanner.store.damage import UNREADABLE, Skipped, read_number, read_text
from scanner.store.event_codec import decode_event
from scanner.store.marks import read_marks
from scanner.store.moments import from_micros, micros_to_seconds, to_micros
from scanner.store.packing import PackedTexts
from scanner.store.schema import contents, endpoints, events, policies, samples
from scanner.store.values import EventQuery, Known

AnyRow: TypeAlias = Row[*tuple[Any, ...]]

_AT_ONCE = 500
SAMPLE_COLUMNS = (
    samples.c.started_at,
    samples.c.duration,
    samples.c.subject_id,
    samples.c.evidence_id,
    samples.c.rest,
)
_KEY = (
    endpoints.c.host,
    endpoints.c.address,
    endpoints.c.port,
    endpoints.c.protocol,
    endpoints.c.tls_mode,
)


class Decoder:
    """Builds observations from samples; each pair of contents is read once."""

    def __init__(self, connection: Connection, skipped: Skipped) -> None:
        self._connection = connection
        self._skipped = skipped
        self._bodies: dict[int, tuple[bytes, str | None]] = {}
        self._templates: dict[tuple[int, int], tuple[Observation, Mapping[str, str | None]] | None] = {}

    def decode(self, rows: Sequence[AnyRow]) -> Iterator[tuple[AnyRow, Observation]]:
        """Yield each row that can be understood, beginning with `SAMPLE_COLUMNS`, with what it holds."""
        self._fetch({number for row in rows for number in (row.subject_id, row.evidence_id)})
        for row in rows:
            template = self._build(row.subject_id, row.evidence_id)
            if template is None:
                self._skipped.count += 1
                continue
            try:
                found = codec.complete(template[0], row.started_at, row.duration, row.rest, template[1])
            except UNREADABLE as error:
                self._skipped.note("sample", error)
            else:
                yield row, found

    def _fetch(self, numbers: set[int]) -> None:
        wanted = sorted(numbers - self._bodies.keys())
        for start in range(0, len(wanted), _AT_ONCE):
            query = select(contents.c.id, contents.c.hash, contents.c.body, contents.c.usual).where(
                contents.c.id.in_(wanted[start : start + _AT_ONCE])
            )
            for number, digest, body, usual in self._connection.execute(query):
                self._bodies[number] = (body if codec.is_sound(digest, body) else b"", usual)

    def _build(
        self, subject_id: int, evidence_id: int
    ) -> tuple[Observation, Mapping[str, str | None]] | None:
        pair = (subject_id, evidence_id)
        if pair not in self._templates:
            try:
                subject, evidence = self._bodies[subject_id], self._bodies[evidence_id]
                template = codec.build_template(codec.unpack(subject[0]), codec.unpack(evidence[0]))
                self._templates[pair] = (template, codec.read_texts(json.loads(evidence[1] or "{}")))
            except UNREADABLE as error:
                self._skipped.note("contents", error)
                self._skipped.count -= 1  # counted by the sample
                self._templates[pair] = None
        return self._templates[pair]


def read_known(connection: Connection, vantage: str, skipped: Skipped) -> Known:
    """Read all that one vantage knew at the end of its last run.

    It is read page by page and kept small from the first on: memory that was needed once is not given back.
    """
    memories = PackedTexts()
    latest: dict[Key, Observation] = {}
    thrift = Thrift()
    done_to = 0
    while page := connection.execute(
        select(endpoints.c.id, endpoints.c.memory, *_KEY)
        .where(endpoints.c.vantage == vantage, endpoints.c.id > done_to)
        .order_by(endpoints.c.id)
        .limit(_AT_ONCE)
    ).all():
        done_to = page[-1].id
        keys = {}
        for row in page:
            try:
                key = keys[row.id] = key_of(row)
                if row.memory is not None:
                    memories[key] = read_text(row.memory)
            except UNREADABLE as error:
                skipped.note("endpoint", error)
        query = (
            select(*SAMPLE_COLUMNS, samples.c.endpoint_id)
            .join(endpoints, endpoints.c.id == samples.c.endpoint_id)
            .where(endpoints.c.id.in_(keys), samples.c.started_at == endpoints.c.latest_at)
        )
        rows = connection.execute(query).all()
        found = Decoder(connection, skipped).decode(rows)
        latest |= {keys[row.endpoint_id]: thrift.share(observation, None) for row, observation in found}
    return Known(memories, latest, read_policies(connection, skipped), read_marks(connection, skipped))


def read_policies(connection: Connection, skipped: Skipped) -> dict[str, KeptPolicy]:
    """Return the MTA-STS policies by domain, the one fetched last at the end."""
    found = {}
    for row in connection.execute(select(policies).order_by(policies.c.fetched_at)):
        try:
            policy = StsPolicy(
                StsMode(row.mode), tuple(map(read_text, json.loads(row.mx))), read_number(row.max_age)
            )
            found[read_text(row.domain)] = KeptPolicy(
                policy,
                read_text(row.policy_id),
                micros_to_seconds(read_number(row.fetched_at)),
                None if row.stronger is None else StsMode(row.stronger),
                micros_to_seconds(read_number(row.stronger_until)),
            )
        except UNREADABLE as error:
            skipped.note("policy", error)
    return found


def read_samples(connection: Connection, query: Select[Any], skipped: Skipped) -> tuple[Observation, ...]:
    """Return the observations that a query of `select_samples` finds."""
    rows = connection.execute(query).all()
    return tuple(observation for _, observation in Decoder(connection, skipped).decode(rows))


def select_samples(*conditions: Any) -> Select[Any]:  # noqa: ANN401 - SQLAlchemy's own conditions
    """Make the query for some samples."""
    return select(*SAMPLE_COLUMNS).join(endpoints, endpoints.c.id == samples.c.endpoint_id).where(*conditions)


def match_key(key: Key, vantage: str) -> tuple[Any, ...]:
    """Make the conditions for one endpoint."""
    wanted = (*(column == part for column, part in zip(_KEY, key, strict=True)),)
    return (*wanted, endpoints.c.vantage == vantage)


def key_of(row: AnyRow) -> Key:
    """Return the key in a row with these columns; raise one of `UNREADABLE` where there is none."""
    return (
        read_text(row.host),
        read_text(row.address),
        read_number(row.port),
        read_text(row.protocol),
        read_text(row.tls_mode),
    )


def read_endpoint(row: AnyRow, skipped: Skipped) -> Iterator[tuple[Key, str | None, datetime]]:
    """Yield the key of an endpoint's row, its memory and when it was written; nothing if it is damaged."""
    try:
        memory = None if row.memory is None else read_text(row.memory)
        found = (key_of(row), memory, from_micros(read_number(row.updated_at)))
    except UNREADABLE as error:
        skipped.note("endpoint", error)
    else:
        yield found


def decode_events(rows: Iterable[AnyRow], skipped: Skipped) -> tuple[Event, ...]:
    """Return the events that can be understood."""
    found = []
    for row in rows:
        try:
            found.append(decode_event(row.id, row.body))
        except UNREADABLE as error:
            skipped.note("event", error)
    return tuple(found)


def _concerns(host: str) -> ColumnElement[bool]:
    """Make the condition for events about an endpoint of a host, and for others that concern it.

    These are few beside the first, so that their texts may be looked into.
    """
    probed = select(endpoints.c.port).where(endpoints.c.host == host)
    is_named = events.c.body.contains(to_json(host), autoescape=True)
    return or_(events.c.host == host, and_(events.c.host.is_(None), or_(is_named, events.c.port.in_(probed))))


def select_events(query: EventQuery) -> Select[Any]:
    """Make the query for events."""
    statement = select(events.c.id, events.c.body)
    if query.after_id is not None:
        statement = statement.where(events.c.id > query.after_id)
    if query.before_id is not None:
        statement = statement.where(events.c.id < query.before_id)
    if query.since is not None:
        statement = statement.where(events.c.at >= to_micros(query.since))
    if query.until is not None:
        statement = statement.where(events.c.at < to_micros(query.until))
    if query.kinds:
        statement = statement.where(events.c.kind.in_([kind.value for kind in query.kinds]))
    if query.severity is not None:
        statement = statement.where(events.c.severity >= int(query.severity))
    if query.vantage is not None:
        statement = statement.where(events.c.vantage == query.vantage)
    if query.host is not None:
        statement = statement.where(_concerns(query.host))
    if query.key is not None:
        columns = (events.c.host, events.c.address, events.c.port, events.c.protocol, events.c.tls_mode)
        statement = statement.where(
            *(column == part for column, part in zip(columns, query.key, strict=True))
        )
    order = events.c.id.desc() if query.is_newest_first else events.c.id
    return statement.order_by(order).limit(query.limit)
