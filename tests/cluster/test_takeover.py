"""Two schedulers and one PostgreSQL: one leads, the other takes over, and neither does the other's work."""

import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import pytest

from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import INTERVAL, LEASE, longest_gap
from tests.cluster.figures import blocked, check_recovery, check_servers, tell
from tests.cluster.watchers import TAKEOVER, Watchers, leads, watchers
from tests.servers.postgres import Postgres
from tests.servers.redis_server import RedisServer
from tests.service.serving import Service

SOON = 20.0
"""Seconds: what a takeover may cost on a machine that is busy with other tests."""


@pytest.fixture
def pair(
    few_servers: RunningFarm, redis_server: RedisServer, postgres: Postgres, tmp_path: Path
) -> Iterator[Watchers]:
    with watchers(tmp_path, few_servers, redis_server, postgres) as found:
        yield found


def check_takeover(pair: Watchers, second: Service, what: str, began: float) -> None:
    """The second leads soon, probes everything at its pace, and forgets nothing."""
    second.running.wait_until(lambda: leads(second))
    took = time.monotonic() - began
    second.wait_ready()
    check_recovery(what, pair.farm, second, began)
    gap = longest_gap(pair.farm, began, time.monotonic() - INTERVAL)
    tell(f"{what}: leads after {took:.1f} s; the longest that a port was not probed: {gap:.1f} s")
    assert took < TAKEOVER + SOON
    assert gap < TAKEOVER + LEASE + 2 * INTERVAL + SOON


def test_a_standby_says_so_and_leaves_the_first_its_work(pair: Watchers) -> None:
    first = pair.add()
    pair.add_workers(first)
    first.wait_ready()
    second = pair.add()
    assert second.log[-1]["event"] == "standing_by"
    assert (leads(first), leads(second)) == (True, False)
    status, text = second.ask("/-/ready")
    assert (status, text.startswith("mailport is a standby: the scheduler on ")) == (503, True)
    status, text = second.ask("/-/healthy")
    assert (status, text.startswith("mailport is a standby: ")) == (200, True)
    assert second.ask("/api/v1/domains")[0] == 503
    status, text = second.ask("/")
    assert (status, "This mailport is a standby: the scheduler on" in text) == (503, True)
    total = first.value("mailport_endpoints")
    before = first.value("mailport_cluster_results_total", outcome="taken")
    first.running.wait_until(
        lambda: first.value("mailport_cluster_results_total", outcome="taken") >= before + 4 * total
    )
    assert first.value("mailport_cluster_jobs_resent_total") == 0
    assert first.value("mailport_cluster_results_total", outcome="late") == 0
    began = time.monotonic()
    assert first.running.end(SIGTERM)[0] == 0
    check_takeover(pair, second, "clean stop", began)


def test_a_killed_scheduler_is_followed_with_its_baselines_and_no_alert_twice(pair: Watchers) -> None:
    first = pair.add()
    pair.add_workers(first)
    first.wait_ready()
    second = pair.add()
    event = pair.strip()
    first.running.wait_until(lambda: event in pair.events())
    began = time.monotonic()
    first.running.send(SIGKILL)
    check_takeover(pair, second, "kill -9", began)
    assert pair.events().count(event) == 1
    verdicts = second.samples("mailport_endpoint_verdict", verdict="starttls_missing", kind="downgrade")
    assert len(verdicts) == 1, "it is a downgrade for who has the baseline only"


def test_a_scheduler_that_stood_still_finds_that_it_leads_no_more(pair: Watchers) -> None:
    first = pair.add()
    pair.add_workers(first)
    first.wait_ready()
    second = pair.add()
    began = time.monotonic()
    first.running.send(SIGSTOP)
    event = pair.strip()
    check_takeover(pair, second, "SIGSTOP", began)
    second.running.wait_until(lambda: event in pair.events())
    first.running.send(SIGCONT)
    woken = time.monotonic()
    first.wait_for_event("standing_by")
    tell(f"standby {time.monotonic() - woken:.1f} s after SIGCONT")
    assert not leads(first)
    total = second.value("mailport_endpoints")
    before = second.value("mailport_cluster_results_total", outcome="taken")
    second.running.wait_until(
        lambda: second.value("mailport_cluster_results_total", outcome="taken") >= before + 4 * total
    )
    assert pair.events().count(event) == 1
    # What is written twice would be two samples of one moment.
    assert not pair.rows(
        "SELECT endpoint_id, started_at FROM samples GROUP BY endpoint_id, started_at HAVING count(*) > 1"
    )
    assert not blocked(second)
    check_servers(pair.farm)
    # And back again.
    second.running.send(SIGKILL)
    first.running.wait_until(lambda: leads(first))


def test_a_restart_without_a_standby_waits_for_nobody(pair: Watchers) -> None:
    first = pair.add()
    pair.add_workers(first)
    first.wait_ready()
    for number, name in ((SIGTERM, "stopped"), (SIGKILL, "killed")):
        first.running.send(number)
        first.running.process.wait(SOON)
        began = time.monotonic()
        first = pair.add()
        check_takeover(pair, first, f"restart of one that was {name}", began)
        assert not [line for line in first.log if line["event"] == "standing_by"]
