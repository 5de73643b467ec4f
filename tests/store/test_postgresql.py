"""Faults of PostgreSQL, each with a real one: down, going away, coming back, a lost answer, passwords."""

import asyncio
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from structlog.testing import capture_logs

from scanner.store import Entry, Place, StoreError
from scanner.store.place import make_engine
from scanner.store.pooling import is_pooled
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import ADDRESS, GUARDED, PASSWORD, Postgres
from tests.store.conftest import OpenStore
from tests.store.cutting_relay import relay_to
from tests.store.observations import FULL, seen, told
from tests.store.waiting import until

KEY = FULL.endpoint.key


@pytest.fixture
def place(postgres: Postgres) -> Place:
    return Place(url=postgres.url(postgres.create_database()))


async def test_a_server_that_is_down_at_the_start_is_waited_for(
    own_postgres: Postgres, open_store: OpenStore
) -> None:
    place = Place(url=own_postgres.url(own_postgres.create_database()))
    first = open_store(place)
    await first.load()
    first.put(Entry(seen(0), "of the last run"))
    await first.close()
    await asyncio.to_thread(own_postgres.stop)

    store = open_store(place)
    with pytest.raises(StoreError, match=r"onnection refused.*check that PostgreSQL runs there"):
        await store.load(0.5)
    store.put(Entry(seen(1), "learnt meanwhile", (told(1),)))
    loading = asyncio.ensure_future(store.load(None))
    await asyncio.to_thread(own_postgres.start)
    assert (await loading).memories == {KEY: "of the last run"}
    assert await store.flush()
    assert store.reader.history(KEY) == (seen(1), seen(0))
    assert [event.subject for event in store.reader.events()] == ["subject 1"]


async def test_a_server_that_goes_away_is_told_once_and_everything_is_written_afterwards(
    own_postgres: Postgres, open_store: OpenStore
) -> None:
    store = open_store(Place(url=own_postgres.url(own_postgres.create_database())))
    await store.load()
    store.put(Entry(seen(0), "0", (told(0),)))
    assert await store.flush()
    with capture_logs() as logs:
        await asyncio.to_thread(own_postgres.stop)
        for number in range(1, 30):
            store.put(Entry(seen(number), str(number), (told(number),)))
        status = await until(store, lambda status: status.failures >= 12)
        assert not status.is_up
        assert status.pending == 29
        await asyncio.to_thread(own_postgres.start)
        assert await store.flush(20)
    assert len(store.reader.history(KEY)) == 30
    assert [event.subject for event in reversed(store.reader.events())] == [f"subject {n}" for n in range(30)]
    assert store.reader.memories()[0].memory == "29"
    assert [line["event"] for line in logs].count("store_up") == 1
    faults = [line["error"] for line in logs if line["event"] == "store_down"]
    assert 1 <= len(faults) == len(set(faults)) < 6  # cut off, shutting down, refused, starting up: each once


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(
    postgres: Postgres, open_store: OpenStore
) -> None:
    database = postgres.create_database()
    with relay_to((ADDRESS, postgres.port)) as relay:
        store = open_store(Place(url=f"postgresql://mailport@127.0.0.1:{relay.port}/{database}"))
        await store.load()
        relay.armed.set()
        store.put(Entry(seen(0), "0", (told(0),)))
        assert await store.flush(20)
        assert relay.cut.is_set()
        assert store.status.failures == 1
        store.put(Entry(seen(1), "1", (told(1),)))
        assert await store.flush()
        assert [event.subject for event in store.reader.events()] == ["subject 1", "subject 0"]
        assert len(store.reader.history(KEY)) == 2


async def test_a_database_made_anew_gets_the_newest_memory(postgres: Postgres, open_store: OpenStore) -> None:
    database = postgres.create_database()
    store = open_store(Place(url=postgres.url(database)))
    await store.load()
    store.put(Entry(seen(0), "0"))
    store.put(Entry(seen(0, host="other.example.org"), "other"))
    assert await store.flush()
    postgres.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
    postgres.execute(f'CREATE DATABASE "{database}"')
    store.put(Entry(seen(1), "1"))
    assert await store.flush(20)
    memories = {each.key[0]: each.memory for each in store.reader.memories()}
    assert memories == {"smtp.example.org": "1", "other.example.org": "other"}
    (loss,) = store.take_losses()
    assert "removed or replaced" in loss.text


