"""What is too old or too much goes, step by step; what is needed stays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from scanner.store import Entry, EventQuery, Limits, Place, Store
from scanner.store.place import make_engine
from scanner.store.schema import metadata
from tests.store.conftest import QUICK, OpenStore
from tests.store.observations import FULL, NOW, seen, told
from tests.store.test_contract import POLICY

KEY = FULL.endpoint.key
PRUNING = replace(QUICK, prune_seconds=0.01, prune_endpoints=2)


class Clock:
    """A time that only tests change."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_pruned(open_store: OpenStore, clock: Clock) -> Callable[..., Store]:
    return lambda **limits: open_store(limits=Limits(**limits), clock=clock, pace=PRUNING)


async def rounds(store: Store, is_so: Callable[[], bool]) -> None:
    """Let the writer go round until something is so; a flush is a round at least."""
    for _ in range(500):
        if is_so():
            return
        assert await store.flush()
    pytest.fail("it did not become so")


def count(place: Place, table: str) -> int:
    engine = make_engine(place, lock_seconds=5, is_writer=False)
    with engine.connect() as connection, connection.begin():
        found: int = connection.execute(select(func.count()).select_from(metadata.tables[table])).scalar_one()
    return found


async def test_of_each_endpoint_the_newest_samples_stay(open_pruned: Callable[..., Store]) -> None:
    store = open_pruned(samples=5)
    await store.load()
    for number in range(20):
        for host in range(5):
            store.put(Entry(seen(number, host=f"h{host}.example.org")))
    keys = [seen(0, host=f"h{host}.example.org").endpoint.key for host in range(5)]
    await rounds(store, lambda: all(len(store.reader.history(key)) == 5 for key in keys))
    newest = tuple(seen(number, host="h3.example.org") for number in (19, 18, 17, 16, 15))
    assert store.reader.history(keys[3]) == newest


async def test_old_samples_go_with_their_contents_and_the_last_one_stays(
    open_pruned: Callable[..., Store], place: Place, clock: Clock
) -> None:
    store = open_pruned(sample_days=1)
    await store.load()
    for number in range(4):
        store.put(Entry(replace(seen(number), software=f"version {number}"), "learnt"))
    await store.flush()
    assert count(place, "contents") == 1 + 4
    clock.now += timedelta(hours=20).total_seconds()
    store.put(Entry(replace(seen(80), software="version 3")))
    assert await store.flush()
    clock.now += timedelta(hours=4, minutes=22).total_seconds()
    await rounds(store, lambda: len(store.reader.history(KEY)) == 3)
    assert count(place, "contents") == 1 + 2

    # An old one that was judged again is the last one; old as it is, it stays.
    last = replace(seen(2), software="version 0")
    store.put(Entry(last))
    assert await store.flush()
    clock.now += timedelta(hours=23).total_seconds()
    await rounds(store, lambda: len(store.reader.history(KEY)) == 1)
    assert store.reader.history(KEY) == (last,)
    again = replace(seen(200), software="version 1")
    store.put(Entry(again))
    assert await store.flush()
    assert store.reader.history(KEY)[0] == again


async def test_an_endpoint_whose_contents_were_pruned_is_written_on_at_once(
    open_pruned: Callable[..., Store], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_pruned(samples=2)
    await store.load()
    forgotten = []
    monkeypatch.setattr(store._writer.batches, "forget", lambda: forgotten.append(1))
    for number in range(12):
        store.put(Entry(replace(seen(number), software=f"version {number}"), f"memory {number}"))
        assert await store.flush()
        await rounds(store, lambda: count(place, "contents") <= 1 + 2)
    newest = [one.software for one in store.reader.history(KEY)]
    assert newest[:2] == ["version 11", "version 10"]
    assert not forgotten, "what was not pruned had to be read again"
    assert (store.status.failures, store.status.refused) == (0, 0)


async def test_an_endpoint_is_forgotten_when_its_age_is_over(
    open_pruned: Callable[..., Store], place: Place, clock: Clock
) -> None:
    store = open_pruned(sample_days=2)
    await store.load()
    for host in range(5):
        store.put(Entry(seen(0, host=f"h{host}.example.org"), "learnt"))
    await store.flush()
    store.forget([seen(0, host=f"h{host}.example.org").endpoint.key for host in range(5)])
    clock.now += timedelta(days=1.9).total_seconds()
    await store.flush()
    store.put(Entry(seen(100, host="h2.example.org")))
    await store.flush()
    assert len(store.reader.memories()) == 5
    clock.now += timedelta(days=0.2).total_seconds()
    await rounds(store, lambda: len(store.reader.memories()) == 1)
    assert store.reader.memories()[0].key[0] == "h2.example.org"
    assert (count(place, "samples"), count(place, "contents")) == (1, 2)
    store.put(Entry(seen(200, host="h3.example.org"), "learnt anew"))
    await store.flush()
    assert [each.memory for each in store.reader.memories(host="h3.example.org")] == ["learnt anew"]


@pytest.mark.parametrize(("limits", "left"), [({"events": 3}, 3), ({"event_days": 0.5}, 13)])
async def test_events_go_by_number_and_by_age_and_numbers_are_never_given_twice(
    open_pruned: Callable[..., Store], clock: Clock, limits: dict[str, float], left: int
) -> None:
    store = open_pruned(**limits)
    await store.load()
    store.put_events(replace(told(0), at=NOW - timedelta(hours=number)) for number in reversed(range(20)))
    ask = EventQuery(limit=1000)
    await rounds(store, lambda: len(store.reader.events(ask)) == left)
    newest = store.reader.events(ask)[0].id or 0
    clock.now += timedelta(days=400).total_seconds()
    await rounds(store, lambda: limits == {"events": 3} or not store.reader.events(ask))
    store.put_events([replace(told(1), at=NOW + timedelta(days=400))])
    await rounds(store, lambda: any((event.id or 0) == newest + 1 for event in store.reader.events(ask)))


async def test_policies_go_when_they_end(open_pruned: Callable[..., Store], clock: Clock) -> None:
    store = open_pruned()
    await store.load()
    lasting = replace(POLICY, fetched_at=clock.now)
    store.save_policies({"old.example": replace(POLICY, fetched_at=0.0), "new.example": lasting})
    await rounds(store, lambda: store.reader.policies() == {"new.example": lasting})
