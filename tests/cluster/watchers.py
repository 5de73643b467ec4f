"""Runs several schedulers of one PostgreSQL, and reads there what they have told."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanner.demo import SCENARIOS
from scanner.demo.scenario import NoServer
from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import Cluster, settings_of
from tests.servers.postgres import Postgres
from tests.servers.redis_server import RedisServer
from tests.service.serving import Service, serving

TAKEOVER = 4.0
_EVENTS = "SELECT kind, host, port, body::json->>'name' FROM events WHERE host IS NOT NULL ORDER BY id"


@dataclass(slots=True)
class Watchers:
    """Schedulers, started one after the other, and their workers."""

    folder: Path
    document: dict[str, Any]
    postgres: Postgres
    database: str
    farm: RunningFarm
    stack: ExitStack

    def add(self) -> Service:
        """Start one more scheduler."""
        folder = self.folder / f"scheduler-{time.monotonic_ns()}"
        folder.mkdir()
        return self.stack.enter_context(serving(folder, self.document))

    def add_workers(self, scheduler: Service, number: int = 2) -> Cluster:
        """Start workers."""
        cluster = Cluster(scheduler, self.folder, self.document)
        self.stack.callback(cluster.close)
        for _ in range(number):
            cluster.add_worker()
        return cluster

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return self.postgres.execute(statement, self.database)

    def events(self) -> list[str]:
        """Return what was told of servers, in order, without the times."""
        return [" ".join(map(str, row)) for row in self.rows(_EVENTS)]

    def strip(self) -> str:
        """Let a server offer no STARTTLS any more; return the event that this has to lead to, once."""
        (bad,) = (row for row in SCENARIOS if row.name == "starttls-missing" and row.port == 587)
        (good,) = (row for row in self.farm.farm.scenarios if row.name == "healthy" and row.port == 587)
        assert not isinstance(bad.behaviour, NoServer)
        self.farm.loop.call_soon_threadsafe(self.farm.farm.change, good, bad.behaviour)
        return f"verdict_raised {good.host} {self.farm.farm.port_of(good)} starttls_missing"


@contextmanager
def watchers(folder: Path, farm: RunningFarm, broker: RedisServer, postgres: Postgres) -> Iterator[Watchers]:
    """Let schedulers and workers run while the block does; a loss counts at once."""
    database = postgres.create_database()
    document = settings_of(farm, broker, cluster={"takeover": TAKEOVER})
    document |= {
        "store": {"url": postgres.url(database)},
        "policy": {"baseline_after": 1, "confirm_after": 1},
    }
    with ExitStack() as stack:
        yield Watchers(folder, document, postgres, database, farm, stack)


def leads(scheduler: Service) -> bool:
    """Tell whether a scheduler leads."""
    return scheduler.value("mailport_cluster_leader") == 1
