"""The rows of endpoints and of their contents: which are there, and which must be added."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, insert, select, update

from scanner.model import Observation
from scanner.store import codec
from scanner.store.codec import Content, Texts
from scanner.store.damage import UNREADABLE, read_number, read_text
from scanner.store.moments import to_micros
from scanner.store.pending import Name, Waiting
from scanner.store.schema import contents, endpoints

_KEY = (
    endpoints.c.host,
    endpoints.c.address,
    endpoints.c.port,
    endpoints.c.protocol,
    endpoints.c.tls_mode,
    endpoints.c.vantage,
)
_ADD_ENDPOINTS = insert(endpoints).returning(endpoints.c.id, *_KEY)
_ADD_CONTENTS = insert(contents).returning(contents.c.id, contents.c.endpoint_id, contents.c.hash)
# A sound row can take the place of one that is damaged, whose number the samples that need it keep.
_RENAME = update(contents).where(contents.c.id == bindparam("of")).values(hash=bindparam("to"))
_MEND = update(contents).where(contents.c.id == bindparam("of")).values(body=bindparam("to"))
_MOST_AT_ONCE = 500
_NO_TEXTS: Texts = {}
"""One for all: never changed."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ContentRow:
    """A content of an endpoint; `id` is None until it is added."""

    usual: Texts
    id: int | None = None
    is_damaged: bool = False
    """Whether its body is not what its hash says: what needs it cannot be read until it is written anew."""


@dataclass(slots=True)
class EndpointRow:
    """What is known of an endpoint's rows: what has not changed is neither encoded nor looked up again."""

    id: int
    contents: dict[bytes, ContentRow] = field(default_factory=dict)
    placed: Observation | None = None
    """The last one, which others hold as well; the two rows below are its contents."""
    subject_row: ContentRow | None = None
    evidence_row: ContentRow | None = None
    memory: bytes | None = None
    """As this process wrote it last, packed."""


class EndpointRows:
    """The rows by endpoint. They must be forgotten when a transaction fails, which may have added some."""

    def __init__(self) -> None:
        self._ids: dict[Name, int] | None = None
        """The numbers of those that have no row yet; None = not read yet."""
        self._rows: dict[Name, EndpointRow] = {}
        self._new: list[tuple[EndpointRow, Content]] = []
        self._mended: list[tuple[ContentRow, Content]] = []
        self.damaged = 0
        """Contents that were found damaged."""

    def forget(self) -> None:
        """Forget everything."""
        self._ids = None
        self._rows.clear()
        self._new.clear()
        self._mended.clear()

    def drop(self, removed: Collection[int], changed: Collection[int]) -> None:
        """Forget endpoints by their numbers: their rows were removed, or only some of their contents."""
        if self._ids is None or not (removed or changed):
            return
        gone, stale = set(removed), set(changed)
        for name in [name for name, row in self._rows.items() if row.id in gone or row.id in stale]:
            self._ids[name] = self._rows.pop(name).id
        if gone:
            self._ids = {name: number for name, number in self._ids.items() if number not in gone}

    def find(self, connection: Connection, entries: Sequence[Waiting], now: int) -> None:
        """See that every endpoint of a batch has a row, and look up the contents of those not seen before."""
        if self._ids is None:
            found = connection.execute(select(endpoints.c.id, *_KEY))
            self._ids = _read_ids(found)
        unplaced = {waiting.name: waiting for waiting in entries if waiting.name not in self._rows}
        new = {name: waiting for name, waiting in unplaced.items() if name not in self._ids}
        if new:
            values = [_endpoint_values(waiting, now) for waiting in new.values()]
            self._ids |= _read_ids(connection.execute(_ADD_ENDPOINTS, values))
        strangers: dict[int, EndpointRow] = {}
        for name in unplaced:
            row = self._rows[name] = EndpointRow(self._ids.pop(name))
            if name not in new:
                strangers[row.id] = row
        self.damaged += _read_contents(connection, strangers)

    def place(self, waiting: Waiting) -> EndpointRow:
        """Return the endpoint's row, with the contents of this observation as its present ones.

        Raises:
            TypeError: the observation holds what JSON has not.
        """
        row = self._rows[waiting.name]
        observation, placed = waiting.entry.observation, row.placed
        subject_row, evidence_row = row.subject_row, row.evidence_row
        if placed is None or subject_row is None or not codec.is_same_endpoint(placed, observation):
            subject = codec.stable_endpoint(observation)
            subject_row = self._note(row, codec.encode_endpoint(subject), _NO_TEXTS)
        part = codec.stable_part(observation)
        if placed is None or evidence_row is None or codec.stable_part(placed) != part:
            evidence_row = self._note(row, codec.encode_part(part), codec.texts_of(observation))
        row.placed, row.subject_row, row.evidence_row = observation, subject_row, evidence_row
        return row

    def add_contents(self, connection: Connection) -> None:
        """Add the contents that were not there yet, and write those anew that were damaged."""
        if self._mended:
            connection.execute(
                _MEND, [{"of": known.id, "to": content.body} for known, content in self._mended]
            )
            self._mended.clear()
        if not self._new:
            return
        values = [
            {
                "endpoint_id": row.id,
                "hash": content.hash,
                "body": content.body,
                "usual": codec.to_json(row.contents[content.hash].usual),
            }
            for row, content in self._new
        ]
        added = {(found[1], found[2]): found[0] for found in connection.execute(_ADD_CONTENTS, values)}
        for row, content in self._new:
            row.contents[content.hash].id = added[row.id, content.hash]
        self._new.clear()

    def _note(self, row: EndpointRow, content: Content, usual: Texts) -> ContentRow:
        known = row.contents.get(content.hash)
        if known is None:
            known = row.contents[content.hash] = ContentRow(usual)
            self._new.append((row, content))
        elif known.is_damaged:
            known.is_damaged = False
            self._mended.append((known, content))
        return known


