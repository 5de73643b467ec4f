"""A worker whose own way out is closed: its failures are its own, and no server is called blocked."""

import time
from pathlib import Path
from signal import SIGTERM
from typing import Any

from tests.cli.running_farm import RunningFarm, open_rows
from tests.cluster.closed_way import SOURCE, closed
from tests.cluster.cluster import Cluster, running_cluster, settings_of
from tests.cluster.figures import blocked, check_servers, tell
from tests.servers.redis_server import RedisServer
from tests.service.serving import read_log

CONTROL = "auth-in-clear"


def document_of(farm: RunningFarm, broker: RedisServer) -> tuple[dict[str, Any], int]:
    """Return settings with controls on the port of a server, which others of the farm stand for, and it."""
    rows = farm.farm.scenarios
    (row,) = (row for row in rows if row.name == "healthy" and row.port == 587)
    controls = [farm.farm.target_of(one) for one in rows if one.name == CONTROL and one.port == 587]
    assert controls
    port = farm.farm.port_of(row)
    # The time for two rounds of controls is in it.
    document = settings_of(farm, broker, cluster={"lease": 15})
    document["targets"] = farm.targets("healthy")
    document["controls"] = {"ports": {port: controls}, "https": [], "dark": None}
    document["probe"] = {**document["probe"], "connect_timeout": 0.5}
    return document, port


def probe_more(cluster: Cluster, times: int) -> None:
    total = cluster.scheduler.value("mailport_endpoints")
    taken = cluster.value("results_total", outcome="taken")
    cluster.wait_for("results_total", taken + times * total, outcome="taken")


def test_one_of_two_workers_without_a_way_out_makes_no_server_blocked(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with open_rows("healthy", CONTROL) as farm:
        document, port = document_of(farm, redis_server)
        with running_cluster(tmp_path, document, workers=1) as cluster:
            cluster.scheduler.wait_ready()
            probe_more(cluster, 2)
            bad = cluster.add_worker(probe={"source_address": SOURCE})
            (line,) = (line for line in read_log(bad) if line["event"] == "working")
            # With both, the rhythm of their turns may have the other one make every probe of that port.
            assert cluster.workers[0].end(SIGTERM)[0] == 0
            with closed(port):
                began = time.monotonic()
                told = cluster.scheduler.wait_for_event("worker_cut_off")
                took = time.monotonic() - began
                assert told["worker"] == line["worker"]
                assert f"port {port}" in told["why"]
                (gauge,) = (
                    one.labels["worker"]
                    for one in cluster.scheduler.samples("mailport_cluster_worker_cut_off")
                    if one.value
                )
                assert gauge == line["worker"]
                cluster.add_worker()
                cluster.scheduler.running.wait_until(
                    lambda: "other workers make its probes" in cluster.scheduler.ask("/")[1]
                )
                assert f"is cut off, {line['worker']}: " in cluster.scheduler.ask("/")[1]
                probe_more(cluster, 6)
                cluster.wait_for("results_total", 1, outcome="returned")
                assert not blocked(cluster.scheduler)
                states = cluster.scheduler.samples("mailport_endpoint_state")
                assert {one.labels["state"] for one in states if one.value} == {"open"}
            back = time.monotonic()
            cluster.scheduler.wait_for_event("worker_has_way_out")
            took_back = time.monotonic() - back
            returned = cluster.value("results_total", outcome="returned")
            tell(
                f"cut off: told after {took:.1f} s, and that it is over after {took_back:.1f} s; "
                f"{returned:.0f} probes made again by another worker; {check_servers(farm)}"
            )
            assert "is cut off" not in cluster.scheduler.ask("/")[1]
            bad_events = [line["event"] for line in read_log(bad)]
            assert bad_events.count("way_out_closed") == 1
            assert bad_events.count("way_out_open") == 1


def test_where_no_worker_has_a_way_out_our_own_network_is_to_blame(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with open_rows("healthy", CONTROL) as farm:
        document, port = document_of(farm, redis_server)
        document["probe"]["source_address"] = SOURCE
        with running_cluster(tmp_path, document, workers=2) as cluster, closed(port):
            cluster.scheduler.wait_ready()
            probe_more(cluster, 4)
            assert not blocked(cluster.scheduler)
            reasons = cluster.scheduler.samples("mailport_endpoint_reason_info")
            found = {(one.labels["port"], one.labels["reason"]) for one in reasons}
            assert found == {(str(port), "egress_blocked")}
            assert "no other worker has a way out" in cluster.scheduler.ask("/")[1]
            tell(f"no worker has a way out: {len(found)} port, egress_blocked; {check_servers(farm)}")
