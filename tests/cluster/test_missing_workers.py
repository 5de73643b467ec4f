"""A worker that dies is told once, and one that comes back too; one that has nothing to do is not missed."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM
from typing import Any, cast

from structlog.testing import capture_logs

from scanner.cluster.presence import Presence, call_the_roll
from scanner.cluster.tally import MOST_HEARD, Tally
from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import LEASE, Cluster, running_cluster, settings_of
from tests.servers.redis_server import RedisServer
from tests.service.serving import read_log


def told(cluster: Cluster, event: str) -> list[str]:
    return [line["worker"] for line in cluster.scheduler.log if line["event"] == event]


def name_of(cluster: Cluster, number: int) -> str:
    (line,) = (line for line in read_log(cluster.workers[number]) if line["event"] == "working")
    return str(line["worker"])


def test_who_dies_or_stands_still_is_told_once_and_who_ends_in_good_order_is_not(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, settings_of(few_servers, redis_server), workers=4) as cluster:
        scheduler = cluster.scheduler.running
        dead, still, stopped, alive = (name_of(cluster, number) for number in range(4))
        scheduler.wait_until(lambda: set(told(cluster, "worker_seen")) == {dead, still, stopped, alive})
        cluster.workers[0].send(SIGKILL)
        cluster.workers[1].send(SIGSTOP)
        assert cluster.workers[2].end(SIGTERM)[0] == 0
        scheduler.wait_until(lambda: set(told(cluster, "worker_gone")) == {dead, still})
        cluster.workers[1].send(SIGCONT)
        scheduler.wait_until(lambda: told(cluster, "worker_back") == [still])
        taken = cluster.value("results_total", outcome="taken")
        cluster.wait_for(
            "results_total", taken + 4 * cluster.scheduler.value("mailport_endpoints"), outcome="taken"
        )
        assert sorted(told(cluster, "worker_gone")) == sorted([dead, still])
        assert len(told(cluster, "worker_seen")) == 4
        (line,) = (
            one for one in cluster.scheduler.log if one["event"] == "worker_gone" and one["worker"] == dead
        )
        assert line["why"].startswith("it has delivered nothing for ")
        assert "goes to another one" in line["why"]
        cluster.workers[2:3] = []


def test_where_there_is_work_for_one_alone_the_others_are_not_missed(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    document = settings_of(few_servers, redis_server, targets=few_servers.targets()[:1])
    with running_cluster(tmp_path, document, workers=3) as cluster:
        cluster.wait_for("results_total", 8, outcome="taken")
        assert not told(cluster, "worker_gone")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nobody_is_missed_for_work_that_there_was_not() -> None:
    clock = Clock()
    tally = Tally(clock)
    with capture_logs() as log:
        tally.hear("a", None)
        tally.sent = 3
        tally.hear("b", None)
        clock.now = 2 * LEASE
        assert tally.silent(LEASE) == ["a"]
        tally.miss("a")
        clock.now = 3 * LEASE
        assert tally.silent(LEASE) == []
        tally.sent = 4
        assert tally.silent(LEASE) == ["b"]
        tally.forget("b")
        tally.hear("a", None)
        tally.hear("b", None)
    shown: list[tuple[Any, ...]] = [(line["event"], line["worker"]) for line in log]
    gone = [("worker_gone", "a"), ("worker_back", "a")]
    assert shown == [("worker_seen", "a"), ("worker_seen", "b"), *gone, ("worker_seen", "b")]
    assert "for 8 s" in log[2]["why"]
    assert "after 12 s" in log[3]["why"]


def test_a_flood_of_names_is_forgotten() -> None:
    tally = Tally(lambda: 0.0)
    with capture_logs():
        for number in range(MOST_HEARD + 5):
            tally.hear(str(number), None)
    assert len(tally._heard) == MOST_HEARD


async def test_who_is_heard_while_it_is_looked_for_is_not_gone() -> None:
    clock = Clock()
    tally = Tally(clock, is_broker_up=True)
    tally.hear("late", None)
    tally.hear("idle", None)
    tally.sent, clock.now = 1, 10.0
    asked: list[set[str]] = []
    is_over = asyncio.Event()

    class Slow:
        async def silences(self, names: Iterable[str]) -> dict[str, float]:
            asked.append(set(names))
            if len(asked) > 1:
                is_over.set()
            tally.hear("late", None)
            return {"late": 10.0, "idle": 0.0}

    with capture_logs() as said:
        calling = asyncio.create_task(call_the_roll(cast("Presence", Slow()), tally, 0.01))
        await is_over.wait()
        calling.cancel()
    assert asked[:2] == [{"late", "idle"}, {"idle"}]
    assert not said