def _read_contents(connection: Connection, rows: dict[int, EndpointRow]) -> int:
    """Look up which contents some endpoints have; return how many of them are damaged."""
    numbers, damaged = list(rows), 0
    for start in range(0, len(numbers), _MOST_AT_ONCE):
        query = select(
            contents.c.endpoint_id, contents.c.hash, contents.c.id, contents.c.usual, contents.c.body
        ).where(contents.c.endpoint_id.in_(numbers[start : start + _MOST_AT_ONCE]))
        for endpoint_id, digest, number, usual, body in connection.execute(query).all():
            is_damaged = not codec.is_sound(digest, body)
            if is_damaged:
                damaged += 1
                more = "results with it can be read again when the server shows the same"
                log.warning("store_content_damaged", content=number, endpoint=endpoint_id, more=more)
            try:
                texts = codec.read_texts(json.loads(usual or "{}"))
            except UNREADABLE:
                connection.execute(_RENAME, {"of": number, "to": f"damaged {number}".encode()})
            else:
                rows[endpoint_id].contents[digest] = ContentRow(texts, number, is_damaged)
    return damaged


def _read_ids(rows: Iterable[Sequence[Any]]) -> dict[Name, int]:
    """Return the numbers of rows by whose they are; a damaged one is nobody's."""
    found: dict[Name, int] = {}
    for number, host, address, port, protocol, tls_mode, vantage in rows:
        try:
            place = (read_text(host), read_text(address), read_number(port))
            found[(*place, read_text(protocol), read_text(tls_mode)), read_text(vantage)] = number
        except UNREADABLE:
            continue
    return found


def _endpoint_values(waiting: Waiting, now: int) -> dict[str, object]:
    observation: Observation = waiting.entry.observation
    host, address, port, protocol, tls_mode = observation.endpoint.key
    return {
        "host": host,
        "address": address,
        "port": port,
        "protocol": str(protocol),
        "tls_mode": str(tls_mode),
        "vantage": observation.vantage,
        "latest_at": to_micros(observation.started_at),
        "updated_at": now,
    }
