"""What is open and what was told of our own network outlives the process: told once, with its beginning."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

import pytest

from scanner.model import Kind, Severity, TargetFinding, Verdict
from scanner.model.control import Word
from scanner.model.event import Event, EventKind
from scanner.model.incident import Cause, Incident
from scanner.service.archive import StoreKeeper
from scanner.service.past import MOST_NAMED, find_changed, read_past
from scanner.store import EventQuery, Place, Reader, Store
from tests.cli.running_farm import RunningFarm
from tests.service.incident_board import Board
from tests.service.serving import Service, serving
from tests.verdict.observations import NOW, healthy

KEY = healthy(25).endpoint.key
INCIDENT = Incident(
    Cause.HOST_DOWN,
    "mx1.acme.test",
    "host_down",
    Kind.BLOCKED,
    Severity.CRITICAL,
    NOW,
    (KEY,),
    ("acme.test",),
    "None of the ports of mx1.acme.test answers.",
    "Check that the machine runs.",
)
BLOCKED = Event(
    NOW,
    EventKind.EGRESS_CHANGED,
    "port 25 over IPv4",
    Severity.WARNING,
    "Our own network blocks port 25.",
    name="egress_blocked",
    after={"standing": "blocked"},
    vantage="here",
)
FREE = replace(BLOCKED, severity=Severity.NOTICE, after={"standing": "fine"})


async def test_what_is_open_is_kept_until_it_is_over(tmp_path: Path) -> None:
    place = Place(path=tmp_path / "mailport.db")
    other = replace(INCIDENT, subject="mx2.acme.test", keys=(KEY,) * (MOST_NAMED + 1))
    store = Store(place, vantage="here")
    await store.load()
    keeper = StoreKeeper(store, "here")
    keeper.keep_incidents({INCIDENT.id: INCIDENT, other.id: other}, (BLOCKED,))
    keeper.keep_events((BLOCKED, replace(BLOCKED, subject="port 587 over IPv4")))
    keeper.keep_incidents({INCIDENT.id: None, "never was": None}, ())
    keeper.keep_events((replace(FREE, subject="port 587 over IPv4"),))
    await store.close()

    again = Store(place, vantage="here")
    known = await again.load()
    await again.close()
    past = read_past(known, "here")
    assert dict(past.incidents) == {other.id: replace(other, keys=(KEY,) * MOST_NAMED)}
    assert dict(past.egress) == {"port 25 over IPv4": Word.BLOCKED}
    assert (read_past(known, "elsewhere").incidents, read_past(known, "elsewhere").egress) == ({}, {})
    broken = replace(known, meta={"incident:here:x": '{"cause": 7}', "egress:here:port 1": "odd"})
    assert (read_past(broken, "here").incidents, read_past(broken, "here").egress) == ({}, {})


async def test_a_store_that_was_removed_while_it_is_written_has_it_again(tmp_path: Path) -> None:
    place = Place(path=tmp_path / "mailport.db")
    store = Store(place, vantage="here")
    await store.load()
    keeper = StoreKeeper(store, "here")
    keeper.keep_incidents({INCIDENT.id: INCIDENT}, ())
    assert await store.flush()
    for path in tmp_path.glob("mailport.db*"):
        if path.suffix != ".lock":
            path.unlink()
    keeper.keep_events((BLOCKED,))
    assert await store.flush()
    await store.close()
    again = Store(place, vantage="here")
    past = read_past(await again.load(), "here")
    await again.close()
    assert set(past.incidents) == {INCIDENT.id}


def test_only_what_has_changed_is_written() -> None:
    worse = replace(INCIDENT, subject="mx2.acme.test")
    known = {INCIDENT.id: INCIDENT, worse.id: replace(worse, severity=Severity.WARNING), "over": worse}
    assert find_changed(known, (INCIDENT, worse)) == {worse.id: worse, "over": None}


def test_an_incident_that_goes_on_is_not_told_again_and_one_that_ended_meanwhile_is() -> None:
    board = Board()
    board.board.restore({INCIDENT.id: INCIDENT, "x": replace(INCIDENT, subject="mx2.acme.test")})
    assert len(board.open) == 2, "shown before the first probe"
    assert board.lines.render(openmetrics=False).count(b"\nmailport_incident{") == 2
    for port in (25, 587, 993):
        board.see(healthy(port), host="mx1.acme.test", times=4)
    (over,) = (event for event in board.settle() if event.subject == "mx2.acme.test")
    assert over.kind is EventKind.INCIDENT_CLOSED
    assert board.open == []


def test_what_is_wrong_with_a_domain_keeps_its_beginning_and_is_not_told_again() -> None:
    verdict = Verdict("mta_sts_weakened", Kind.DOWNGRADE, Severity.WARNING, "It is gone.", "Publish it.")
    finding = TargetFinding("a.test", "a.test", NOW, 0.0, None, "mx", "default", verdicts=(verdict,))
    first = Board()
    first.board.take_findings((finding,))
    first.board.take_findings((finding,))
    assert [event.kind for event in first.settle()] == [EventKind.INCIDENT_OPENED]

    second = Board()
    second.board.restore(first.board.open)
    second.board.take_findings((replace(finding, started_at=NOW + timedelta(days=1)),))
    assert second.settle() == ()
    (incident,) = second.board.open.values()
    assert incident.since == NOW
    second.board.take_findings(())
    assert [event.kind for event in second.settle()] == [EventKind.INCIDENT_CLOSED]


def incidents_in(folder: Path) -> list[tuple[str, str | None]]:
    reader = Reader(Place(path=folder / "mailport.db"))
    kinds = frozenset({EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CLOSED})
    try:
        return [(event.kind, event.name) for event in reader.events(EventQuery(kinds=kinds))]
    finally:
        reader.close()


def settled(service: Service) -> None:
    """Wait until incidents were worked out after a whole pass."""
    service.wait_ready()
    probes = service.value("mailport_probes_total", protocol="smtp", state="open")
    service.running.wait_until(
        lambda: service.value("mailport_probes_total", protocol="smtp", state="open") >= probes + 3
    )


@pytest.mark.parametrize("end", [SIGTERM, SIGKILL])
def test_a_restart_tells_nothing_again_and_shows_what_is_open_at_once(
    farm: RunningFarm, tmp_path: Path, end: Signals
) -> None:
    document: dict[str, Any] = {
        **farm.settings,
        "targets": farm.targets("tls10-only"),
        "schedule": {"interval": 1, "jitter": 0},
        "controls": False,
        "store": f"sqlite:///{tmp_path}/mailport.db",
    }
    with serving(tmp_path, document) as service:
        service.wait_for_event("incident_opened")
        service.running.wait_until(lambda: len(incidents_in(tmp_path)) == 1)
        (before,) = service.samples("mailport_incident")
        since = [each["since"] for each in json.loads(service.ask("/api/v1/incidents")[1])["incidents"]]
        service.running.end(end)
    with serving(tmp_path, document) as service:
        service.wait_for_event("store_loaded")
        (after,) = service.samples("mailport_incident")
        assert after.labels == before.labels
        settled(service)
        assert not [line for line in service.log if line["event"].startswith("incident_")]
        found = json.loads(service.ask("/api/v1/incidents")[1])["incidents"]
        assert [each["since"] for each in found] == since
        service.running.end(SIGTERM)
    assert incidents_in(tmp_path) == [("incident_opened", "tls_version_below_policy")]
