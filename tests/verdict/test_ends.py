"""The end of a trouble weighs what its beginning did: who heard of the one hears of the other."""

from scanner.model import Reason, Severity, StartTls
from scanner.model.event import Event, EventKind
from scanner.service.recollection import read_memory, write_memory
from tests.verdict.history import History, learnt
from tests.verdict.observations import ended, healthy, in_clear

BLOCKED = ended(587, reason=Reason.CONNECT_TIMEOUT)


def only(history: History, kind: EventKind, name: str) -> Event:
    (found,) = (event for event in history.events if event.kind is kind and event.name == name)
    return found


def test_beginnings_tell_no_end() -> None:
    history = learnt(healthy(587))
    history.see(BLOCKED, times=2)
    assert {event.ended for event in history.events} == {None}
    assert {event.weight for event in history.events} == {Severity.CRITICAL}


def test_a_verdict_that_is_resolved_and_a_state_that_is_left_say_how_bad_they_were() -> None:
    history = learnt(healthy(587))
    history.see(BLOCKED, times=2)
    history.memory = read_memory(write_memory(history.memory)) or history.memory
    history.see(healthy(587), times=2)
    for kind, name in ((EventKind.VERDICT_RESOLVED, "port_blocked"), (EventKind.STATE_CHANGED, "open")):
        over = only(history, kind, name)
        assert (over.severity, over.ended, over.weight) == (
            Severity.NOTICE,
            Severity.CRITICAL,
            Severity.CRITICAL,
        )
    assert history.memory.state_told is None


def test_a_state_that_was_bad_in_several_ways_counts_by_the_worst() -> None:
    history = learnt(healthy(25))
    busy = ended(25, reason=Reason.GREETING_TEMPFAIL, banner="421 later")
    history.see(ended(25, reason=Reason.CONNECT_TIMEOUT), times=2)
    history.see(busy, times=3)
    first, second = (event for event in history.events if event.kind is EventKind.STATE_CHANGED)
    assert (first.severity, second.severity) == (Severity.CRITICAL, Severity.WARNING)
    history.see(healthy(25), times=2)
    assert only(history, EventKind.STATE_CHANGED, "open").ended is Severity.CRITICAL


def test_a_loss_is_over_as_what_it_was_told_to_be() -> None:
    history = learnt(healthy(25))
    history.see(in_clear(25, StartTls(offered=False)), times=2)
    worst = max(event.severity for event in history.events)
    standing = history.memory.standing["starttls_missing"]
    assert standing.told is worst
    assert only(history, EventKind.VERDICT_RAISED, "starttls_missing").ended is None
    history.see(healthy(25), times=2)
    assert only(history, EventKind.VERDICT_RESOLVED, "starttls_missing").ended is worst
