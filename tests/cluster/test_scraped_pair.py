"""Two schedulers as docker-compose.yml starts them, and a real Prometheus with what is shipped for it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

from tests.alerts.hurry import hurry, write_rules
from tests.alerts.ruling import PROMETHEUS, ROOT, load
from tests.cli.running_farm import open_rows
from tests.cluster.watchers import leads, watchers
from tests.servers.postgres import Postgres
from tests.servers.process import wait_until
from tests.servers.prometheus import Prometheus, ScrapeJob, run_prometheus
from tests.servers.redis_server import RedisServer
from tests.service.serving import Service

FIRST, SECOND = "scheduler-1:9587", "scheduler-2:9587"
INTERVAL = "500ms"
SECONDS = 90.0


@contextmanager
def scraping(folder: Path, places: dict[str, Service]) -> Iterator[Prometheus]:
    """Run Prometheus with the shipped configuration of the cluster; its names lead to loopback."""
    document = load(PROMETHEUS / "cluster.yml")
    assert document["rule_files"] == ["rules/*.yml"]
    jobs = []
    for shipped in document["scrape_configs"]:
        if shipped["job_name"] == "prometheus":  # it scrapes itself, at a port of its own here
            continue
        (static,) = shipped.pop("static_configs")
        names = static["targets"]
        assert sorted(names) == sorted(places)
        relabel = [
            {
                "source_labels": ["__address__"],
                "regex": places[name].address,
                "target_label": "instance",
                "replacement": name,
            }
            for name in names
        ]
        targets = [places[name].address for name in names]
        jobs.append(ScrapeJob(shipped.pop("job_name"), targets, more={"relabel_configs": relabel, **shipped}))
    folder.mkdir()
    rules = write_rules(folder, hurry)
    with run_prometheus(folder / "prometheus", jobs, rule_files=rules, interval=INTERVAL) as running:
        yield running


def values(prometheus: Prometheus, query: str) -> dict[str, float]:
    return {one.labels["instance"]: one.value for one in prometheus.query(query)}


def test_one_leads_nothing_fires_and_a_leader_that_is_gone_is_told_as_that(
    redis_server: RedisServer, postgres: Postgres, tmp_path: Path
) -> None:
    compose: dict[str, Any] = load(ROOT / "docker-compose.yml")["services"]
    pair_of_compose = sorted(
        name for name, one in compose.items() if one.get("hostname", "").startswith("scheduler")
    )
    assert [f"{name}:9587" for name in pair_of_compose] == [FIRST, SECOND]
    with (
        open_rows("healthy", "tls12-only") as farm,
        watchers(tmp_path, farm, redis_server, postgres) as pair,
    ):
        first = pair.add()
        pair.add_workers(first)
        first.wait_ready()
        second = pair.add()
        with scraping(tmp_path / "rules", {FIRST: first, SECOND: second}) as prometheus:
            prometheus.wait_for("up{job='mailport'} == 1", lambda found: len(found) == 2)

            def told() -> list[tuple[str, str, str]]:
                return [
                    (one["labels"]["alertname"], one["labels"].get("instance", ""), one["state"])
                    for one in prometheus.alerts()
                ]

            # Two seconds without a first scrape are two minutes here.
            assert wait_until(lambda: all(name != "MailportDown" for name, _, _ in told()), SECONDS), told()
            seen_up = time.monotonic()
            assert values(prometheus, "mailport_cluster_leader") == {FIRST: 1, SECOND: 0}
            # Long enough for what is so since the start to fire: most wait for a quarter of an hour at most.
            prometheus.wait_for(
                "count_over_time(up{job='mailport'}[1h]) > 40", lambda found: len(found) == 2, SECONDS
            )
            window = f"{int(time.monotonic() - seen_up)}s"
            fired = f"count by (alertname) (last_over_time(ALERTS{{alertstate='firing'}}[{window}]))"
            assert prometheus.query(fired) == []
            first.running.send(SIGKILL)
            second.running.wait_until(lambda: leads(second))
            expected = [("MailportNoStandby", FIRST, "firing")]
            assert wait_until(lambda: told() == expected, SECONDS), told()
            assert values(prometheus, "up{job='mailport'}") == {FIRST: 0, SECOND: 1}
            assert values(prometheus, "mailport_cluster_leader") == {SECOND: 1}
            (alert,) = prometheus.alerts()
            assert f"Prometheus gets no metrics from {FIRST}. " in alert["annotations"]["description"]
