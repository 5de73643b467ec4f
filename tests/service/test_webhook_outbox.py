"""A webhook that loses no event and is told none as two: kills at any moment, and a receiver that is down."""

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

import pytest

from scanner.store import Place, Reader
from tests.cli.running_farm import RunningFarm
from tests.servers.process import free_port
from tests.servers.receiver import Receiver, receiving
from tests.service.serving import Service, serving

SOON = 30.0
GOOD, BAD = "tls12-only", "tls10-only"
ALL = {"verdict_raised", "baseline_learnt", "incident_opened"}
"""What the bad server leads to, once each."""


@pytest.fixture
def document(farm: RunningFarm, tmp_path: Path) -> dict[str, Any]:
    """A watch of one endpoint, probed each second, which remembers."""
    return {
        **farm.settings,
        "targets": farm.targets(BAD),
        "schedule": {"interval": 1, "jitter": 0},
        "policy": {"baseline_after": 1},
        "controls": False,
        "store": {"url": f"sqlite:///{tmp_path}/mailport.db"},
    }


def told_to(receiver: Receiver, document: dict[str, Any]) -> dict[str, Any]:
    hook = {"webhook": f"http://127.0.0.1:{receiver.port}/in", "severity": "notice"}
    return {**document, "events": hook}


class Ledger:
    """What a receiver was told, by the names of the events."""

    def __init__(self) -> None:
        self.names: defaultdict[str, list[str]] = defaultdict(list)
        """Of each kind the names, in the order in which they came first."""

    def hear(self, receiver: Receiver) -> dict[str, Any]:
        """Take the next request; its head has the name that its body has."""
        head, body = receiver.take_all(SOON)
        assert head["webhook-id"] == head["Idempotency-Key"] == body["uid"]
        if BAD in json.dumps(body) and body["uid"] not in self.names[body["kind"]]:
            self.names[body["kind"]].append(body["uid"])
        return body

    def hear_all(self, receiver: Receiver) -> None:
        """Take requests until every kind was told, and then those that are there."""
        while set(self.names) != ALL:
            self.hear(receiver)
        while not receiver.posted.empty():
            self.hear(receiver)

    def check(self) -> None:
        """Nothing was lost, and nothing was told by two names."""
        assert {kind: len(names) for kind, names in self.names.items()} == dict.fromkeys(ALL, 1)


def ask(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "mailport.db")) as connection:
        return connection.execute(statement).fetchall()


