"""The store and the lease by way of a real PgBouncer that has fewer connections than it has clients."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from scanner.store import Entry, Place, StoreError
from scanner.store.lease import Lease
from scanner.store.place import make_engine
from scanner.store.pooling import is_pooled
from scanner.store.session import Session
from tests.servers.pgbouncer import PgBouncer, pgbouncer
from tests.servers.postgres import Postgres
from tests.store.conftest import QUICK, OpenStore
from tests.store.observations import FULL, seen, told
from tests.store.waiting import until

KEY = FULL.endpoint.key
SECONDS = 10.0


@pytest.fixture(params=["transaction", "session"])
def pooler(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[PgBouncer]:
    # By sessions each client needs one of its own; else each store keeps one, and all share the third.
    with pgbouncer(postgres, request.param, size=3 if request.param == "transaction" else 10) as running:
        yield running


@pytest.fixture
def place(pooler: PgBouncer) -> Place:
    return Place(url=pooler.url(pooler.server.create_database()))


async def test_what_is_written_is_read_however_many_read_meanwhile(
    open_store: OpenStore, place: Place
) -> None:
    store = open_store()
    await store.load()
    for number in range(60):
        store.put(Entry(seen(number), str(number), (told(number),)))
        reading = [asyncio.to_thread(store.reader.history, KEY) for _ in range(3)]
        assert await store.flush()
        await asyncio.gather(*reading)
    status = store.status
    assert (status.is_up, status.failures, status.error) == (True, 0, None)
    assert len(store.reader.history(KEY)) == 60
    await store.close()
    assert (await open_store().load()).memories == {KEY: "59"}


async def test_a_second_writer_is_kept_away_and_comes_in_when_the_first_ends(
    open_store: OpenStore, place: Place
) -> None:
    first = open_store()
    await first.load()
    second = open_store()
    with pytest.raises(StoreError, match="another mailport with the vantage default writes to it"):
        await second.load(1)
    first.put(Entry(seen(0), "of the first"))
    await first.close()
    assert (await second.load(None)).memories == {KEY: "of the first"}


async def test_the_lock_that_the_pooler_loses_is_taken_anew(
    open_store: OpenStore, place: Place, pooler: PgBouncer
) -> None:
    store = open_store()
    await store.load()
    store.put(Entry(seen(0), "before"))
    assert await store.flush()
    # By its hand: the pooler ends each connection to the server, whoever has it.
    pooler.command("KILL " + str(place.url).rpartition("/")[2])
    pooler.command("RESUME " + str(place.url).rpartition("/")[2])
    store.put(Entry(seen(1), "after"))
    await until(store, lambda status: status.is_up and status.failures > 0)
    assert await store.flush()
    assert len(store.reader.history(KEY)) == 2
    second = open_store()
    with pytest.raises(StoreError, match="another mailport with the vantage default writes to it"):
        await second.load(1)


def test_who_asks_for_the_lock_of_a_server_that_hangs_is_set_free(own_postgres: Postgres) -> None:
    with (
        pgbouncer(own_postgres, "transaction", size=3) as pooler,
        ThreadPoolExecutor() as threads,
    ):
        session = Session(Place(url=pooler.url(own_postgres.create_database())), QUICK, "default")
        assert is_pooled(session.open())
        with own_postgres.hanging():
            asking = threads.submit(session.check)
            with pytest.raises(TimeoutError):
                asking.result(0.5)
            session.cut()
            with pytest.raises(SQLAlchemyError):
                asking.result(SECONDS)
        session.release()


async def test_the_lock_ends_no_leader_and_keeps_a_mailport_without_a_cluster_away(
    open_store: OpenStore, place: Place
) -> None:
    lease = Lease(place, "default", 5)
    first = lease.take(lease.look(), "one", "")
    store = open_store(replace(place, fence=first))
    await store.load()
    store.put(Entry(seen(0), "of the leader"))
    assert await store.flush()
    lone = open_store()
    with pytest.raises(StoreError, match="another mailport with the vantage default writes to it"):
        await lone.load(1)
    # Whoever takes the lease waits for nothing that the leader holds.
    second = lease.take(lease.look(), "other", "")
    next_store = open_store(replace(place, fence=second))
    assert (await next_store.load()).memories == {KEY: "of the leader"}
    store.put(Entry(seen(1), "too late"))
    status = await until(store, lambda status: not status.is_up)
    assert "another scheduler of the vantage default leads" in str(status.error)
    lease.close()


def test_the_lease_has_one_holder(place: Place) -> None:
    one, other = (Lease(place, "default", 5) for _ in range(2))
    fence = one.take(one.look(), "one", "")
    assert fence is not None
    for _ in range(20):
        assert one.beat(fence)
        assert other.look().holder == "one"
    newer = other.take(other.look(), "other", "")
    assert newer is not None
    assert not one.beat(fence)
    for lease in (one, other):
        lease.close()


def test_what_a_connection_is_told_stays_in_its_transaction(place: Place) -> None:
    reader, writer = (make_engine(place, lock_seconds=1, is_writer=is_writer) for is_writer in (False, True))
    for _ in range(3):
        with reader.begin() as connection:
            assert connection.scalar(text("SHOW transaction_read_only")) == "on"
            assert connection.scalar(text("SHOW lock_timeout")) == "1s"
        with writer.begin() as connection:
            assert connection.scalar(text("SHOW transaction_read_only")) == "off"
    with psycopg.connect(str(place.url), autocommit=True, prepare_threshold=None) as stranger:
        for name, usual in (
            ("lock_timeout", "0"),
            ("statement_timeout", "0"),
            ("transaction_read_only", "off"),
        ):
            assert stranger.execute(f"SHOW {name}".encode()).fetchone() == (usual,)
    assert is_pooled(writer.connect())
