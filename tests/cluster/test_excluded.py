"""What is excluded while it waits for workers is not probed any more: not here, nor in the broker."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.cluster.fleet import Fleet
from scanner.cluster.flight import Flights
from scanner.cluster.jobs import Job
from scanner.cluster.results import read_answer
from scanner.cluster.stream import Stream
from scanner.cluster.tally import Tally
from scanner.cluster.task_queue import TaskQueue
from scanner.config.cluster_settings import ClusterSettings
from scanner.model import Protocol, Reason, TlsMode
from scanner.model.exclusion import Exclusion
from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import running_cluster, settings_of
from tests.servers.redis_server import RedisServer

SECONDS = 30.0
LEFT, KEPT = "left.test", "kept.test"
LIST = Exclusion(names=frozenset({LEFT}))


def job(number: int, host: str) -> Job:
    return Job(
        id=f"a-{number}",
        host=host,
        address=f"192.0.2.{number}",
        port=25,
        protocol=Protocol.SMTP,
        tls_mode=TlsMode.STARTTLS,
    )


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not is_so():
            await asyncio.sleep(0.02)


def test_who_is_excluded_while_no_worker_is_there_is_not_probed_when_there_is_one(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    document = settings_of(few_servers, redis_server)
    hosts = sorted({few_servers.place(row)[0] for row in few_servers.farm.scenarios})
    host, others = hosts[0], len(hosts) - 1
    assert others > 1
    with running_cluster(tmp_path, document) as cluster:
        cluster.wait_for("jobs_in_flight", len(hosts))  # each at an address of its own: one at a time
        cluster.wait_for("jobs_sent_total", 1)
        cluster.scheduler.write_config({**document, "exclude": [host]})
        assert cluster.scheduler.ask("/-/reload", method="POST")[0] == 200
        cluster.scheduler.running.wait_until(lambda: cluster.value("jobs_in_flight") == others)
        cluster.add_worker()
        cluster.scheduler.wait_ready()
        cluster.wait_for("results_total", 2 * others, outcome="taken")
        assert host not in {name for name, _ in few_servers.connects()}
        assert cluster.value("results_total", outcome="late") == 0
        assert cluster.value("jobs_resent_total") == 0


async def test_what_nobody_has_read_is_taken_back_and_the_rest_of_its_batch_goes_on(
    redis_server: RedisServer,
) -> None:
    settings = ClusterSettings(broker=redis_server.url, lease=60.0)
    fleet = Fleet(settings, "default", 0)
    queue = TaskQueue(settings, "default:tasks", consumer="look", lease=60.0)
    worker = Stream(settings, "default:tasks", consumer="dead", lease=60.0)
    worker.register_task(_never, task_name="mailport.probe")
    running = asyncio.create_task(fleet.run())
    async with asyncio.timeout(SECONDS):
        taken = asyncio.create_task(fleet.do(job(1, LEFT)))
        messages = worker.listen()
        await anext(messages)
        left = asyncio.create_task(fleet.do(job(2, LEFT)))
        kept = asyncio.create_task(fleet.do(job(3, KEPT)))
        await until(lambda: fleet.tally.sent == 3)
        fleet.adjust(0, LIST)
        assert await left == {"excluded": f"{LEFT} is on the exclude list"}
        await until(lambda: fleet.tally.sent == 4)
        texts = sorted(await queue.find_all())
        assert [("a-1" in text, "a-2" in text, "a-3" in text) for text in texts] in (
            [(True, False, False), (False, False, True)],
            [(False, False, True), (True, False, False)],
        )
        assert (fleet.tally.resent, taken.done(), kept.done()) == (0, False, False)
        # Whoever would take that over from a worker that died leaves it out.
        (batch,) = {one.batch for one in fleet._flights.excluded()}
        while not await worker.marked(batch):
            await asyncio.sleep(0.02)
        assert await worker.marked(batch) == {"a-1"}
        # And what comes now is not handed out at all.
        assert "excluded" in await fleet.do(job(4, LEFT))
    for task in (taken, kept, running):
        task.cancel()
    await asyncio.wait({running})
    await messages.aclose()
    for stream in (queue, worker):
        await stream.shutdown()


@pytest.mark.parametrize("how", ["lost", "returned"])
async def test_what_has_to_be_handed_out_again_is_looked_at_again(how: str) -> None:
    now = 0.0
    flights = Flights(Tally(lambda: now), 60.0, lambda: now)
    doing = asyncio.create_task(flights.do(job(1, LEFT)))
    flight = await flights.queue.get()
    flight.sent_at, flight.batch = now, "b"
    flights.leave_alone(LIST)
    await asyncio.sleep(0)
    assert not doing.done(), "a worker may be at it"
    if how == "lost":
        now = 61.0
        for _ in range(2):
            flights.resume_lost(flights.overdue(), "")
    else:
        flights.take(
            '{"worker":"w","fault":"closed","results":[{"id":"a-1","batch":"b","body":{"fault":"closed"}}]}'
        )
    answer, found = read_answer(await doing)
    assert (answer, found.reason, found.detail) == (None, Reason.EXCLUDED, f"{LEFT} is on the exclude list")
    assert flights.queue.empty()


async def _never(text: str) -> None:
    raise AssertionError(text)
