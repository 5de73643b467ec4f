"""Orders of an operator, given by `mailport baseline` and carried out by `mailport serve`, each once."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import pytest
import yaml

from scanner.model.event import Event, EventKind
from scanner.store import EventQuery, Place, Reader, add_order
from tests.cli.command import run
from tests.cli.running_farm import RunningFarm
from tests.service.serving import CONFIG, Service, serving

ROW = "tls12-only"
TAKEN_SECONDS = 10.0
"""As `mailport baseline` says."""


@pytest.fixture
def document(farm: RunningFarm, tmp_path: Path) -> dict[str, Any]:
    """A watch of one endpoint, probed each second, which remembers."""
    return {
        **farm.settings,
        "targets": farm.targets(ROW),
        "schedule": {"interval": 1, "jitter": 0},
        "policy": {"baseline_after": 1},
        "controls": False,
        "store": {"url": f"sqlite:///{tmp_path}/mailport.db"},
    }


def place_of(folder: Path) -> Place:
    return Place(path=folder / "mailport.db")


def baseline(folder: Path, *arguments: str) -> str:
    outcome = run("baseline", *arguments, "--config", folder / CONFIG)
    assert (outcome.status, outcome.stderr) == (0, "")
    return outcome.stdout


def view(folder: Path) -> dict[str, Any]:
    (found,) = json.loads(baseline(folder, "show", f"{ROW}.mail.test", "--format", "json"))
    return dict(found)


def events(folder: Path, kind: EventKind) -> list[Event]:
    """Return the stored events of a kind."""
    reader = Reader(place_of(folder))
    try:
        return list(reader.events(EventQuery(kinds=frozenset({kind}))))
    finally:
        reader.close()


def told(folder: Path) -> list[str]:
    """Return which orders were carried out, by their events."""
    return [event.name for event in events(folder, EventKind.BASELINE_CHANGED) if event.name is not None]


def taken(folder: Path) -> list[bool]:
    """Tell of each order ever given whether it was done with."""
    with closing(sqlite3.connect(folder / "mailport.db")) as connection:
        return [at is not None for (at,) in connection.execute("SELECT taken_at FROM orders ORDER BY id")]


def learn(folder: Path, document: dict[str, Any]) -> None:
    """Have a baseline learnt, and stop."""
    with serving(folder, document) as service:
        wait_for_baseline(service)
        assert service.running.end(SIGTERM)[0] == 0


def wait_for_baseline(service: Service) -> None:
    """Wait until a baseline is learnt and stored."""
    service.wait_for_event("baseline_learnt")
    service.running.wait_until(lambda: bool(events(service.folder, EventKind.BASELINE_LEARNT)))


def wait_until_taken(service: Service, wanted: Sequence[bool] = (True,)) -> None:
    service.running.wait_until(lambda: taken(service.folder) == [*wanted], TAKEN_SECONDS)


def raise_baseline(folder: Path) -> None:
    """Let the memory say that the endpoint spoke TLS 1.3 once, and greeted otherwise."""
    with closing(sqlite3.connect(folder / "mailport.db")) as connection, connection:
        ((text,),) = connection.execute("SELECT memory FROM endpoints").fetchall()
        memory = json.loads(text)
        assert memory["traits"]["tls_version"]["value"] == 4
        memory["traits"]["tls_version"]["value"] = 5
        memory["traits"]["banner"]["value"] = ["220 another.mail.test ESMTP"]
        connection.execute("UPDATE endpoints SET memory = ?", (json.dumps(memory),))


def trait(folder: Path, name: str) -> str | None:
    (found,) = (each["value"] for each in view(folder)["baseline"] if each["trait"] == name)
    return str(found)


def test_a_running_service_obeys_within_ten_seconds(document: dict[str, Any], tmp_path: Path) -> None:
    with serving(tmp_path, document) as service:
        wait_for_baseline(service)
        assert "pinned: no → yes" in baseline(tmp_path, "pin", f"{ROW}.mail.test")
        wait_until_taken(service)
        now = view(tmp_path)
        assert (now["pinned"], now["waiting"]) == (True, [])
        assert told(tmp_path) == ["pin"]
        baseline(tmp_path, "unpin", f"{ROW}.mail.test")
        wait_until_taken(service, [True, True])
        assert not view(tmp_path)["pinned"]


def test_an_order_given_while_nothing_runs_is_carried_out_at_the_next_start_and_only_then(
    document: dict[str, Any], tmp_path: Path
) -> None:
    learn(tmp_path, document)
    raise_baseline(tmp_path)
    text = baseline(tmp_path, "accept", f"{ROW}.mail.test")
    assert "the TLS version: TLSv1.3 → TLSv1.2" in text
    assert taken(tmp_path) == [False]
    with serving(tmp_path, document) as service:
        wait_until_taken(service)
        assert trait(tmp_path, "tls_version") == "TLSv1.2"
        assert view(tmp_path)["standing"] == []
        service.running.send(SIGKILL)
        service.running.process.wait(10)
    with serving(tmp_path, document) as service:
        service.wait_for_event("planned")
        service.running.wait_until(lambda: service.value("mailport_store_written_entries_total") >= 1)
        assert service.running.end(SIGTERM)[0] == 0
    assert told(tmp_path) == ["accept"]
    assert not [line for line in service.log if line["event"].startswith("order_")]


def test_a_loss_that_is_accepted_no_longer_stands(document: dict[str, Any], tmp_path: Path) -> None:
    learn(tmp_path, document)
    raise_baseline(tmp_path)
    verdict = {"verdict": "tls_version_dropped"}
    with serving(tmp_path, document) as service:
        service.running.wait_until(lambda: len(service.samples("mailport_endpoint_verdict", **verdict)) == 1)
        baseline(tmp_path, "accept", f"{ROW}.mail.test")
        service.running.wait_until(lambda: not service.samples("mailport_endpoint_verdict", **verdict), 10)
        wait_until_taken(service)


def test_what_the_old_baseline_found_is_gone_at_once(document: dict[str, Any], tmp_path: Path) -> None:
    learn(tmp_path, document)
    raise_baseline(tmp_path)
    with serving(tmp_path, document | {"schedule": {"interval": 3600}}) as service:
        service.wait_ready()
        # The first probe of this run, which the store has; there is no second one.
        service.running.wait_until(lambda: service.value("mailport_store_written_entries_total") >= 2)
        assert {each["id"] for each in view(tmp_path)["standing"]} == {"banner_changed"}
        baseline(tmp_path, "accept", f"{ROW}.mail.test")
        wait_until_taken(service)
        assert view(tmp_path)["standing"] == []
        assert service.samples("mailport_endpoint_verdict", verdict="banner_changed") == []


def test_an_order_about_what_is_watched_no_more_is_told_once_and_done_with(
    document: dict[str, Any], farm: RunningFarm, tmp_path: Path
) -> None:
    learn(tmp_path, document)
    baseline(tmp_path, "reset", f"{ROW}.mail.test")
    with serving(tmp_path, document | {"targets": farm.targets("tls13-only")}) as service:
        line = service.wait_for_event("order_without_endpoint")
        assert line["level"] == "warning"
        assert (line["action"], line["host"]) == ("reset", f"{ROW}.mail.test")
        assert line["why"] == "it is not watched; nothing is changed"
        wait_until_taken(service)
        assert service.running.end(SIGTERM)[0] == 0
    assert len([line for line in service.log if line["event"].startswith("order_")]) == 1
    assert told(tmp_path) == []


def test_an_order_waits_while_the_names_of_its_endpoint_cannot_be_looked_up(
    document: dict[str, Any], tmp_path: Path
) -> None:
    learn(tmp_path, document)
    baseline(tmp_path, "pin", f"{ROW}.mail.test")
    deaf = document | {"resolver": {"servers": ["127.0.0.1:9"], "timeout": 0.2}}
    with serving(tmp_path, deaf) as service:
        service.wait_for_event("target_not_probed")
        wait_for_a_look_at_the_orders(service)
        assert taken(tmp_path) == [False]
        service.write_config(yaml.safe_dump(document))
        assert service.ask("/-/reload", method="POST")[0] == 200
        wait_until_taken(service)
        assert view(tmp_path)["pinned"]


def test_what_cannot_be_understood_is_told_and_done_with(document: dict[str, Any], tmp_path: Path) -> None:
    with serving(tmp_path, document) as service:
        wait_for_baseline(service)
        add_order(place_of(tmp_path), "explode", {"keys": []})
        wait_until_taken(service)
        assert service.wait_for_event("order_unknown")["action"] == "explode"


def test_an_order_for_another_vantage_is_left_to_it(document: dict[str, Any], tmp_path: Path) -> None:
    learn(tmp_path, document)
    with closing(sqlite3.connect(tmp_path / "mailport.db")) as connection:
        key = list(
            connection.execute("SELECT host, address, port, protocol, tls_mode FROM endpoints").fetchone()
        )
    add_order(place_of(tmp_path), "pin", {"keys": [key], "vantage": "berlin"})
    add_order(place_of(tmp_path), "pin", {"keys": [key], "vantage": "default"})
    with serving(tmp_path, document) as service:
        wait_until_taken(service, [False, True])


def wait_for_a_look_at_the_orders(service: Service) -> None:
    """Wait until an order that can be judged at once is done with: the others were looked at, too."""
    number = add_order(place_of(service.folder), "explode", {"keys": []})
    service.wait_for_event("order_unknown")
    assert number == len(taken(service.folder))
    service.running.wait_until(lambda: taken(service.folder)[-1], TAKEN_SECONDS)
    with closing(sqlite3.connect(service.folder / "mailport.db")) as connection, connection:
        connection.execute("DELETE FROM orders WHERE id = ?", (number,))


@pytest.mark.parametrize("is_kept", [True, False], ids=["store", "no store"])
def test_events_are_handed_out_over_http(document: dict[str, Any], tmp_path: Path, is_kept: bool) -> None:
    with serving(tmp_path, document if is_kept else document | {"store": False}) as service:
        service.wait_for_event("baseline_learnt")

        def ask(parameters: str = "") -> dict[str, Any]:
            status, text = service.ask(f"/api/v1/events{parameters}")
            assert status == 200
            found: dict[str, Any] = json.loads(text)
            return found

        service.running.wait_until(lambda: bool(ask()["events"]))
        found = ask()
        assert [each["kind"] for each in found["events"]] == ["baseline_learnt"]
        assert found["next"] == found["events"][0]["id"] == 1
        assert ask("?after=1") == {"events": [], "next": 1}
        assert ask("?severity=critical")["events"] == []
        assert len(ask(f"?host={ROW}.mail.test&since=1h")["events"]) == 1
        assert service.ask("/api/v1/events?since=soon")[0] == 400
        assert json.loads(service.ask("/api/v1/incidents")[1]) == {"incidents": []}
