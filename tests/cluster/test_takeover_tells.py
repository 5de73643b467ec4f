"""Two schedulers and one webhook: whoever leads next delivers what the one before it had not, and no more."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import Any

import pytest

from tests.cli.running_farm import RunningFarm
from tests.cluster.cluster import INTERVAL
from tests.cluster.figures import SLACK, wait_for_probes
from tests.cluster.watchers import TAKEOVER, Watchers, leads, watchers
from tests.servers.postgres import Postgres
from tests.servers.receiver import Receiver, receiving
from tests.servers.redis_server import RedisServer
from tests.service.serving import Service

OUTCOMES = "mailport_event_deliveries_total"
LONG = TAKEOVER + SLACK + 2 * INTERVAL


class Told:
    """What a receiver was told since the last time, by the names of the events."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.requests: Counter[str] = Counter()
        """Of each name, how often it came."""
        self.names: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
        """Of each change of a server, the names that it came by."""

    def hear(self) -> None:
        while not self._receiver.posted.empty():
            self._take()

    def hear_of(self, name: str) -> str:
        """Wait for a verdict that is raised; return the name of the event."""
        while (event := self._take())["name"] != name or event["kind"] != "verdict_raised":
            continue
        return str(event["uid"])

    def _take(self) -> dict[str, Any]:
        head, event = self._receiver.take_all(LONG)
        self.requests.update([head["webhook-id"]])
        self.names[event["kind"], event["subject"], event["name"]].add(event["uid"])
        return event

    def check(self) -> None:
        """Nothing was told by two names."""
        assert {what: names for what, names in self.names.items() if len(names) > 1} == {}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@contextmanager
def telling(
    receiver: Receiver, farm: RunningFarm, broker: RedisServer, postgres: Postgres, folder: Path
) -> Iterator[tuple[Watchers, Service, Service]]:
    """Run two schedulers that tell a webhook, and whose first events are delivered."""
    with watchers(folder, farm, broker, postgres) as pair:
        pair.document["events"] = {"webhook": f"http://127.0.0.1:{receiver.port}/in"}
        first = pair.add()
        pair.add_workers(first)
        first.wait_ready()
        second = pair.add()
        wait_for_probes(farm, first, time.monotonic(), 2)
        first.running.wait_until(lambda: not owed(pair))
        yield pair, first, second


def owed(pair: Watchers) -> set[str]:
    return {uid for (uid,) in pair.rows("SELECT uid FROM outbox")}


def test_what_a_killed_leader_was_delivering_is_delivered_by_the_next(
    receiver: Receiver,
    few_servers: RunningFarm,
    redis_server: RedisServer,
    own_postgres: Postgres,
    tmp_path: Path,
) -> None:
    told = Told(receiver)
    with telling(receiver, few_servers, redis_server, own_postgres, tmp_path) as (pair, first, second):
        told.hear()
        receiver.gate.clear()
        event = pair.strip()
        uid = told.hear_of("starttls_missing")
        assert uid in owed(pair), "it was posted before the store had it"
        first.running.send(SIGKILL)
        receiver.gate.set()
        second.running.wait_until(lambda: leads(second))
        second.wait_ready()
        second.running.wait_until(lambda: not owed(pair))
        wait_for_probes(few_servers, second, time.monotonic(), 2)
        told.hear()
        assert told.requests[uid] == 2, "by the first, which nobody heard of again, and by the second"
        assert max(told.requests.values()) <= 2
        told.check()
        assert pair.events().count(event) == 1


def test_a_leader_that_stood_still_delivers_nothing_that_the_next_has_delivered(
    receiver: Receiver,
    few_servers: RunningFarm,
    redis_server: RedisServer,
    own_postgres: Postgres,
    tmp_path: Path,
) -> None:
    told = Told(receiver)
    with telling(receiver, few_servers, redis_server, own_postgres, tmp_path) as (pair, first, second):
        told.hear()
        receiver.answers.extend([503] * 10_000)
        pair.strip()
        uid = told.hear_of("starttls_missing")
        first.running.wait_until(lambda: first.value(OUTCOMES, outcome="failed") >= 1)
        first.running.send(SIGSTOP)
        waiting = owed(pair)
        assert uid in waiting
        receiver.answers.clear()
        told.hear()
        refused = Counter(told.requests)
        second.running.wait_until(lambda: leads(second))
        second.running.wait_until(lambda: not owed(pair) & waiting)
        first.running.send(SIGCONT)
        first.wait_for_event("standing_by")
        second.wait_ready()
        wait_for_probes(few_servers, second, time.monotonic(), 2)
        told.hear()
        assert {name: told.requests[name] - refused[name] for name in waiting} == dict.fromkeys(waiting, 1)
        told.check()