async def test_a_lost_lock_lets_nobody_in_unseen(
    postgres: Postgres, open_store: OpenStore, place: Place
) -> None:
    first = open_store()
    await first.load()
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mailport'"
    )
    second = open_store()
    await second.load()
    first.put(Entry(seen(0), "too late"))
    status = await until(first, lambda status: status.failures >= 2)
    assert "another mailport with the vantage default writes to it" in (status.error or "")


async def test_the_password_comes_from_its_file_at_each_connection(
    postgres: Postgres, open_store: OpenStore, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    url = postgres.url(postgres.create_database(), GUARDED)
    store = open_store(Place(url=url, password_file=secret))
    with pytest.raises(StoreError, match="password authentication failed"):
        await store.load(0.5)
    secret.unlink()
    store.put(Entry(seen(0), "{}"))
    await until(store, lambda status: "cannot read the password" in (status.error or ""))
    secret.write_text(f"{PASSWORD}\n")
    await store.load()
    assert await store.flush()
    assert len(store.reader.history(KEY)) == 1


async def test_a_password_in_the_url_works_and_is_never_shown(
    postgres: Postgres, open_store: OpenStore
) -> None:
    plain = postgres.url(postgres.create_database(), GUARDED)
    with capture_logs() as logs:
        good = open_store(Place(url=plain.replace("@", f":{quote(PASSWORD, safe='')}@")))
        await good.load()
        await good.close()
        bad = open_store(Place(url=plain.replace("@", ":not-this-one@")))
        with pytest.raises(StoreError) as caught:
            await bad.load(0.5)
    said = f"{logs}{caught.value}{good.place}{bad.status}"
    assert "PostgreSQL database" in said
    assert "not-this-one" not in said
    assert quote(PASSWORD, safe="") not in said


async def test_a_lock_on_a_table_is_waited_for(postgres: Postgres, open_store: OpenStore) -> None:
    database = postgres.create_database()
    store = open_store(Place(url=postgres.url(database)))
    await store.load()
    with psycopg.connect(postgres.url(database)) as other:
        other.execute("LOCK TABLE endpoints")
        store.put(Entry(seen(0), "0", (told(0),)))
        status = await until(store, lambda status: status.failures >= 2)
        assert "lock timeout" in (status.error or "")
        other.rollback()
    assert await store.flush()
    assert len(store.reader.events()) == 1


async def test_a_text_with_a_null_character_does_no_harm(open_store: OpenStore) -> None:
    store = open_store()
    await store.load()
    odd = replace(seen(0), banner="220 \x00", software="\x00")
    store.put(Entry(odd, "{}", (replace(told(0), summary="\x00"),)))
    store.put(Entry(seen(1, host="other.example.org"), "memory \x00"))
    store.put(Entry(seen(2), "2"))
    assert await store.flush()
    assert store.reader.history(KEY) == (seen(2), odd)
    assert store.reader.history(seen(1, host="other.example.org").endpoint.key) == ()
    assert store.reader.events()[0].summary == "\x00"
    assert (store.status.refused, store.status.is_up) == (1, True)


async def test_a_pooler_that_takes_transactions_apart_is_refused_in_words(
    open_store: OpenStore, postgres: Postgres
) -> None:
    with pgbouncer(postgres, "statement") as pooler:
        store = open_store(Place(url=pooler.url(postgres.create_database())))
        with pytest.raises(StoreError, match="set pool_mode = transaction or session in PgBouncer"):
            await store.load(5)


async def test_options_that_a_pooler_does_not_take_are_told_in_words(
    open_store: OpenStore, postgres: Postgres
) -> None:
    with pgbouncer(postgres, "transaction") as pooler:
        url = pooler.url(postgres.create_database()) + "?options=-csearch_path%3Dpublic"
        with pytest.raises(StoreError, match=r"options; remove it from store.url"):
            await open_store(Place(url=url)).load(5)


def test_a_server_without_a_pooler_is_known_as_that(place: Place) -> None:
    with make_engine(place, lock_seconds=1, is_writer=True).connect() as connection:
        assert not is_pooled(connection)