def owed(folder: Path) -> list[str]:
    return [uid for (uid,) in ask(folder, "SELECT uid FROM outbox ORDER BY uid")]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let nobody else write to the store while the block runs."""
    with closing(sqlite3.connect(folder / "mailport.db", isolation_level=None, timeout=SOON)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def turning_bad(
    document: dict[str, Any], folder: Path, farm: RunningFarm, receiver: Receiver
) -> Iterator[tuple[Service, Callable[[], None]]]:
    """Watch a good server until the store is locked, and then the bad one; give what unlocks it, too."""
    settings = told_to(receiver, document)
    with ExitStack() as lock, serving(folder, {**settings, "targets": farm.targets(GOOD)}) as service:
        assert receiver.take(SOON)["kind"] == "baseline_learnt"
        service.running.wait_until(lambda: not owed(folder))
        lock.enter_context(locked(folder))
        service.write_config(settings)
        assert service.ask("/-/reload", method="POST")[0] == 200
        yield service, lock.close


def finish(service: Service, folder: Path, receiver: Receiver, ledger: Ledger) -> None:
    """Hear the rest, and end: nothing is owed then."""
    ledger.hear_all(receiver)
    service.running.wait_until(lambda: not owed(folder))
    probes = service.value("mailport_probes_total", protocol="smtp", state="open")
    service.running.wait_until(
        lambda: service.value("mailport_probes_total", protocol="smtp", state="open") >= probes + 3
    )
    assert service.running.end(SIGTERM)[0] == 0
    ledger.hear_all(receiver)
    ledger.check()


def test_what_is_posted_is_in_the_store_and_is_delivered_after_a_kill(
    document: dict[str, Any], tmp_path: Path
) -> None:
    with receiving() as receiver:
        receiver.gate.clear()
        ledger = Ledger()
        with serving(tmp_path, told_to(receiver, document)) as service:
            first = ledger.hear(receiver)
            reader = Reader(Place(path=tmp_path / "mailport.db"))
            assert first["uid"] in {event.uid for event in reader.events()}
            assert first["uid"] in owed(tmp_path)
            service.running.send(SIGKILL)
            service.running.process.wait(SOON)
        receiver.gate.set()
        with serving(tmp_path, told_to(receiver, document)) as service:
            assert ledger.hear(receiver) == first, "it goes first, by the same name"
            finish(service, tmp_path, receiver, ledger)
            assert service.wait_for_event("webhook_resumed")["waiting"] >= 1


def test_a_kill_after_the_receiver_took_it_tells_nothing_by_another_name(
    document: dict[str, Any], tmp_path: Path
) -> None:
    with receiving() as receiver:
        ledger = Ledger()
        for _ in range(3):
            with serving(tmp_path, told_to(receiver, document)) as service:
                if set(ledger.names) != ALL:
                    ledger.hear(receiver)
                service.running.send(SIGKILL)
                service.running.process.wait(SOON)
        with serving(tmp_path, told_to(receiver, document)) as service:
            finish(service, tmp_path, receiver, ledger)


def test_a_kill_before_the_store_has_it_leaves_it_to_be_found_again(
    document: dict[str, Any], tmp_path: Path, farm: RunningFarm
) -> None:
    with receiving() as receiver:
        ledger = Ledger()
        with turning_bad(document, tmp_path, farm, receiver) as (service, _):
            service.wait_for_event("verdict_raised")
            service.running.send(SIGKILL)
            service.running.process.wait(SOON)
        assert receiver.posted.empty(), "told before the store had it"
        assert ask(tmp_path, "SELECT count(*) FROM events WHERE kind = 'verdict_raised'") == [(0,)]
        with serving(tmp_path, told_to(receiver, document)) as service:
            finish(service, tmp_path, receiver, ledger)


@pytest.mark.parametrize("number", [SIGTERM, SIGKILL], ids=["stopped", "killed"])
def test_a_receiver_that_is_down_over_a_restart_hears_all_of_it_in_order(
    number: Signals, document: dict[str, Any], tmp_path: Path, farm: RunningFarm
) -> None:
    port = free_port()
    with receiving() as receiver:
        down = told_to(receiver, document)
    down["events"]["webhook"] = f"http://127.0.0.1:{port}/in"
    with serving(tmp_path, down) as service:
        service.wait_for_event("store_up")
        service.running.wait_until(lambda: len(owed(tmp_path)) == len(ALL))
        service.wait_for_event("webhook_down")
        waiting = owed(tmp_path)
        service.running.send(number)
        service.running.process.wait(SOON)
        if number is SIGTERM:
            line = service.wait_for_event("webhook_closed_unsent")
            assert (line["waiting"], line["kept"]) == (len(ALL), len(ALL))
    assert owed(tmp_path) == waiting
    with receiving(port=port) as receiver:
        ledger = Ledger()
        with serving(tmp_path, {**down, "targets": farm.targets(GOOD)}) as service:
            heard = [ledger.hear(receiver)["uid"] for _ in ALL]
            assert heard == waiting
            ledger.check()
            later = {receiver.take(SOON)["kind"] for _ in range(2)}
            assert later == {"baseline_learnt", "incident_closed"}
            service.running.wait_until(lambda: not owed(tmp_path))


def test_a_store_that_does_not_answer_keeps_no_alert_back_and_learns_what_was_told(
    document: dict[str, Any], tmp_path: Path, farm: RunningFarm
) -> None:
    with receiving() as receiver:
        ledger = Ledger()
        with turning_bad(document, tmp_path, farm, receiver) as (service, unlock):
            while set(ledger.names) != ALL:
                ledger.hear(receiver)
            service.wait_for_event("store_down")
            unlock()
            service.running.wait_until(lambda: len(ask(tmp_path, "SELECT 1 FROM events")) > len(ALL))
            service.running.wait_until(lambda: not owed(tmp_path))
            service.running.send(SIGKILL)
            service.running.process.wait(SOON)
        with serving(tmp_path, told_to(receiver, document)) as service:
            finish(service, tmp_path, receiver, ledger)


def test_what_is_due_when_it_is_told_to_stop_is_delivered_before_it_ends_or_after(
    document: dict[str, Any], tmp_path: Path
) -> None:
    with receiving() as receiver:
        receiver.gate.clear()
        ledger = Ledger()
        with serving(tmp_path, told_to(receiver, document)) as service:
            ledger.hear(receiver)
            service.running.wait_until(lambda: len(owed(tmp_path)) == len(ALL))
            began = time.monotonic()
            service.running.send(SIGTERM)
            receiver.gate.set()
            assert service.running.wait() == 0
            assert time.monotonic() - began < SOON
            assert not [line for line in service.log if line["event"] == "webhook_closed_unsent"]
        assert owed(tmp_path) == []
        ledger.hear_all(receiver)
        ledger.check()


@pytest.mark.parametrize("is_running", [True, False], ids=["reload", "restart"])
def test_a_webhook_that_is_removed_is_owed_nothing(
    document: dict[str, Any], tmp_path: Path, *, is_running: bool
) -> None:
    hooked = {**document, "events": {"webhook": f"http://127.0.0.1:{free_port()}/in", "severity": "notice"}}
    with serving(tmp_path, hooked) as service:
        service.wait_for_event("store_up")
        service.running.wait_until(lambda: len(owed(tmp_path)) == len(ALL))
        if is_running:
            service.write_config(document)
            assert service.ask("/-/reload", method="POST")[0] == 200
            service.running.wait_until(lambda: not owed(tmp_path))
            assert service.value("mailport_event_deliveries_total", outcome="dropped") == len(ALL)
            return
        assert service.running.end(SIGTERM)[0] == 0
    with serving(tmp_path, document) as service:
        service.wait_for_event("store_up")
        service.running.wait_until(lambda: not owed(tmp_path))
        assert service.value("mailport_event_deliveries_total", outcome="dropped") == len(ALL)


def test_what_no_webhook_wants_is_owed_to_none(document: dict[str, Any], tmp_path: Path) -> None:
    with receiving() as receiver:
        critical = told_to(receiver, document)
        critical["events"]["severity"] = "critical"
        with serving(tmp_path, critical) as service:
            service.wait_for_event("verdict_raised")
            assert receiver.take(SOON)["severity"] == "critical"
            kinds = "SELECT kind FROM events"
            service.running.wait_until(lambda: {kind for (kind,) in ask(tmp_path, kinds)} == ALL)
            service.running.wait_until(lambda: not owed(tmp_path))
            wanted = ask(tmp_path, "SELECT count(*) FROM events WHERE severity >= 3")
            assert (receiver.requests,) == wanted[0]
