"""A large provider in trouble: an event costs the same however many endpoints it has; lines are counted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scanner.model import Reason, StartTls, State
from scanner.service import chronicle, incidents, lately, members
from scanner.service.lately import Lately
from scanner.service.members import Members
from scanner.verdict import incidents as finding
from scanner.verdict.condition import Condition
from scanner.verdict.incidents import find_incidents
from tests.service.incident_board import Board
from tests.service.line_count import counted_lines
from tests.service.test_chronicle import Scene, at_host
from tests.verdict.history import History
from tests.verdict.observations import NOW, ended, healthy

MODULES = (chronicle, incidents, lately, members, finding)


def lines_of_an_outage(hosts: int) -> float:
    """Return the lines that each probe takes when all hosts of a provider go down at once."""
    scene = Scene()
    scene.see(*(at_host(25, number) for number in range(hosts)), times=4)
    down = [at_host(25, number, reason=Reason.CONNECT_TIMEOUT) for number in range(hosts)]
    with counted_lines(*MODULES) as lines:
        for seen in (*down, *down):
            scene.chronicle.remember(replace(seen, started_at=NOW + timedelta(minutes=scene.minute)))
            scene.minute += 1
            scene.seconds += 0.01
    assert len(scene.hastened) >= hosts
    return lines.count / len(down)


def test_each_probe_of_an_outage_costs_the_same_however_large_the_provider() -> None:
    few, many = lines_of_an_outage(50), lines_of_an_outage(400)
    assert many < 1.3 * few


def test_all_hosts_that_break_off_starttls_are_judged_in_one_walk() -> None:
    seen = replace(ended(587, reason=Reason.TLS_CLOSED), starttls=StartTls(offered=True, reply="220 go"))
    board = Board()

    def lines_of(hosts: int) -> float:
        for number in range(hosts):
            for port in (25, 587):
                usual, broken = (
                    replace(each, endpoint=replace(each.endpoint, port=port)) for each in (healthy(587), seen)
                )
                board.see(usual, host=f"mx{number}.acme.test", times=4)
                board.see(broken, host=f"mx{number}.acme.test", times=3)
        with counted_lines(*MODULES) as lines:
            board.settle()
        assert {name for _, name, _ in board.open} == {"starttls_dropped"}
        return lines.count / hosts

    few = lines_of(10)
    assert lines_of(80) < 1.3 * few


def test_a_large_provider_is_worked_out_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "CONDITIONS_PER_SECOND", 2)
    board = Board()
    keys = [board.see(healthy(587), host=f"mx{number}.acme.test", times=4) for number in range(6)]
    other = healthy(25)
    board.see(other, host="mx.small.test", times=4)
    board.board.settle(NOW)

    def settle(seconds: float) -> set[str]:
        board.board.settle(NOW + timedelta(seconds=seconds))
        return {subject for _, _, subject in board.open}

    for key in keys[:2]:
        board.see(ended(587, reason=Reason.CONNECT_TIMEOUT), host=key[0], times=3)
    board.see(ended(25, reason=Reason.CONNECT_TIMEOUT), host="mx.small.test", times=3)
    assert settle(1) == {"mx.small.test"}, "others do not wait for it"
    assert settle(2.9) == {"mx.small.test"}
    assert settle(3) == {"mx.small.test", keys[0][0], keys[1][0]}
    board.see(ended(587, reason=Reason.CONNECT_TIMEOUT), host=keys[2][0], times=3)
    assert keys[2][0] in settle(-3600), "the clock was put back"


def condition(host: str, port: int = 25, *, has_answered: bool = True) -> Condition:
    seen = healthy(port)
    known = History()
    known.see(seen)
    return Condition(
        key=(host, *seen.endpoint.key[1:]),
        provider="acme.test",
        domains=(),
        state=State.OPEN,
        since=NOW,
        reason=None,
        has_answered=has_answered,
        certificate=None,
        standing=(),
        is_recovering=False,
        seen_at=NOW,
    )


def hosts_of(found: tuple[tuple[Any, ...], int]) -> list[str]:
    return [key[0] for key in found[0]]


def test_scouts_come_to_every_host_once_and_to_those_that_come_later() -> None:
    known = Members()
    for name in "abcd":
        known.put(condition(name, has_answered=name != "b"))
        known.put(condition(name, 587, has_answered=name != "b"))
    first = known.scouts(0, 2, but="a")
    assert hosts_of(first) == ["c", "d"], "one left out, one that has never answered"
    assert hosts_of(known.scouts(first[1], 2, but="a")) == []
    known.put(condition("e"))
    assert hosts_of(known.scouts(first[1], 2, but="a")) == ["e"]
    assert known.of_host("c") == (condition("c").key, condition("c", 587).key)


def test_hosts_that_go_leave_nothing_behind() -> None:
    known = Members()
    for number in range(1000):
        known.put(condition(f"h{number}"))
        known.remove(condition(f"h{number}").key)
    assert not known
    assert list(known) == []
    assert len(known._order) < 50
    known.remove(condition("never").key)


def test_what_was_noted_lately_ends_when_the_first_note_does() -> None:
    now = [0.0]
    notes: Lately[str, int] = Lately(10.0, lambda: now[0])
    assert notes.get("a") is None
    notes.put("a", 0)
    now[0] = 9.9
    notes.put("a", 5)
    assert "a" in notes
    assert notes.get("a") == 5
    now[0] = 10.0
    assert "a" not in notes
    notes.put("b", 1)
    assert len(notes) == 1, "what is over is let go"


def test_no_conditions_make_no_incident() -> None:
    assert find_incidents(()) == ()
