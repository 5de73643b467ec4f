"""One queue is one scheduler's or one shard's: another one leaves it alone, and says whose it is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
from structlog.testing import capture_logs

from scanner.cluster.fleet import Fleet
from scanner.cluster.jobs import Job
from scanner.cluster.task_queue import LONE, OwnedError, TaskQueue
from scanner.config.cluster_settings import ClusterSettings
from scanner.model import Protocol, TlsMode
from tests.cli.command import run
from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import running_cluster, settings_of
from tests.servers.redis_server import RedisServer
from tests.service.serving import serving, write_config

SECONDS = 30.0
MARK = "mailport:default:tasks:owner"
JOB = Job(
    id="a-1", host="mx.test", address="192.0.2.1", port=25, protocol=Protocol.SMTP, tls_mode=TlsMode.STARTTLS
)


def shared(farm: RunningFarm, broker: RedisServer) -> dict[str, Any]:
    return settings_of(farm, broker, cluster={"queue": "mail-shared"})


def test_a_shard_whose_queue_is_another_ones_does_not_start_and_disturbs_nobody(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    document = shared(few_servers, redis_server)
    options = ("--shard", "1/2")
    with running_cluster(tmp_path, document, workers=1, options=options) as cluster:
        cluster.scheduler.wait_ready()
        path = write_config(tmp_path, document)
        for shard, more in ((None, ()), ("2/2", ("--shard", "2/2"))):
            outcome = run("serve", "--config", path, "--listen", "127.0.0.1:0", *more)
            assert outcome.status == 2, shard
            problem = outcome.stderr.splitlines()[-1]  # above it is that there is no standby
            where = "cluster.queue mail-shared (vantage default) at redis://127.0.0.1:"
            assert problem.startswith(f"mailport: {where}")
            assert "is that of shard 1/2, which is alive; " in problem
            assert "pass-word" not in problem
        taken = cluster.value("results_total", outcome="taken")
        cluster.wait_for("results_total", taken + 4, outcome="taken")
        assert cluster.value("results_total", outcome="late") == 0
        # Of the same shard the next is let in at once, also where there are more shards by now.
        cluster.scheduler.running.send(SIGKILL)
        own = tmp_path / "again"
        own.mkdir()
        with serving(own, document, "--shard", "1/3") as again:
            assert "queue_of_another" not in {line["event"] for line in again.log}
            again.wait_ready()


def test_a_shard_waits_for_the_mark_of_one_that_has_died(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    document = shared(few_servers, redis_server)
    with running_cluster(tmp_path, document, options=("--shard", "1/2")) as cluster:
        cluster.scheduler.running.wait_until(lambda: cluster.value("broker_up") == 1)
        cluster.scheduler.running.send(SIGKILL)
        own = tmp_path / "heir"
        own.mkdir()
        with serving(own, document, "--shard", "2/2") as heir:
            cluster.scheduler = heir
            cluster.add_worker()
            heir.wait_ready()


@asynccontextmanager
async def running_fleet(settings: ClusterSettings, owner: str) -> AsyncIterator[Fleet]:
    fleet = Fleet(settings, "default", 0)
    fleet.term.own(owner)
    running = asyncio.create_task(fleet.run())
    try:
        yield fleet
    finally:
        running.cancel()
        await asyncio.wait({running})


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not is_so():
            await asyncio.sleep(0.02)


async def test_one_that_finds_out_later_holds_its_work_back_until_the_queue_is_free(
    redis_server: RedisServer,
) -> None:
    settings = ClusterSettings(broker=redis_server.url)
    queue = TaskQueue(settings, "default:tasks", consumer="test", lease=60.0)
    queue.owner = "1/2"
    assert await queue.claim(0)
    with capture_logs() as log:
        async with running_fleet(settings, LONE) as late:
            asking = [asyncio.create_task(late.do(JOB))]
            await until(lambda: late.term.is_foreign)
            assert (late.term.is_fresh, late.tally.is_broker_up, await late.confirm()) == (False, True, None)
            assert not await queue.find_all()
            await queue.leave()
            await until(lambda: late.tally.sent == 1)
            # And the other way round: whoever has lost its mark, as by an outage, meets another one's.
            with redis_server.client as client:
                client.set(MARK, "1/2", px=60_000)
            await until(lambda: late.term.is_foreign)
            asking.append(asyncio.create_task(late.do(JOB.model_copy(update={"id": "a-2"}))))
            with redis_server.client as client:
                client.delete(MARK)
            await until(lambda: late.tally.sent == 2)
            for task in asking:
                task.cancel()
    told = [line for line in log if line["event"] in {"queue_of_another", "queue_free_again"}]
    assert [line["event"] for line in told] == 2 * ["queue_of_another", "queue_free_again"]
    assert "is that of shard 1/2" in told[0]["why"]
    redis_server.kill()
    assert await late.term.find_rival() is None, "a broker that does not answer ends no start"
    await queue.shutdown()


async def test_the_door_of_the_owner_stays_open_and_only_who_passes_it_renews_the_mark(
    redis_server: RedisServer,
) -> None:
    settings = ClusterSettings(broker=redis_server.url)
    first, second, stale = (TaskQueue(settings, "default:tasks", consumer=name, lease=60.0) for name in "abc")
    first.owner, second.owner, stale.owner = "1/2", "2/2", "1/2"
    assert await first.claim(7)
    with pytest.raises(OwnedError) as caught:
        await second.claim(9)
    assert caught.value.owner == "1/2"
    assert 0 < caught.value.left <= 10
    assert await first.claim(7), "a higher number of another shard closes no door"
    with redis_server.client as client:
        client.delete(MARK)
        assert not await stale.claim(6)
        assert not client.exists(MARK)
        stale.owner = "1/3"
        assert await stale.claim(8), "of a shard only its number counts"
        await first.leave()  # it leads no more: the mark is not its own
        assert client.get(MARK) == b"1/3"
        await stale.leave()
        assert await second.claim(9)
    for queue in (first, second, stale):
        await queue.shutdown()
