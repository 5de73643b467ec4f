"""The lease against a real PostgreSQL: one holder at a time, and nobody else writes."""

from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from scanner.store import Entry, Place, StoreError
from scanner.store.lease import _BEAT, Lease
from scanner.store.place import make_engine
from tests.servers.postgres import Postgres
from tests.store.conftest import OpenStore
from tests.store.observations import seen
from tests.store.waiting import until


@pytest.fixture
def place(postgres: Postgres) -> Place:
    return Place(url=postgres.url(postgres.create_database()))


def test_of_two_who_saw_the_same_one_takes_it(place: Place) -> None:
    one, other = (Lease(place, "default", 5) for _ in range(2))
    sight = one.look()
    assert (sight, sight.holder) == (other.look(), "")
    first = one.take(sight, "one", "p1")
    assert first is not None
    assert other.take(sight, "other", "p2") is None
    assert other.look().holder == "one"
    second = other.take(other.look(), "other", "p2")
    assert second is not None
    assert second.token > first.token
    assert (one.beat(first), other.beat(second), one.release(first)) == (False, True, False)
    assert other.release(second)
    assert one.look().holder == ""
    for lease in (one, other):
        lease.close()


def test_every_beat_is_seen_and_makes_an_older_sight_worthless(place: Place) -> None:
    one, other = (Lease(place, "default", 5) for _ in range(2))
    fence = one.take(one.look(), "one", "")
    assert fence is not None
    sight = other.look()
    assert one.beat(fence)
    assert other.look() != sight
    assert other.take(sight, "other", "") is None
    for lease in (one, other):
        lease.close()


def test_a_holder_that_stands_still_within_a_beat_keeps_nobody_from_the_lease(place: Place) -> None:
    one, other = (Lease(place, "default", 1) for _ in range(2))
    fence = one.take(one.look(), "one", "")
    assert fence is not None
    seen_last = other.look()
    with suppress(SQLAlchemyError), one._transaction() as connection:
        connection.execute(_BEAT, {"name": fence.name, "token": fence.token})
        taken = None
        for _ in range(5):  # each try waits a second at most
            try:
                taken = other.take(other.look(), "other", "")
                break
            except OperationalError:
                continue
        assert taken is not None, "the beat that is not ended keeps the row for ever"
        assert taken.token > fence.token
    assert other.look() != seen_last
    assert not one.beat(fence)
    for lease in (one, other):
        lease.close()


def test_in_a_database_that_was_made_anew_the_number_is_higher_still(place: Place) -> None:
    lease = Lease(place, "default", 5)
    first = lease.take(lease.look(), "one", "")
    assert first is not None
    engine = make_engine(place, lock_seconds=5, is_writer=True)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE mailport_lease"))
    assert not lease.beat(first)
    second = lease.take(lease.look(), "one", "")
    assert second is not None
    assert second.token > first.token
    lease.close()


async def test_who_lost_it_writes_nothing_more(place: Place, open_store: OpenStore) -> None:
    lease = Lease(place, "default", 5)
    fence = lease.take(lease.look(), "one", "")
    store = open_store(replace(place, fence=fence))
    await store.load()
    store.put(Entry(seen(0), "first"))
    assert await store.flush()
    assert lease.take(lease.look(), "other", "") is not None
    store.put(Entry(seen(1), "second"))
    status = await until(store, lambda status: not status.is_up)
    assert status.error is not None
    assert "another scheduler of the vantage default leads" in status.error
    assert store.reader.history(seen(0).endpoint.key) == (seen(0),)
    lease.close()


async def test_who_holds_it_keeps_a_mailport_without_a_cluster_away(
    place: Place, open_store: OpenStore
) -> None:
    lease = Lease(place, "default", 5)
    fence = lease.take(lease.look(), "one", "")
    store = open_store(replace(place, fence=fence))
    await store.load()
    lone = open_store(place)
    with pytest.raises(StoreError, match="another mailport with the vantage default writes to it"):
        await lone.load(5)
    lease.close()
