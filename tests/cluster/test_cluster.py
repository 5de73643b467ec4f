"""A scheduler and four workers with a real Redis: nothing is lost, nothing is asked too often."""

import time
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import pytest

from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import (
    INTERVAL,
    LEASE,
    busiest,
    connections,
    longest_gap,
    most_at_once,
    running_cluster,
    settings_of,
)
from tests.servers.redis_server import RedisServer
from tests.service.serving import read_log

WORKERS = 4


def addresses(farm: RunningFarm) -> set[str]:
    return {address for address, _ in connections(farm)}


def check_politeness(farm: RunningFarm) -> None:
    """No address had two connections at once, from whichever worker."""
    assert {address: most_at_once(farm, address) for address in addresses(farm)} == dict.fromkeys(
        addresses(farm), 1
    )


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
    check_politeness(few_servers)


def test_a_killed_worker_costs_one_lease_and_nothing_else(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with running_cluster(tmp_path, settings_of(few_servers, redis_server), workers=WORKERS) as cluster:
        cluster.scheduler.wait_ready()
        begun = time.monotonic()
        for worker in cluster.workers[:2]:
            worker.send(SIGKILL)
        total = cluster.scheduler.value("mailport_endpoints")
        taken = cluster.value("results_total", outcome="taken")
        cluster.wait_for("results_total", taken + 8 * total, outcome="taken")
        assert cluster.scheduler.samples("mailport_endpoint_state", state="blocked")
        assert not [each for each in cluster.scheduler.samples("mailport_endpoint_blocked") if each.value]
        cluster.workers[:2] = []
    assert longest_gap(few_servers, begun, time.monotonic() - LEASE - INTERVAL) < LEASE + 3 * INTERVAL
    check_politeness(few_servers)


@pytest.mark.parametrize("is_durable", [False, True], ids=["forgetful", "durable"])
def test_a_killed_broker_costs_its_outage_and_a_lease(
    few_servers: RunningFarm, is_durable: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    broker: RedisServer = request.getfixturevalue("durable_redis" if is_durable else "redis_server")
    with running_cluster(tmp_path, settings_of(few_servers, broker), workers=WORKERS) as cluster:
        cluster.scheduler.wait_ready()
        broker.kill()
        cluster.scheduler.running.wait_until(lambda: cluster.value("broker_up") == 0)
        # Nothing is said of any server meanwhile; how late everything is, is.
        cluster.scheduler.running.wait_until(
            lambda: cluster.scheduler.value("mailport_scheduler_lag_seconds") > INTERVAL
        )
        assert not [each for each in cluster.scheduler.samples("mailport_endpoint_blocked") if each.value]
        broker.start()
        total = cluster.scheduler.value("mailport_endpoints")
        taken = cluster.value("results_total", outcome="taken")
        cluster.wait_for("results_total", taken + 4 * total, outcome="taken")
        assert cluster.value("broker_up") == 1
        cluster.scheduler.running.wait_until(
            lambda: cluster.scheduler.value("mailport_scheduler_lag_seconds") < INTERVAL
        )
        assert not [each for each in cluster.scheduler.samples("mailport_endpoint_blocked") if each.value]
    check_politeness(few_servers)


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
        taken = cluster.value("results_total", outcome="taken")
        total = cluster.scheduler.value("mailport_endpoints")
        cluster.wait_for("results_total", taken + 4 * total, outcome="taken")
        with redis_server.client as client:
            assert client.xlen(tasks) <= 2 * WORKERS
            assert client.xlen(results) <= 2 * WORKERS
        events = [line["event"] for worker in cluster.workers for line in read_log(worker)]
        assert events.count("task_refused") == 4
        assert events.count("message_refused") == 5
        assert not [line for worker in cluster.workers for line in read_log(worker) if "exception" in line]
        assert all(worker.process.poll() is None for worker in cluster.workers)
    check_politeness(few_servers)


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
        taken = cluster.value("results_total", outcome="taken")
        cluster.wait_for("results_total", taken + 2 * total, outcome="taken")
        assert not [each for each in cluster.scheduler.samples("mailport_endpoint_blocked") if each.value]


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
    # Three batches may have waited for workers.
    assert busiest(few_servers, 4.0) <= rate * 4 + 3 * 8
    check_politeness(few_servers)


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
        assert cluster.value("broker_up") == 0
        assert not [line for line in read_log(worker) if "exception" in line]
        redis_server.start()
        cluster.scheduler.wait_ready()
        assert cluster.value("broker_up") == 1
