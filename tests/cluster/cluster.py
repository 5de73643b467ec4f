"""Runs a scheduler and its workers as processes, and reads from the farm's journal what servers saw."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.cli.command import Running, started
from tests.cli.running_farm import RunningFarm, open_rows
from tests.servers.redis_server import RedisServer
from tests.service.serving import Service, read_log, serving, write_config

LEASE = 4.0
INTERVAL = 2.0
"""Seconds between two probes of an endpoint."""
RATE = 15
"""Connections a second over all workers: twice what the rhythm takes, so that what was missed is made up."""
MOST_WAITING = 3 * 8
"""Probes whose turn by the rate was before: batches that waited for workers."""
NAMES = ("healthy", "tls12-only", "cert-expired", "auth-in-clear")


@pytest.fixture
def few_servers() -> Iterator[RunningFarm]:
    """Some servers that answer at once, each test's own: its journal tells who came when."""
    with open_rows(*NAMES) as farm:
        yield farm


def settings_of(farm: RunningFarm, broker: RedisServer, **more: Any) -> dict[str, Any]:
    """Return the settings that the scheduler and its workers share."""
    document: dict[str, Any] = {
        "targets": farm.targets(),
        **farm.settings,
        "schedule": {"interval": INTERVAL, "jitter": 0},
        "controls": False,
        "store": False,
        "cluster": {"broker": broker.url, "lease": LEASE},
    }
    document["probe"] = {**document["probe"], "timeout": 1, "total_timeout": 2, "versions_interval": None}
    # Enough for a server to note that a connection has ended before the next one begins.
    document["limits"] = {**document["limits"], "per_address_gap": 0.1, "rate": RATE}
    for key, value in more.items():
        document[key] = {**document.get(key, {}), **value} if isinstance(value, dict) else value
    return document


@dataclass(slots=True)
class Cluster:
    """A scheduler with its workers."""

    scheduler: Service
    folder: Path
    document: dict[str, Any]
    workers: list[Running] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def add_worker(self, *, env: Mapping[str, str] | None = None, **more: Any) -> Running:
        """Start one more worker; `more` replaces sections of its settings."""
        folder = Path(mkdtemp(prefix="worker-", dir=self.folder))
        document = {**self.document, **{key: {**self.document[key], **value} for key, value in more.items()}}
        document.pop("targets")
        path = write_config(folder, document)
        running = self._stack.enter_context(
            started(folder, "worker", "--config", path, "--log-format", "json", env=env)
        )
        running.wait_until(lambda: any(line["event"] == "working" for line in read_log(running)))
        self.workers.append(running)
        return running

    def close(self) -> None:
        """End the workers."""
        self._stack.close()

    def value(self, name: str, **labels: str) -> float:
        """Return a figure of the scheduler."""
        return self.scheduler.value(f"mailport_cluster_{name}", **labels)

    def wait_for(self, name: str, at_least: float, **labels: str) -> None:
        """Wait until a figure of the scheduler is so high."""
        self.scheduler.running.wait_until(lambda: self.value(name, **labels) >= at_least)


@contextmanager
def running_cluster(
    folder: Path, document: dict[str, Any], *, workers: int = 0, options: tuple[str, ...] = ()
) -> Iterator[Cluster]:
    """Run a scheduler with so many workers while the block does."""
    folder.joinpath("scheduler").mkdir()
    with serving(folder / "scheduler", document, *options) as scheduler:
        cluster = Cluster(scheduler, folder, document)
        try:
            for _ in range(workers):
                cluster.add_worker()
            yield cluster
        finally:
            cluster.close()


def connections(farm: RunningFarm) -> dict[tuple[str, int], list[tuple[float, float]]]:
    """Return of each port when its connections began and ended, in order; infinity where one has not."""
    begun: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    ended: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for entry in farm.events():
        if entry.event == "connect":
            begun[entry.address, entry.port].append(entry.at)
        elif entry.event == "disconnect":
            ended[entry.address, entry.port].append(entry.at)
    return {
        place: [
            (start, ended[place][number] if number < len(ended[place]) else float("inf"))
            for number, start in enumerate(starts)
        ]
        for place, starts in begun.items()
    }


def most_at_once(farm: RunningFarm, address: str) -> int:
    """Return how many connections an address has had open at the same time at most."""
    marks: list[tuple[float, int]] = []
    for (where, _), spans in connections(farm).items():
        if where == address:
            marks += [mark for start, end in spans for mark in ((start, 1), (end, -1))]
    most = now = 0
    for _, change in sorted(marks):
        now += change
        most = max(most, now)
    return most


def busiest(farm: RunningFarm, seconds: float) -> int:
    """Return how many connections began within so many seconds at most, over all servers."""
    starts = sorted(start for spans in connections(farm).values() for start, _ in spans)
    return max((sum(start <= other < start + seconds for other in starts) for start in starts), default=0)


def longest_gap(farm: RunningFarm, since: float, until: float) -> float:
    """Return the longest time that any port waited for its next connection."""
    longest = 0.0
    for spans in connections(farm).values():
        starts = [since, *(start for start, _ in spans if since <= start <= until), until]
        longest = max([longest, *(later - former for former, later in pairwise(starts))])
    return longest
