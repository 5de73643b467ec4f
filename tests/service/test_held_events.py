"""Events that are born while nobody knows who leads: each is told once, by us or by who leads next."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from structlog.testing import capture_logs

from scanner.config import default_settings, override
from scanner.model import Severity
from scanner.model.event import Event, EventKind
from scanner.service import held_events
from scanner.service.election import Election
from scanner.service.held_events import HeldEvents
from scanner.service.outlets import Outlets
from scanner.service.webhook_outlet import MOST_WAITING
from scanner.store import Limits, Owed, Place, Store
from scanner.store.lease import Lease
from tests.servers.partition import partition_before
from tests.servers.postgres import ADDRESS, Postgres
from tests.verdict.observations import NOW

DEADLINE = 30.0
PATIENCE = 2.0


def born(number: int) -> Event:
    return Event(NOW, EventKind.EGRESS_CHANGED, f"port {number}", Severity.WARNING, f"Event {number}.")


async def nowhere(host: str) -> tuple[str, ...]:
    raise AssertionError(f"{host} was looked up")


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not is_so():
            await asyncio.sleep(0.005)


@dataclass(slots=True)
class Leader:
    """Outlets of a scheduler whose term is as a test says, and a store that writes when it is told to."""

    outlets: Outlets
    counts: Counter[str]
    outbox: "Outbox"
    is_fresh: bool = False

    @property
    def questions(self) -> list[Future[None]]:
        return self.outbox.questions


class Outbox:
    """A store that is owed nothing, and writes when a test says so."""

    def __init__(self) -> None:
        self.questions: list[Future[None]] = []

    def ask_written(self) -> Future[None]:
        self.questions.append(Future())
        return self.questions[-1]

    def recall_due(self, most: int) -> Future[Owed]:
        return Future()

    def settle(self, uids: Iterable[str]) -> None:
        raise AssertionError(uids)


@asynccontextmanager
async def leading() -> AsyncIterator[Leader]:
    counts: Counter[str] = Counter()
    outbox = Outbox()
    outlets = Outlets(
        override(default_settings(()), {"events.stdout": True}),
        nowhere,
        lambda outcome: counts.update([outcome]),
        is_ours=lambda: leader.is_fresh,
        outbox=outbox,
    )
    leader = Leader(outlets, counts, outbox)
    running = asyncio.create_task(outlets.run())
    try:
        yield leader
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def read_told(capfd: pytest.CaptureFixture[str]) -> list[str]:
    lines = capfd.readouterr().out.splitlines()  # the log's lines are between them
    return [json.loads(line)["subject"] for line in lines if line.startswith("{")]


async def test_they_are_told_in_their_order_when_it_is_known_that_we_lead(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with leading() as leader:
        leader.outlets.take(born(1))
        leader.outlets.take(born(2))
        await until(lambda: len(leader.questions) == 1)
        assert leader.counts == {}
        leader.is_fresh = True
        leader.outlets.take(born(3))
        assert leader.counts == {}
        await until(lambda: leader.counts["delivered"] == 3)
        leader.is_fresh = False
        leader.outlets.take(born(4))
        leader.questions[0].set_result(None)
        await until(lambda: len(leader.questions) == 2)
        leader.is_fresh = True
        await until(lambda: leader.counts["delivered"] == 4)
    assert read_told(capfd) == ["port 1", "port 2", "port 3", "port 4"]


async def test_what_the_store_has_written_is_ours_and_the_rest_is_left_to_who_leads_next(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with capture_logs() as lines:
        async with leading() as leader:
            leader.outlets.take(born(1))
            leader.outlets.take(born(2))
            await until(lambda: len(leader.questions) == 1)
            leader.outlets.take(born(3))
            leader.questions[0].set_result(None)
            await until(lambda: len(leader.questions) == 2 and leader.counts["delivered"] == 2)
    assert read_told(capfd) == ["port 1", "port 2"]
    assert [line["events"] for line in lines if line["event"] == "events_left_to_next_leader"] == [1]
    assert len([line for line in lines if line["event"] == "events_held"]) == 1


async def test_too_many_of_them_cost_the_oldest(capfd: pytest.CaptureFixture[str]) -> None:
    async with leading() as leader:
        for number in range(MOST_WAITING + 2):
            leader.outlets.take(born(number))
        assert leader.counts == {"dropped": 2}
        leader.is_fresh = True
        await leader.outlets.drain(DEADLINE)
        await until(lambda: leader.counts["delivered"] == MOST_WAITING)
    assert read_told(capfd) == [f"port {number}" for number in range(2, MOST_WAITING + 2)]


class Held:
    """Events that are held by a clock and a store of a test's own."""

    def __init__(self, *, most: int = 3) -> None:
        self.now = 0.0
        self.is_ours = True
        self.told: list[str] = []
        self.dropped: list[str] = []
        self.outbox = Outbox()
        self.held = HeldEvents(
            lambda event: self.told.append(event.subject),
            self.lead,
            self.outbox.ask_written,
            most=most,
            on_dropped=lambda event: self.dropped.append(event.subject),
            clock=lambda: self.now,
        )
        self.looks = 0
        self.task = asyncio.create_task(self.held.run())

    def lead(self) -> bool:
        self.looks += 1
        return self.is_ours

    async def look(self) -> None:
        """Have it look some more times."""
        until_then = self.looks + 3
        await until(lambda: self.looks >= until_then)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_an_event_waits_for_the_store_and_no_longer_than_an_alert_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(held_events, "LOOK_SECONDS", 0.001)
    held = Held()
    held.held.take(born(1))
    await until(lambda: len(held.outbox.questions) == 1)
    held.now = 1.0
    held.held.take(born(2))
    assert held.told == []
    held.outbox.questions[0].set_result(None)
    await until(lambda: held.told == ["port 1"])
    await until(lambda: len(held.outbox.questions) == 2)
    held.now = 2.9
    held.held.take(born(3))
    await held.look()
    assert held.told == ["port 1"], "the store has 1.9 seconds"
    held.now = 3.0
    await until(lambda: held.told == ["port 1", "port 2"])
    held.outbox.questions[1].set_result(None)
    await until(lambda: len(held.outbox.questions) == 3)
    assert held.told == ["port 1", "port 2"], "the third was not asked for"
    held.is_ours = False
    held.now = 60.0
    await held.look()
    assert held.told == ["port 1", "port 2"], "it is not known whether it is ours"
    held.outbox.questions[2].set_result(None)
    await until(lambda: held.told == ["port 1", "port 2", "port 3"])
    await held.end()


