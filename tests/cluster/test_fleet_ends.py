"""A fleet that ends leaves nothing running, and what it cannot take to whoever leads then."""

import asyncio
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from scanner.cluster.fleet import RESULTS, Fleet
from scanner.cluster.results import write_delivery
from scanner.cluster.stream import Backlog
from scanner.config.cluster_settings import ClusterSettings
from tests.servers.redis_server import RedisServer

SECONDS = 30.0


@dataclass
class Ending:
    """A term that is over as soon as something was read."""

    token: int = 7
    is_fresh: bool = True

    def lose(self) -> None:
        self.is_fresh = False


async def test_results_that_came_as_the_term_ended_are_left_to_the_next(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = asyncio.all_tasks()
    term = Ending()
    fleet = Fleet(ClusterSettings(broker=redis_server.url), "ending", 0, term=term)
    results = fleet._results
    read, has_read = results._read, asyncio.Event()

    async def read_last(client: Redis) -> list[tuple[str, dict[bytes, bytes]]]:
        found = await read(client)
        if found:
            term.lose()
            has_read.set()
        return found

    monkeypatch.setattr(results, "_read", read_last)
    running = asyncio.create_task(fleet.run())
    async with asyncio.timeout(SECONDS):
        task = results.find_task(RESULTS)
        assert task is not None
        await task.kiq(write_delivery("worker", []))
        await has_read.wait()
        while not any("callback" in repr(one.get_coro()) for one in asyncio.all_tasks() - before):
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        while left := asyncio.all_tasks() - before:
            await asyncio.wait(left, timeout=0.1)
    assert sum(fleet.tally.results.values()) == 0
    assert await results.backlog() == Backlog(0, 1)
    await results.shutdown()
