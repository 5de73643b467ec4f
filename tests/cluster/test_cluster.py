"""A scheduler and four workers with a real Redis: nothing is lost, nothing is asked too often."""

import time
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import pytest

from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import INTERVAL, LEASE, connections, longest_gap, running_cluster, settings_of
from tests.cluster.figures import blocked, check_recovery, check_servers, slowed, tell, wait_for_probes
from tests.servers.redis_server import RedisServer
from tests.service.serving import read_log

WORKERS = 4


def test_workers_probe_what_one_process_would(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, settings_of(few_servers, redis_server), workers=WORKERS) as cluster:
        cluster.scheduler.wait_ready()
        total = cluster.scheduler.value("mailport_endpoints")
        assert len(cluster.scheduler.places()) == total
        for row in few_servers.farm.scenarios:
            host, port = few_servers.place(row)
            sample = {"host": host, "port": str(port), "state": row.state.value}
            assert cluster.scheduler.value("mailport_endpoint_state", **sample) == 1, sample
        cluster.wait_for("results_total", 6 * total, outcome="taken")
        assert cluster.value("workers") == WORKERS
        assert cluster.value("broker_up") == 1
        assert cluster.value("results_total", outcome="late") == 0
        assert cluster.value("jobs_resent_total") == 0
        # What is done is gone: the queues do not grow.
        with redis_server.client as client:
            for key in client.scan_iter():
                assert client.type(key) != b"stream" or client.xlen(key) <= 2 * WORKERS
        statuses = [worker.end(SIGTERM)[0] for worker in cluster.workers]
        assert statuses == [0] * WORKERS
    check_servers(few_servers)


def test_a_killed_worker_costs_one_lease_and_nothing_else(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, settings_of(few_servers, redis_server), workers=WORKERS) as cluster:
        cluster.scheduler.wait_ready()
        begun = time.monotonic()
        for worker in cluster.workers[:2]:
            worker.send(SIGKILL)
        check_recovery("two of four workers killed", few_servers, cluster.scheduler, begun)
        cluster.workers[:2] = []
    gap = longest_gap(few_servers, begun, time.monotonic() - LEASE - INTERVAL)
    tell(f"two of four workers killed: the longest that a port was not probed {gap:.1f} s")
    assert gap < LEASE + 3 * INTERVAL