async def test_of_too_many_that_are_ours_the_oldest_wait_no_longer() -> None:
    held = Held()
    for number in range(5):
        held.held.take(born(number))
    assert (held.told, held.dropped) == (["port 0", "port 1"], [])
    held.is_ours = False
    held.held.take(born(5))
    assert (held.told, held.dropped) == (["port 0", "port 1"], ["port 2"])
    await held.held.drain(0.01)
    assert len(held.told) == 2, "they are left to who leads next"
    held.is_ours = True
    await held.held.drain(0.01)
    assert held.told == ["port 0", "port 1", "port 3", "port 4", "port 5"]
    await held.end()


@pytest.mark.parametrize("is_lost", [False, True], ids=["ours", "lost"])
async def test_with_a_database_that_is_cut_off(
    postgres: Postgres, capfd: pytest.CaptureFixture[str], *, is_lost: bool
) -> None:
    direct = Place(url=postgres.url(postgres.create_database()))
    assert direct.url is not None
    counts: Counter[str] = Counter()
    with partition_before((ADDRESS, postgres.port)) as partition:
        far = Place(url=direct.url.replace(str(postgres.port), str(partition.port)))
        election = Election(far, "default", PATIENCE)
        term = await election.win()
        store = Store(replace(far, fence=term.fence), Limits(10, 1.0, 100, 1.0), vantage="default")
        await store.load(DEADLINE)
        outlets = Outlets(
            override(default_settings(()), {"events.stdout": True}),
            nowhere,
            lambda outcome: counts.update([outcome]),
            is_ours=lambda: term.is_fresh,
            outbox=store,
        )
        tasks = [asyncio.create_task(outlets.run()), asyncio.create_task(term.hold())]
        partition.cut()
        await until(lambda: not term.is_fresh)
        store.put_events((born(1),))
        outlets.take(born(1))
        if is_lost:
            lease = Lease(direct, "default", DEADLINE)
            assert lease.take(lease.look(), "another", "") is not None
            lease.close()
        else:
            assert counts == {}
        partition.mend()
        if is_lost:
            async with asyncio.timeout(DEADLINE):
                await tasks[1]
        else:
            await until(lambda: counts["delivered"] == 1)
        await store.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await election.close()
    written = postgres.execute("SELECT count(*) FROM events", direct.url.rpartition("/")[2])
    told = read_told(capfd)
    assert (told, written) == (([], [(0,)]) if is_lost else (["port 1"], [(1,)]))
