"""A scheduler that dies while it compares vantages: the next goes on, and each trouble is told once."""

import time
from collections import Counter
from pathlib import Path
from signal import SIGKILL

from tests.cli.running_farm import RunningFarm
from tests.cluster.closed_way import SOURCE, close, closed
from tests.cluster.cluster import INTERVAL, LEASE, RATE, Cluster, longest_gap
from tests.cluster.figures import SLACK, blocked, check_servers, tell, wait_for_probes
from tests.cluster.watchers import TAKEOVER, leads, watchers
from tests.servers.postgres import Postgres
from tests.servers.receiver import Receiver, receiving
from tests.servers.redis_server import RedisServer
from tests.service.serving import Service

SHUT, STRIPPED = "target_blocks_us", "starttls_missing"
ROME = "rome"
_TOLD = """SELECT kind, body::json->>'name' FROM events WHERE kind LIKE 'incident_%'
AND body::json->>'name' IN ('target_blocks_us', 'starttls_missing')"""


def from_rome(scheduler: Service) -> list[str]:
    """Return the hosts of all ports that have been looked at from rome."""
    return [one.labels["host"] for one in scheduler.samples("mailport_probe_success", vantage=ROME)]


def shut_out(scheduler: Service) -> set[tuple[str, int]]:
    """Return where rome is not let in by its last look."""
    samples = scheduler.samples("mailport_endpoint_reason_info", vantage=ROME, reason=SHUT)
    return {(one.labels["host"], int(one.labels["port"])) for one in samples}


def hear(receiver: Receiver, heard: dict[str, tuple[object, ...]]) -> int:
    """Note which of the two were posted since the last time; return how many that are by now.

    One that the kill met as it was delivered comes twice, by the same name.
    """
    while not receiver.posted.empty():
        event = receiver.take()
        if event["kind"].startswith("incident_") and event["name"] in {SHUT, STRIPPED}:
            heard[event["uid"]] = (event["kind"], event["name"])
    return len(heard)


def test_two_vantages_are_compared_on_and_no_trouble_is_told_twice_or_lost(
    few_servers: RunningFarm, redis_server: RedisServer, postgres: Postgres, tmp_path: Path
) -> None:
    farm = few_servers
    (row,) = (row for row in farm.farm.scenarios if (row.name, row.port) == ("healthy", 993))
    heard: dict[str, tuple[object, ...]] = {}
    with receiving() as receiver, watchers(tmp_path, farm, redis_server, postgres) as pair:
        pair.document["cluster"]["vantages"] = [{"name": ROME, "interval": INTERVAL, "rate": RATE}]
        pair.document["events"] = {"webhook": f"http://127.0.0.1:{receiver.port}/in"}
        first = pair.add()
        pair.add_workers(first, 1)
        rome = Cluster(first, tmp_path, {**pair.document, "vantage": ROME})
        pair.stack.callback(rome.close)
        rome.add_worker(probe={"source_address": SOURCE})
        first.wait_ready()
        total = first.value("mailport_endpoints")
        first.running.wait_until(lambda: len(from_rome(first)) == total)
        second = pair.add()

        def told() -> Counter[tuple[object, ...]]:
            return Counter(pair.rows(_TOLD))

        with closed():
            close(farm.farm.port_of(row), farm.farm.address_of(row))
            first.running.wait_until(lambda: told() == {("incident_opened", SHUT): 1})
            # One trouble is told, and another begins as the leader dies.
            event = pair.strip()
            began = time.monotonic()
            first.running.send(SIGKILL)
            second.running.wait_until(lambda: leads(second))
            took = time.monotonic() - began
            second.wait_ready()
            second.running.wait_until(lambda: shut_out(second) == {farm.place(row)})
            compared = time.monotonic() - began
            second.running.wait_until(lambda: told()[("incident_opened", STRIPPED)] == 1)
            wait_for_probes(farm, second, time.monotonic(), 2)
            assert len(from_rome(second)) == total
            assert not blocked(second)
        second.running.wait_until(lambda: told()[("incident_closed", SHUT)] == 1)
        once = [("incident_opened", SHUT), ("incident_opened", STRIPPED), ("incident_closed", SHUT)]
        second.running.wait_until(lambda: hear(receiver, heard) >= len(once))
        wait_for_probes(farm, second, time.monotonic(), 2)
        gap = longest_gap(farm, began, time.monotonic() - INTERVAL)
        tell(
            f"kill -9 with two vantages: leads after {took:.1f} s, compares after {compared:.1f} s; "
            f"longest gap {gap:.1f} s; {check_servers(farm, 2 * RATE, at_once=2)}"
        )
        assert told() == Counter(once)
        assert pair.events().count(event) == 1
        assert gap < TAKEOVER + LEASE + 2 * INTERVAL + SLACK
    hear(receiver, heard)
    assert Counter(heard.values()) == Counter(once)
