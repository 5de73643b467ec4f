"""Writes one batch into the tables, inside the transaction of its caller."""

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, Table, bindparam, delete, func, insert, update
from sqlalchemy.dialects import postgresql, sqlite

from scanner.discovery.mta_sts import KeptPolicy
from scanner.model.event import Event
from scanner.store import codec
from scanner.store.endpoint_rows import EndpointRow, EndpointRows
from scanner.store.event_codec import encode_event
from scanner.store.moments import seconds_to_micros, to_micros
from scanner.store.outbox import due_row, settle
from scanner.store.packing import pack
from scanner.store.pending import Batch, Waiting
from scanner.store.schema import endpoints, events, meta, orders, outbox, policies, samples

log = structlog.get_logger(__name__)

_TOUCH = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("of"))
    .values(latest_at=bindparam("latest"), updated_at=bindparam("now"))
)
_SET_MEMORY = _TOUCH.values(memory=bindparam("text"))
_FILL_MEMORY = _TOUCH.values(memory=func.coalesce(endpoints.c.memory, bindparam("text")))
_REMOVE_META = delete(meta).where(meta.c.key == bindparam("of"))
_FINISH_ORDER = update(orders).where(orders.c.id == bindparam("of")).values(taken_at=bindparam("now"))


class BatchWriter:
    """Turns entries into rows. Call `forget` when a transaction fails.

    Args:
        outbox: who delivers what receivers are owed of what is written.
    """

    def __init__(self, outbox: str) -> None:
        self._outbox = outbox
        self.rows = EndpointRows()
        self.refused = 0
        """Entries and events that could not be written for what was in them."""

    def forget(self) -> None:
        """Forget what was thought to be written."""
        self.rows.forget()

    def write(self, connection: Connection, batch: Batch, now: float) -> None:
        """Write a batch; `now` in seconds since 1970."""
        micros = seconds_to_micros(now)
        self._write_entries(connection, batch.entries, micros)
        told = [*batch.events, *(event for waiting in batch.entries for event in waiting.entry.events)]
        encoded = [(event, row) for event in told if (row := self._encode_event(event)) is not None]
        if encoded:
            connection.execute(insert(events), [row for _, row in encoded])
        if due := [due_row(self._outbox, event.uid, row) for event, row in encoded if event.is_due]:
            _replace(connection, outbox, due)
        if batch.policies:
            _replace(connection, policies, [_policy_values(*item) for item in batch.policies.items()])
        if set_ := [{"key": key, "value": text} for key, text in batch.meta.items() if text is not None]:
            _replace(connection, meta, set_)
        if gone := [{"of": key} for key, text in batch.meta.items() if text is None]:
            connection.execute(_REMOVE_META, gone)
        if batch.finished:
            connection.execute(_FINISH_ORDER, [{"of": number, "now": micros} for number in batch.finished])
        if batch.settled:
            settle(connection, self._outbox, batch.settled)

    def _write_entries(self, connection: Connection, entries: Sequence[Waiting], now: int) -> None:
        if not entries:
            return
        self.rows.find(connection, entries, now)
        placed = []
        for waiting in entries:
            try:
                row = self.rows.place(waiting)
                placed.append((waiting, row, row.subject_row, row.evidence_row))
            except (TypeError, ValueError) as error:
                self._refuse(waiting.name[0], error)
        self.rows.add_contents(connection)
        found = [
            {
                **codec.encode_sample(waiting.entry.observation, evidence.usual),
                "endpoint_id": row.id,
                "subject_id": subject.id,
                "evidence_id": evidence.id,
            }
            for waiting, row, subject, evidence in placed
            if subject is not None and evidence is not None
        ]
        # The same sample may be there twice: judged again, or completed by what a sweep found.
        unique = {(values["endpoint_id"], values["started_at"]): values for values in found}
        if unique:
            _replace(connection, samples, list(unique.values()), by=("endpoint_id", "started_at"))
        self._touch_endpoints(connection, [(waiting, row) for waiting, row, _, _ in placed], now)

    def _touch_endpoints(
        self, connection: Connection, placed: Sequence[tuple[Waiting, EndpointRow]], now: int
    ) -> None:
        """Note the newest sample and memory of each endpoint; a memory that stays the same is not written."""
        newest: dict[int, dict[str, Any]] = {}
        memories: dict[int, dict[str, Any]] = {}
        blind: dict[int, dict[str, Any]] = {}
        for waiting, row in placed:
            sample = {"of": row.id, "latest": _started(waiting), "now": now}
            newest[row.id] = sample
            memory = waiting.entry.memory
            if memory is not None and waiting.is_blind:
                blind[row.id] = sample | {"text": memory}
            elif memory is not None and (packed := pack(memory)) != row.memory:
                memories[row.id] = sample | {"text": memory}
                row.memory = packed
        for number, sample in newest.items():
            for texts in (blind, memories):
                if number in texts:
                    texts[number] |= sample
        rest = [sample for number, sample in newest.items() if number not in memories and number not in blind]
        for statement, values in (
            (_FILL_MEMORY, list(blind.values())),
            (_SET_MEMORY, list(memories.values())),
            (_TOUCH, rest),
        ):
            if values:
                connection.execute(statement, values)

    def _encode_event(self, event: Event) -> dict[str, Any] | None:
        try:
            return encode_event(event)
        except (TypeError, ValueError) as error:
            self._refuse(event.subject, error)
            return None

    def _refuse(self, what: object, error: Exception) -> None:
        self.refused += 1
        log.error("store_refused", what=what, error=f"{type(error).__name__}: {error}"[:300])


def _replace(
    connection: Connection, table: Table, rows: list[dict[str, Any]], by: tuple[str, ...] | None = None
) -> None:
    """Insert rows, or set those that are there."""
    index = list(by or (column.name for column in table.primary_key))
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    written = {name: statement.excluded[name] for name in rows[0] if name not in index}
    connection.execute(statement.on_conflict_do_update(index_elements=index, set_=written), rows)


def _started(waiting: Waiting) -> int:
    return to_micros(waiting.entry.observation.started_at)


def _policy_values(domain: str, kept: KeptPolicy) -> dict[str, Any]:
    return {
        "domain": domain,
        "policy_id": kept.id,
        "mode": kept.policy.mode.value,
        "mx": codec.to_json(kept.policy.mx),
        "max_age": kept.policy.max_age,
        "fetched_at": seconds_to_micros(kept.fetched_at),
        "ends_at": seconds_to_micros(max(kept.ends_at, kept.stronger_until)),
        "stronger": kept.stronger.value if kept.stronger is not None else None,
        "stronger_until": seconds_to_micros(kept.stronger_until),
    }
