"""The outbox: what a receiver is owed is there until it has it, over restarts, and nobody else's."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from scanner.model import Protocol, Severity, TlsMode
from scanner.model.event import Event, EventKind
from scanner.store import Entry, Owed, Pace, Place, Store
from scanner.store.event_codec import decode_due, decode_event, encode_event
from scanner.store.pending import Batch, Pending, Waiting
from scanner.store.place import make_engine, prepare_sqlite
from scanner.store.schema import events, outbox
from tests.store.conftest import QUICK, OpenStore
from tests.store.observations import NOW, seen, told

MOST = 1000
SMALL = Pace(batch_entries=3, most_pending=5)


def name(number: int) -> str:
    return str(UUID(int=number))


def due(number: int) -> Event:
    return replace(told(number), uid=name(number), is_due=True)


async def recall(store: Store, most: int = MOST) -> Owed:
    """Return what a store that was just opened is owed."""
    found = store.recall_due(most)
    await store.load()
    return found.result()


def rows(place: Place) -> list[tuple[str, str]]:
    engine = make_engine(place, lock_seconds=5, is_writer=False)
    with engine.connect() as connection:
        found = connection.execute(select(outbox.c.owner, outbox.c.uid).order_by(outbox.c.uid))
        return [(row.owner, row.uid) for row in found]


async def test_what_was_not_taken_is_owed_by_the_next_process_oldest_first(
    open_store: OpenStore, place: Place
) -> None:
    store = open_store()
    assert await recall(store) == Owed()
    store.put(Entry(seen(2), "{}", (due(2), replace(told(3), uid=name(3)), due(4))))
    store.put_events([due(1), due(5)])
    await store.flush()
    assert [uid for _, uid in rows(place)] == [name(number) for number in (1, 2, 4, 5)]
    store.settle([name(2), name(5)])
    await store.close()
    again = open_store()
    assert await recall(again) == Owed((due(1), due(4)))
    assert len(again.reader.events()) == 5, "all are told in the history"
    again.settle([name(1), name(4), "never heard of"])
    await again.close()
    assert rows(place) == []
    assert await recall(open_store()) == Owed()


async def test_what_is_owed_no_more_before_it_is_written_is_not_owed_after(
    open_store: OpenStore, place: Place
) -> None:
    store = open_store(pace=replace(QUICK, batch_entries=2, batch_seconds=60))
    await store.load()
    for number in range(9):
        store.put(Entry(seen(number), "{}", (due(number),)))
        if number % 2:
            store.settle([name(number)])
    await store.flush()
    assert [uid for _, uid in rows(place)] == [name(number) for number in range(0, 9, 2)]


async def test_of_too_many_the_oldest_are_given_up(open_store: OpenStore, place: Place) -> None:
    store = open_store()
    await store.load()
    store.put_events(due(number) for number in range(7))
    await store.close()
    assert await recall(open_store(), 3) == Owed((due(4), due(5), due(6)), dropped=4)
    assert len(rows(place)) == 3


async def test_each_owner_finds_its_own(open_store: OpenStore) -> None:
    for number, owner in enumerate(("default", "default shard 1", "oslo")):
        store = open_store(outbox=owner)
        await store.load()
        store.put_events([due(number)])
        await store.close()
    for number, owner in enumerate(("default", "default shard 1", "oslo")):
        store = open_store(outbox=owner)
        assert await recall(store) == Owed((due(number),))
        await store.close()


async def test_a_damaged_row_costs_itself_alone(open_store: OpenStore, place: Place) -> None:
    store = open_store()
    await store.load()
    store.put_events([due(1)])
    await store.close()
    good = encode_event(due(1))
    bodies = {
        name(2): "{",
        name(3): good["body"],
        name(4): json.dumps(json.loads(good["body"]) | {"uid": name(4), "kind": "never_heard_of"}),
        name(5): json.dumps(json.loads(good["body"]) | {"uid": name(5), "at": "0001-01-01T00:00:00+10:00"}),
        "x\r\nEvil: yes": json.dumps(json.loads(good["body"]) | {"uid": "x\r\nEvil: yes"}),
    }
    engine = make_engine(place, lock_seconds=5, is_writer=True)
    with engine.begin() as connection:
        connection.execute(
            insert(outbox),
            [
                {"owner": "default", "uid": uid, "at": good["at"], "body": body}
                for uid, body in bodies.items()
            ],
        )
    again = open_store()
    assert await recall(again) == Owed((due(1),), dropped=len(bodies))
    assert again.status.unreadable == len(bodies)
    assert rows(place) == [("default", name(1))]


async def test_what_nobody_delivers_any_more_goes_with_its_age(open_store: OpenStore, place: Place) -> None:
    now = NOW.timestamp()
    store = open_store(outbox="gone", clock=lambda: now)
    await store.load()
    store.put_events([due(0)])
    await store.close()
    later = (NOW + timedelta(days=400)).timestamp()
    store = open_store(clock=lambda: later, pace=replace(QUICK, prune_seconds=0.0))
    await store.load()
    while rows(place):
        assert await store.flush()


async def test_a_database_from_before_there_was_one_is_brought_up_to_date(
    open_store: OpenStore, place: Place
) -> None:
    if place.path is not None:
        place.path.parent.mkdir()
    engine = make_engine(place, lock_seconds=5, is_writer=True)
    with engine.connect() as connection:
        prepare_sqlite(connection)
        with connection.begin():
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", "scanner.store:migrations")
            config.set_main_option("path_separator", "os")
            command.upgrade(config, "0001")
            row = encode_event(told(1))
            old = {key: value for key, value in json.loads(row["body"]).items() if key != "uid"}
            connection.execute(insert(events), row | {"body": json.dumps(old)})
    store = open_store()
    assert await recall(store) == Owed()
    assert store.reader.events() == (replace(told(1), id=1),)
    store.put_events([due(2)])
    await store.flush()
    assert rows(place) == [("default", name(2))]


def test_an_event_that_is_due_needs_a_name() -> None:
    for uid in (None, "", "a name", name(1).upper().replace("-", ""), f"{{{name(1)}}}"):
        with pytest.raises(ValueError, match=r"name|UUID"):
            decode_due(encode_event(replace(told(1), uid=uid))["body"])


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=5,
)
_keys = st.tuples(_texts, _texts, st.integers(1, 65535), st.sampled_from(Protocol), st.sampled_from(TlsMode))
_events = st.builds(
    Event,
    at=st.integers(0, 10**15).map(lambda micros: NOW + timedelta(microseconds=micros)),
    kind=st.sampled_from(EventKind),
    subject=_texts,
    severity=st.sampled_from(Severity),
    summary=_texts,
    key=st.none() | _keys,
    name=st.none() | _texts,
    advice=st.none() | _texts,
    before=st.dictionaries(_texts, _json, max_size=3),
    after=st.dictionaries(_texts, _json, max_size=3),
    vantage=_texts,
    ended=st.none() | st.sampled_from(Severity),
    hosts=st.lists(_texts, max_size=3).map(tuple),
    port=st.none() | st.integers(1, 65535),
    uid=st.uuids().map(str),
)


@given(_events, st.integers(1, 2**63))
def test_any_event_comes_back_from_both_tables(event: Event, number: int) -> None:
    row = encode_event(replace(event, is_due=True, id=number))
    assert decode_due(row["body"]) == replace(event, is_due=True)
    assert decode_event(number, row["body"]) == replace(event, id=number)


def owed_after(batches: Iterable[Batch]) -> set[str]:
    """Return what the outbox has when these were written one after the other."""
    owed: set[str] = set()
    for batch in batches:
        told_in_it = [*batch.events, *(event for waiting in batch.entries for event in waiting.entry.events)]
        owed |= {event.uid for event in told_in_it if event.is_due and event.uid is not None}
        owed -= set(batch.settled)
    return owed


@given(st.lists(st.tuples(st.sampled_from(["entry", "events", "take"]), st.booleans()), max_size=60))
def test_whatever_is_settled_when_nothing_else_is_owed_no_more(steps: list[tuple[str, bool]]) -> None:
    pending = Pending(SMALL)
    batches: list[Batch] = []
    expected = set()
    for number, (step, is_settled) in enumerate(steps):
        if step == "take":
            batches.append(pending.take())
            continue
        if step == "entry":
            pending.put(Waiting(Entry(seen(number, host=f"h{number % 3}"), "{}", (due(number),))))
        else:
            pending.put_events([due(number)])
        if is_settled:
            pending.settle([name(number)])
        else:
            expected.add(name(number))
    while len(batch := pending.take()):
        batches.append(batch)
    assert owed_after(batches) == expected
    pieces = [piece for batch in batches for piece in batch.split()]
    assert owed_after(pieces) == expected


async def test_what_is_put_twice_is_owed_once(open_store: OpenStore, place: Place) -> None:
    store = open_store()
    await store.load()
    store.put_events([due(1)])
    await store.flush()
    store.put_events([due(1)])
    await store.flush()
    assert rows(place) == [("default", name(1))]
