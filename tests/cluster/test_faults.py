"""Faults of what a cluster stands on: its database, the way to a worker, a worker's clock."""

import time
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from signal import SIGKILL, SIGTERM

from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import INTERVAL, LEASE, Cluster, longest_gap, running_cluster, settings_of
from tests.cluster.figures import blocked, check_recovery, check_servers, tell
from tests.cluster.watchers import leads, watchers
from tests.servers.partition import partition_before
from tests.servers.postgres import Postgres
from tests.servers.receiver import receiving
from tests.servers.redis_server import PASSWORD, RedisServer

SLACK = 20.0
"""Seconds that a machine busy with other tests may take besides."""
DELIVERY = b"XADD"
"""What a worker says to the broker when it tells of results."""


def probe_all(cluster: Cluster, times: int = 4) -> None:
    """Wait until everything has been probed so often again."""
    total = cluster.scheduler.value("mailport_endpoints")
    taken = cluster.value("results_total", outcome="taken")
    cluster.wait_for("results_total", taken + times * total, outcome="taken")


def test_a_killed_database_stops_no_probe_and_loses_nothing_that_was_learnt(
    few_servers: RunningFarm, redis_server: RedisServer, own_postgres: Postgres, tmp_path: Path
) -> None:
    with watchers(tmp_path, few_servers, redis_server, own_postgres) as pair:
        first = pair.add()
        cluster = pair.add_workers(first)
        first.wait_ready()
        second = pair.add()
        began = time.monotonic()
        own_postgres.kill()
        first.wait_for_event("lease_unknown")
        probe_all(cluster)
        event = pair.strip()
        first.running.wait_until(
            lambda: bool(first.samples("mailport_endpoint_verdict", verdict="starttls_missing"))
        )
        # Longer than a takeover takes: nobody can begin to lead meanwhile.
        second.running.wait_until(lambda: "it waits for PostgreSQL" in second.ask("/-/ready")[1])
        first.wait_for_event("lease_unknown")
        probe_all(cluster, 8)
        assert (leads(first), leads(second)) == (True, False)
        gap = longest_gap(few_servers, began, time.monotonic() - INTERVAL)
        own_postgres.start()
        back = time.monotonic()
        first.running.wait_until(lambda: event in pair.events())
        back = time.monotonic() - back
        tell(f"PostgreSQL killed: longest gap {gap:.1f} s; all written {back:.1f} s after it")
        first.wait_for_event("lease_known_again")
        check_recovery("PostgreSQL killed and back", few_servers, first, time.monotonic() - back)
        assert pair.events().count(event) == 1
        assert (leads(first), leads(second)) == (True, False)
        assert not [line for line in first.log if line["event"] == "lease_lost"]
        assert gap < LEASE + 2 * INTERVAL + SLACK


def test_what_happens_while_nobody_can_tell_who_leads_is_told_once_and_not_before(
    few_servers: RunningFarm, redis_server: RedisServer, own_postgres: Postgres, tmp_path: Path
) -> None:
    with (
        receiving() as receiver,
        watchers(tmp_path, few_servers, redis_server, own_postgres) as pair,
    ):
        pair.document["events"] = {"webhook": f"http://127.0.0.1:{receiver.port}/in"}
        first = pair.add()
        pair.add_workers(first)
        first.wait_ready()
        own_postgres.kill()
        redis_server.kill()
        first.running.wait_until(lambda: not leads(first))
        began = time.monotonic()
        receiver.posted = SimpleQueue()
        fewer = [target for target in pair.document["targets"] if "cert-expired" not in target]
        first.write_config({**pair.document, "targets": fewer})
        assert first.ask("/-/reload", method="POST")[0] == 200
        first.wait_for_event("incident_closed")
        first.wait_for_event("events_held")
        assert not leads(first)
        assert receiver.posted.empty()
        redis_server.start()  # by the broker it is known that nobody else leads
        told = receiver.take(SLACK + 2 * LEASE)
        assert (told["kind"], told["name"]) == ("incident_closed", "certificate_expired")
        tell(f"PostgreSQL and Redis away: what was held is told {time.monotonic() - began:.1f} s after it")
        own_postgres.start()
        rows = "SELECT count(*) FROM events WHERE kind = 'incident_closed'"
        first.running.wait_until(lambda: pair.rows(rows) == [(1,)])
        assert first.running.end(SIGTERM)[0] == 0
        assert receiver.posted.empty(), "told twice"
        check_servers(few_servers)


def test_a_worker_that_was_cut_off_comes_back_with_results_that_nobody_waits_for(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    with (
        partition_before(("127.0.0.1", redis_server.port)) as partition,
        running_cluster(tmp_path, settings_of(few_servers, redis_server)) as cluster,
    ):
        far = redis_server.url.replace(str(redis_server.port), str(partition.port))
        assert PASSWORD.replace("%", "%25") in far
        cluster.add_worker(cluster={"broker": far})
        cluster.scheduler.wait_ready()
        began = time.monotonic()
        late = cluster.value("results_total", outcome="late")
        # It is cut off where it tells of results, of which another one has told when they arrive.
        partition.cut_before(DELIVERY)
        cluster.scheduler.running.wait_until(lambda: partition.is_cut)
        cluster.add_worker()
        probe_all(cluster)
        partition.mend()
        mended = time.monotonic()
        cluster.wait_for("results_total", late + 1, outcome="late")
        check_recovery("a worker cut off from Redis and back", few_servers, cluster.scheduler, mended)
        found = cluster.value("results_total", outcome="late")
        gap = longest_gap(few_servers, began, time.monotonic() - INTERVAL)
        tell(f"a worker cut off: {found:.0f} late results; longest gap {gap:.1f} s")
        assert gap < 2 * LEASE + 2 * INTERVAL + SLACK


def test_a_clock_five_minutes_off_dates_nothing(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    with running_cluster(tmp_path, settings_of(few_servers, redis_server)) as cluster:
        for offset in ("+5m", "-5m"):
            began = datetime.now(UTC).timestamp()
            skewed = {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            worker = cluster.add_worker(env=skewed)
            stamp = datetime.fromisoformat(worker.stderr.partition('"timestamp": "')[2][:19] + "+00:00")
            assert abs(abs(stamp.timestamp() - began) - 300) < 60, "the worker's clock is not skewed"
            cluster.scheduler.wait_ready()
            probe_all(cluster)
            corrected = cluster.value("dates_corrected_total")
            stamps = [each.value for each in cluster.scheduler.samples("mailport_probe_timestamp_seconds")]
            now = datetime.now(UTC).timestamp()
            assert stamps
            assert all(began <= stamp <= now + 1 for stamp in stamps), (began, stamps, now)
            assert corrected >= cluster.scheduler.value("mailport_endpoints")
            tell(f"clock {offset}: {corrected:.0f} dates corrected; {check_servers(few_servers)}")
            worker.send(SIGKILL)
            cluster.workers.clear()
        assert not blocked(cluster.scheduler)
