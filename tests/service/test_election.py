"""Who leads goes on while the database hangs, as long as the broker knows of nobody else."""

import asyncio
import threading

import psycopg
import pytest

from scanner.service.election import Election, Term
from scanner.store.fence import Fence
from scanner.store.lease import Lease
from scanner.store.place import Place
from tests.servers.postgres import Postgres

PATIENCE = 4.0
DEADLINE = 30.0
_WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted"
_PASS = b"SELECT 1 FROM mailport_lease WHERE name = 'default' FOR KEY SHARE"


async def test_a_database_that_hangs_is_one_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    election = Election(Place(url="postgresql://nobody.test/mailport"), "default", PATIENCE)
    may_go_on, beats = threading.Event(), list[Fence]()
    has_asked, confirmed = asyncio.Event(), 0

    def beat(fence: Fence) -> bool:
        beats.append(fence)
        may_go_on.wait()
        return True

    async def confirm() -> bool:
        nonlocal confirmed
        confirmed += 1
        if confirmed == 2:
            has_asked.set()
        return True

    monkeypatch.setattr(election._lease, "beat", beat)
    term = Term(election, Fence("default", 1), election.now)
    holding = asyncio.create_task(term.hold(confirm))
    try:
        async with asyncio.timeout(30):
            await has_asked.wait()
            assert term.is_fresh
            assert election.error is not None
            assert "no answer within 2 s" in election.error
            assert len(beats) == 1, "one question hangs, and no others behind it"
            may_go_on.set()
            while election.error is not None:
                await asyncio.sleep(0.01)
            assert len(beats) > 1
    finally:
        may_go_on.set()
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
        await election.close()


async def test_who_is_told_to_stop_while_it_takes_the_lease_gives_it_back(postgres: Postgres) -> None:
    database = postgres.create_database()
    place = Place(url=postgres.url(database))
    lease = Lease(place, "default", DEADLINE)
    lease.look()
    election = Election(place, "default", DEADLINE)
    with psycopg.connect(postgres.url(database)) as writer:
        writer.execute(_PASS)  # as the former leader does that is writing: whoever takes the lease waits
        standing = asyncio.create_task(election.stand())
        async with asyncio.timeout(DEADLINE):
            while postgres.execute(_WAITS, database) != [(1,)]:
                await asyncio.sleep(0.01)
        standing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await standing
        closing = asyncio.create_task(election.close())
        await asyncio.sleep(0)
        writer.commit()
        await closing
    sight = lease.look()
    lease.close()
    assert sight.token > 0, "it was taken"
    assert sight.holder == ""