@pytest.mark.parametrize("is_durable", [False, True], ids=["forgetful", "durable"])
def test_a_killed_broker_costs_its_outage_and_a_lease(
    few_servers: RunningFarm, is_durable: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    broker: RedisServer = request.getfixturevalue("durable_redis" if is_durable else "redis_server")
    with running_cluster(tmp_path, settings_of(few_servers, broker), workers=WORKERS) as cluster:
        cluster.scheduler.wait_ready()
        killed = time.monotonic()
        broker.kill()
        cluster.scheduler.running.wait_until(lambda: cluster.value("broker_up") == 0)
        # Nothing is said of any server meanwhile; how late everything is, is.
        cluster.scheduler.running.wait_until(
            lambda: cluster.scheduler.value("mailport_scheduler_lag_seconds") > INTERVAL
        )
        assert not blocked(cluster.scheduler)
        broker.start()
        began = time.monotonic()
        name = "durable" if is_durable else "forgetful"
        what = f"{name} Redis killed, away for {began - killed:.1f} s"
        check_recovery(what, few_servers, cluster.scheduler, began)
        assert cluster.value("broker_up") == 1
        cluster.scheduler.running.wait_until(
            lambda: cluster.scheduler.value("mailport_scheduler_lag_seconds") < INTERVAL
        )


def test_poison_harms_nobody(few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path) -> None:
    with running_cluster(tmp_path, settings_of(few_servers, redis_server), workers=WORKERS) as cluster:
        cluster.scheduler.wait_ready()
        with redis_server.client as client:
            (tasks,) = client.scan_iter(match="*:tasks")
            (results,) = client.scan_iter(match="*:results")
            for queue in (tasks, results):
                for poison in (b"", b"{", b"\x80\x04\x95c__builtin__\neval\n", b'{"task_id":"1"}'):
                    client.xadd(queue, {"data": poison})
                client.xadd(queue, {"other": "field"})
            name = b"mailport.probe"
            for batch in (b'"x"', b'"{\\"id\\":\\"1\\",\\"jobs\\":[]}"', b"7", b"{}"):
                labels = b'"labels":{},"kwargs":{},"task_id":"1"'
                client.xadd(tasks, {"data": b'{%s,"task_name":"%s","args":[%s]}' % (labels, name, batch)})
        check_recovery("14 poisoned messages", few_servers, cluster.scheduler, time.monotonic())
        with redis_server.client as client:
            assert client.xlen(tasks) <= 2 * WORKERS
            assert client.xlen(results) <= 2 * WORKERS
        events = [line["event"] for worker in cluster.workers for line in read_log(worker)]
        assert events.count("task_refused") == 4
        assert events.count("message_refused") == 5
        assert not [line for worker in cluster.workers for line in read_log(worker) if "exception" in line]
        assert all(worker.process.poll() is None for worker in cluster.workers)


def test_a_worker_that_stands_still_is_no_loss_and_its_results_are_late(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, settings_of(few_servers, redis_server), workers=2) as cluster:
        cluster.scheduler.wait_ready()
        slow = cluster.workers[0]
        total = cluster.scheduler.value("mailport_endpoints")
        for _ in range(3):
            slow.send(SIGSTOP)
            taken = cluster.value("results_total", outcome="taken")
            cluster.wait_for("results_total", taken + 5 * total, outcome="taken")
            slow.send(SIGCONT)
        # A connection of the one that stands still is open until it goes on: nobody else can end it.
        what = "one of two workers stopped three times"
        check_recovery(what, few_servers, cluster.scheduler, time.monotonic(), at_once=2)


def test_a_slow_worker_holds_nobody_up_and_blames_nobody(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, settings_of(few_servers, redis_server), workers=2) as cluster:
        cluster.scheduler.wait_ready()
        # It stands still for four fifths of the time; what it took it ends, if late.
        with slowed(cluster.workers[0]):
            began = time.monotonic()
            wait_for_probes(few_servers, cluster.scheduler, began, 5)
            assert cluster.value("workers") == 2, "it does what it can"
            states = cluster.scheduler.samples("mailport_endpoint_state")
            assert {one.labels["state"] for one in states if one.value} == {"open"}
            gap = longest_gap(few_servers, began, time.monotonic() - INTERVAL)
            tell(f"a worker at a fifth of its speed: at most {gap:.1f} s between two probes")
            assert gap < LEASE + 2 * INTERVAL
        check_recovery("a worker that was slow", few_servers, cluster.scheduler, time.monotonic())


def test_the_rate_holds_over_all_workers_and_when_they_come_back(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    rate = 8
    document = settings_of(few_servers, redis_server, limits={"rate": rate}, schedule={"interval": 1})
    with running_cluster(tmp_path, document) as cluster:
        # Nobody works: what is due piles up here, and not in the broker.
        cluster.scheduler.running.wait_until(
            lambda: cluster.scheduler.value("mailport_scheduler_lag_seconds") > 3
        )
        for _ in range(WORKERS):
            cluster.add_worker()
        cluster.wait_for("results_total", 60, outcome="taken")
        for worker in cluster.workers:
            worker.send(SIGKILL)
        cluster.workers.clear()
        cluster.scheduler.running.wait_until(
            lambda: cluster.scheduler.value("mailport_scheduler_lag_seconds") > 3
        )
        taken = cluster.value("results_total", outcome="taken")
        for _ in range(WORKERS):
            cluster.add_worker()
        cluster.wait_for("results_total", taken + 60, outcome="taken")
    tell(f"a backlog, and four workers come, twice: {check_servers(few_servers, rate)}")


def test_a_worker_connects_to_no_address_that_its_own_settings_forbid(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, settings_of(few_servers, redis_server)) as cluster:
        cluster.add_worker(probe={"allow_private": False})
        cluster.scheduler.wait_ready()
        reasons = cluster.scheduler.samples("mailport_endpoint_reason_info")
        assert {each.labels["reason"] for each in reasons} == {"address_not_allowed"}
    assert connections(few_servers) == {}


def test_a_worker_connects_to_nobody_whom_its_own_settings_exclude(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, settings_of(few_servers, redis_server)) as cluster:
        cluster.document["exclude"] = ["mail.test"]
        cluster.add_worker()
        cluster.scheduler.wait_ready()
        reasons = cluster.scheduler.samples("mailport_endpoint_reason_info")
        assert {each.labels["reason"] for each in reasons} == {"excluded"}
        assert {each.value for each in cluster.scheduler.samples("mailport_endpoint_blocked")} <= {0}
    assert connections(few_servers) == {}


def test_a_broker_that_comes_later_is_waited_for(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    redis_server.kill()
    with running_cluster(tmp_path, settings_of(few_servers, redis_server), workers=1) as cluster:
        (worker,) = cluster.workers
        worker.wait_until(lambda: any(line["event"] == "broker_failed" for line in read_log(worker)))
        cluster.scheduler.wait_for_event("broker_failed")
        assert cluster.value("broker_up") == 0
        assert not [line for line in read_log(worker) if "exception" in line]
        redis_server.start()
        cluster.scheduler.wait_ready()
        assert cluster.value("broker_up") == 1
