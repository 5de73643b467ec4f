"""A worker heeds a changed exclude list without a restart, and keeps the former where a new one is bad."""

from pathlib import Path
from signal import SIGHUP
from typing import Any

from tests.cli.command import Running
from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import Cluster, running_cluster, settings_of
from tests.servers.redis_server import RedisServer
from tests.service.serving import read_log, write_config


def said(worker: Running, event: str) -> list[dict[str, Any]]:
    return [line for line in read_log(worker) if line["event"] == event]


def hosts_of(farm: RunningFarm) -> list[str]:
    return sorted({farm.place(row)[0] for row in farm.farm.scenarios})


def probed_meanwhile(cluster: Cluster, farm: RunningFarm) -> set[str]:
    """Return whose servers were connected to while each was due twice."""
    before = len(farm.connects())
    hosts = len(hosts_of(farm))
    cluster.wait_for(
        "results_total", cluster.value("results_total", outcome="taken") + 3 * hosts, outcome="taken"
    )
    return {host for host, _ in farm.connects()[before:]}


def test_a_file_that_has_changed_is_heeded_by_itself(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    left, *others = hosts_of(few_servers)
    file = tmp_path / "exclude.txt"
    file.write_text("nobody.test\n")
    with running_cluster(tmp_path, settings_of(few_servers, redis_server)) as cluster:
        cluster.document = {**cluster.document, "exclude": {"file": str(file)}}
        worker = cluster.add_worker()
        cluster.scheduler.wait_ready()
        assert probed_meanwhile(cluster, few_servers) == {left, *others}
        file.write_text(f"{left}\n")
        worker.wait_until(lambda: bool(said(worker, "reloaded")))
        assert probed_meanwhile(cluster, few_servers) == set(others)


def test_a_signal_has_the_settings_read_again_and_ends_nothing(
    few_servers: RunningFarm, redis_server: RedisServer, tmp_path: Path
) -> None:
    left, *others = hosts_of(few_servers)
    with running_cluster(tmp_path, settings_of(few_servers, redis_server), workers=1) as cluster:
        (worker,) = cluster.workers
        document = {key: value for key, value in cluster.document.items() if key != "targets"}
        (folder,) = tmp_path.glob("worker-*")
        cluster.scheduler.wait_ready()
        write_config(folder, {**document, "exclude": [left], "vantage": "oslo"})
        worker.send(SIGHUP)
        worker.wait_until(lambda: bool(said(worker, "restart_needed")))
        assert said(worker, "restart_needed")[0]["settings"] == ["vantage"]
        assert probed_meanwhile(cluster, few_servers) == set(others)
        write_config(folder, {**document, "exclude": ["no host at all"]})
        worker.send(SIGHUP)
        worker.wait_until(lambda: bool(said(worker, "reload_failed")))
        assert "exclude" in said(worker, "reload_failed")[0]["problems"][0]
        assert probed_meanwhile(cluster, few_servers) == set(others)
