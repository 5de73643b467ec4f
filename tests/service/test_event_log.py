"""The log of events: what it keeps is found as the store would find it."""

from dataclasses import replace
from datetime import timedelta

from scanner.model import Severity
from scanner.model.event import Event, EventKind
from scanner.service.event_log import MOST_KEPT, EventLog
from scanner.store import EventQuery
from tests.verdict.observations import NOW, healthy

KEY = healthy(25).endpoint.key


def told(number: int) -> Event:
    return Event(
        NOW + timedelta(minutes=number),
        EventKind.STATE_CHANGED if number % 2 else EventKind.EGRESS_CHANGED,
        f"subject {number}",
        Severity.CRITICAL if number % 3 == 0 else Severity.NOTICE,
        f"Event {number}.",
        key=KEY if number % 2 else None,
    )


def numbers(log: EventLog, query: EventQuery) -> list[int | None]:
    return [event.id for event in log.find(query)]


def test_the_same_is_found_as_in_a_store() -> None:
    log = EventLog()
    log.tell(told(number) for number in range(1, 13))
    assert numbers(log, EventQuery()) == list(range(1, 13))
    assert numbers(log, EventQuery(limit=3)) == [10, 11, 12]
    assert numbers(log, EventQuery(after_id=4, limit=3, is_newest_first=False)) == [5, 6, 7]
    assert numbers(log, EventQuery(severity=Severity.WARNING)) == [3, 6, 9, 12]
    assert numbers(log, EventQuery(kinds=frozenset({EventKind.EGRESS_CHANGED}))) == [2, 4, 6, 8, 10, 12]
    assert numbers(log, EventQuery(host="mail.example.org")) == [1, 3, 5, 7, 9, 11]
    window = EventQuery(since=NOW + timedelta(minutes=3), until=NOW + timedelta(minutes=5))
    assert numbers(log, window) == [3, 4]


def test_what_concerns_a_host_is_found_by_it() -> None:
    log = EventLog()
    plain = replace(told(2), key=None)
    log.tell([replace(plain, hosts=("a.test", "mx.test")), replace(plain, port=25), replace(plain, port=587)])
    assert numbers(log, EventQuery(host="mx.test", ports=frozenset({25, 993}))) == [1, 2]
    assert numbers(log, EventQuery(host="a.test")) == [1]


def test_the_end_of_a_trouble_is_found_by_its_weight() -> None:
    log = EventLog()
    over = replace(told(1), severity=Severity.NOTICE, ended=Severity.WARNING)
    log.tell([over, replace(over, ended=None)])
    assert numbers(log, EventQuery(severity=Severity.WARNING)) == [1]
    assert numbers(log, EventQuery(severity=Severity.CRITICAL)) == []


def test_numbers_go_on_where_old_events_are_forgotten() -> None:
    log = EventLog()
    log.tell(told(number) for number in range(1, MOST_KEPT + 6))
    found = log.find(EventQuery(limit=MOST_KEPT * 2))
    assert (found[0].id, found[-1].id, len(found)) == (6, MOST_KEPT + 5, MOST_KEPT)


def test_listeners_are_told_of_events_as_they_are() -> None:
    heard: list[Event] = []
    log = EventLog()
    log.listen(heard.append)
    log.tell([told(1)])
    assert heard == [told(1)]


def test_an_event_is_signed_by_a_name_of_its_own_and_by_whether_it_is_owed() -> None:
    log = EventLog()
    first = log.sign([told(1), told(1)])
    log.owe(lambda event: event.severity is Severity.CRITICAL)
    second = log.sign([told(1), replace(told(2), severity=Severity.CRITICAL)])
    names = [event.uid for event in (*first, *second)]
    assert None not in names
    assert names == sorted({name for name in names if name is not None})
    assert [event.is_due for event in (*first, *second)] == [False, False, False, True]
    assert replace(first[0], uid=None) == told(1)
