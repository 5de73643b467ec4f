"""A PostgreSQL that hangs, its connections open and nothing answered: mailport ends when it is told to."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGTERM

from tests.cli.running_farm import RunningFarm
from tests.cluster.figures import tell
from tests.cluster.watchers import leads, watchers
from tests.servers.postgres import Postgres
from tests.servers.redis_server import RedisServer
from tests.service.serving import Service, serving

END_SECONDS = 10.0


def test_who_is_told_to_end_ends_and_says_what_could_not_be_written(
    few_servers: RunningFarm, redis_server: RedisServer, own_postgres: Postgres, tmp_path: Path
) -> None:
    own = tmp_path / "alone"
    own.mkdir()
    with (
        watchers(tmp_path, few_servers, redis_server, own_postgres) as pair,
        ThreadPoolExecutor() as threads,
    ):
        document = {name: value for name, value in pair.document.items() if name != "cluster"}
        document["store"] = {"url": own_postgres.url(own_postgres.create_database())}
        alone = pair.stack.enter_context(serving(own, document))
        leader = pair.add()
        pair.add_workers(leader, 1)
        leader.wait_ready()
        alone.wait_ready()
        standby = pair.add()
        with own_postgres.hanging():
            leader.wait_for_event("lease_unknown")
            standby.running.wait_until(lambda: "it waits for PostgreSQL" in standby.ask("/-/ready")[1])
            for service in (leader, alone):
                wait_for_backlog(service)
                threads.submit(service.ask, "/api/v1/events")  # a reader who waits for the database, too
            assert leads(leader)
            for name, service in (("leader", leader), ("standby", standby), ("without a cluster", alone)):
                status, seconds = service.running.end(SIGTERM)
                tell(f"PostgreSQL hangs, {name}: ended {seconds:.1f} s after SIGTERM")
                assert (status, seconds < END_SECONDS) == (0, True), name
    for service in (leader, alone):
        (line,) = (line for line in service.log if line["event"] == "store_closed_unwritten")
        assert line["waiting"] > 0
        assert "answer" in line["error"]


def wait_for_backlog(service: Service) -> None:
    """Wait until there is something that cannot be written."""
    service.running.wait_until(lambda: service.value("mailport_store_pending_entries") > 0)
