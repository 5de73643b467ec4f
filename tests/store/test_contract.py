"""What a store promises, over SQLite and PostgreSQL alike."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from scanner.discovery.mta_sts import KeptPolicy
from scanner.model import Reason, Severity, StsMode, StsPolicy
from scanner.model.event import EventKind
from scanner.store import (
    Entry,
    EventQuery,
    Known,
    Place,
    Reader,
    Store,
    StoredPolicies,
    StoreError,
    add_order,
)
from tests.store.conftest import OpenStore
from tests.store.observations import FULL, NOW, all_samples, seen, told

KNOWN = FULL.endpoint
KEY = KNOWN.key
POLICY = KeptPolicy(StsPolicy(StsMode.ENFORCE, ("mx.example.org", "*.example.net"), 10**9), "20260115", 1.5e9)


async def test_an_empty_store_knows_nothing(open_store: OpenStore) -> None:
    assert await open_store().load() == Known()


async def test_what_was_put_is_known_after_a_restart(open_store: OpenStore) -> None:
    store = open_store()
    await store.load()
    other = seen(1, host="other.example.org")
    store.put(Entry(seen(0), '{"n": 0}'))
    store.put(Entry(seen(1), '{"n": 1}'))
    store.put(Entry(other))
    store.save_policies({"example.org": POLICY})
    store.set_meta({"rules": "7"})
    await store.close()

    known = await open_store().load()
    assert known.memories == {KEY: '{"n": 1}'}
    assert known.latest == {KEY: seen(1), other.endpoint.key: other}
    assert known.policies == {"example.org": POLICY}
    assert known.meta == {"rules": "7"}


async def test_a_value_goes_with_the_events_that_it_belongs_to(open_store: OpenStore, store: Store) -> None:
    store.set_meta({"a": "1", "b": "1"})
    await store.flush()
    store.put_events([told(1)], {"a": "2", "b": None, "c": None})
    await store.close()
    again = open_store()
    assert (await again.load()).meta == {"a": "2"}
    assert len(again.reader.events()) == 1


async def test_a_memory_stays_where_an_entry_has_none(open_store: OpenStore, store: Store) -> None:
    store.put(Entry(seen(0), "{}"))
    await store.flush()
    store.put(Entry(seen(1)))
    await store.close()
    known = await open_store().load()
    assert (known.memories[KEY], known.latest[KEY]) == ("{}", seen(1))


async def test_the_latest_is_the_one_put_last_also_when_the_clock_went_back(
    open_store: OpenStore, store: Store
) -> None:
    store.put(Entry(seen(5)))
    store.put(Entry(seen(2)))
    await store.close()
    assert (await open_store().load()).latest[KEY] == seen(2)


async def test_history_comes_back_whole_newest_first(store: Store) -> None:
    put = [seen(number) for number in range(20)]
    put[7] = replace(put[7], reason=Reason.READ_TIMEOUT, banner="220 odd one", certificate=None, verdicts=())
    for observation in put:
        store.put(Entry(observation))
    store.put(Entry(seen(0, host="other.example.org")))
    assert await store.flush()

    assert store.reader.history(KEY) == tuple(reversed(put))
    assert store.reader.history(KEY, limit=3) == (put[19], put[18], put[17])
    assert store.reader.history(KEY, since=put[18].started_at) == (put[19], put[18])
    assert store.reader.history(KEY, vantage="elsewhere") == ()
    assert all_samples(store.reader) == [seen(0, host="other.example.org"), *put]


async def test_an_observation_judged_again_takes_its_own_place(store: Store) -> None:
    store.put(Entry(seen(0)))
    await store.flush()
    again = replace(seen(0), verdicts=(), level=1)
    store.put(Entry(replace(again, level=0)))
    store.put(Entry(again))
    await store.flush()
    assert store.reader.history(KEY) == (again,)


@pytest.mark.parametrize(
    ("again", "is_written"),
    [
        (Entry(replace(seen(1), endpoint=replace(KNOWN, dns_seconds=0.7)), '{"n": 1}'), False),
        (Entry(seen(1), '{"n": 2}'), True),
        (Entry(seen(1), '{"n": 1}', (told(1),)), True),
        (Entry(replace(seen(1), level=0), '{"n": 1}'), True),
        (Entry(replace(seen(1), banner="220 other"), '{"n": 1}'), True),
        (Entry(replace(seen(1), endpoint=replace(KNOWN, domains=("example.com",))), '{"n": 1}'), True),
        (Entry(seen(2), '{"n": 1}'), True),
    ],
)
async def test_what_comes_back_as_it_was_loaded_is_not_written_again(
    open_store: OpenStore, again: Entry, is_written: bool
) -> None:
    store = open_store()
    await store.load()
    store.put(Entry(seen(1), '{"n": 1}'))
    await store.close()

    store = open_store()
    await store.load()
    store.put(again)
    await store.flush()
    assert store.status.written == is_written
    store.put(Entry(seen(1), '{"n": 1}'))
    await store.flush()
    assert store.status.written == is_written + 1, "once it is put, the next one counts whatever it is"
    await store.close()
    assert (await open_store().load()).latest[KEY] == seen(1)


async def test_of_what_comes_back_as_it_was_loaded_the_shared_one_is_kept(open_store: OpenStore) -> None:
    store = open_store()
    await store.load()
    store.put(Entry(seen(1), "{}"))
    await store.close()

    store = open_store()
    known = await store.load()
    shown = replace(known.latest[KEY])
    store.put(Entry(shown, "{}"))
    (current,) = store._writer.current.values()
    assert current.observation is shown
    assert current.unpack().memory == "{}"
    await store.close()


async def test_events_have_growing_numbers_and_can_be_asked_for(store: Store) -> None:
    for number in range(6):
        severity = Severity.CRITICAL if number == 3 else Severity.WARNING
        store.put(Entry(seen(number), None, (told(number, severity=severity),)))
    other = replace(told(6), kind=EventKind.EGRESS_CHANGED, key=None, vantage="elsewhere")
    store.put_events([other])
    await store.flush()
    ask = store.reader.events

    everything = ask(EventQuery(is_newest_first=False))
    numbers = [event.id for event in everything]
    assert None not in numbers
    assert numbers == sorted(set(numbers), key=lambda number: number or 0)
    assert {event.subject for event in everything} == {f"subject {n}" for n in range(7)}
    by_subject = {event.subject: event for event in everything}
    assert by_subject["subject 2"] == replace(told(2), id=by_subject["subject 2"].id)
    assert ask() == tuple(reversed(everything))
    assert ask(EventQuery(limit=2)) == (everything[-1], everything[-2])
    first = everything[0].id
    assert ask(EventQuery(after_id=first, limit=1, is_newest_first=False)) == (everything[1],)
    assert ask(EventQuery(before_id=everything[2].id)) == (everything[1], everything[0])
    assert [event.subject for event in ask(EventQuery(severity=Severity.CRITICAL))] == ["subject 3"]
    assert [event.subject for event in ask(EventQuery(kinds=frozenset({EventKind.EGRESS_CHANGED})))] == [
        "subject 6"
    ]
    assert {event.subject for event in ask(EventQuery(since=told(4).at))} == {
        f"subject {n}" for n in (4, 5, 6)
    }
    assert len(ask(EventQuery(key=KEY))) == len(ask(EventQuery(host=KEY[0]))) == 6
    assert len(ask(EventQuery(vantage="elsewhere"))) == 1


async def test_what_concerns_a_host_is_found_by_it_whatever_it_is_about(store: Store) -> None:
    host = KEY[0]
    store.put(Entry(seen(0), None, (told(0),)))
    store.put(Entry(seen(0, host="other.example.org")))
    incident = replace(told(1), kind=EventKind.INCIDENT_OPENED, key=None)
    store.put_events(
        [
            replace(incident, subject="its own", hosts=(host,)),
            replace(incident, subject="of many", hosts=("a.test", host, "b.test")),
            replace(incident, subject="others", hosts=(f"not-{host}", f"{host}.test")),
            replace(incident, subject="our network", port=KEY[2]),
            replace(incident, subject="our network, elsewhere", port=2525),
        ]
    )
    await store.flush()
    found = [event.subject for event in store.reader.events(EventQuery(host=host, is_newest_first=False))]
    assert sorted(found) == sorted(["subject 0", "its own", "of many", "our network"])
    (ours,) = store.reader.events(EventQuery(host="other.example.org"))
    assert (ours.subject, ours.port, ours.hosts) == ("our network", KEY[2], ())
    assert store.reader.events(EventQuery(host="%")) == ()


async def test_the_end_of_a_trouble_is_found_by_its_weight(store: Store) -> None:
    over = replace(told(1, severity=Severity.NOTICE), ended=Severity.CRITICAL)
    store.put_events([over, told(2, severity=Severity.NOTICE)])
    await store.flush()
    (found,) = store.reader.events(EventQuery(severity=Severity.CRITICAL))
    assert (found.severity, found.ended) == (Severity.NOTICE, Severity.CRITICAL)


async def test_memories_can_be_read_from_outside(place: Place, store: Store) -> None:
    store.put(Entry(seen(0), '{"a": 1}'))
    store.put(Entry(seen(0, host="other.example.org"), '{"b": 1}'))
    await store.flush()
    reader = Reader(place)
    found = reader.memories(host="smtp.example.org")
    assert [(each.key, each.vantage, each.memory) for each in found] == [(KEY, "default", '{"a": 1}')]
    assert len(reader.memories()) == len(reader.memories(vantage="default")) == 2
    assert reader.memories(vantage="elsewhere") == ()
    reader.close()


async def test_a_reader_changes_nothing(place: Place, store: Store) -> None:
    await store.flush()
    reader = Reader(place)
    with pytest.raises(StoreError), reader._reading() as connection:
        connection.exec_driver_sql("DELETE FROM meta")
    reader.close()


async def test_orders_reach_the_service_once_and_again_after_a_kill(
    place: Place, open_store: OpenStore, store: Store
) -> None:
    first = add_order(place, "baseline accept", {"target": "example.org", "by": "me"}, now=NOW)
    second = add_order(place, "baseline pin", {})
    assert [order.id for order in store.reader.pending_orders()] == [first, second]

    orders = await store.take_orders()
    assert [(order.id, order.action) for order in orders] == [
        (first, "baseline accept"),
        (second, "baseline pin"),
    ]
    assert (orders[0].at, orders[0].argument) == (NOW, {"target": "example.org", "by": "me"})
    assert await store.take_orders() == ()
    store.finish_orders([first])
    await store.close()

    again = open_store()
    await again.load()
    assert [order.id for order in await again.take_orders()] == [second]
    assert [order.id for order in again.reader.pending_orders()] == [second]


async def test_memories_that_were_not_read_yet_are_not_replaced(open_store: OpenStore, store: Store) -> None:
    store.put(Entry(seen(0), "of the last run"))
    await store.close()

    blind = open_store()
    blind.put(Entry(seen(1), "learnt anew"))
    blind.put(Entry(seen(1, host="new.example.org"), "of a new one"))
    assert await blind.flush()
    known = await blind.load()
    assert known.memories[KEY] == "of the last run"
    assert known.memories[seen(1, host="new.example.org").endpoint.key] == "of a new one"
    blind.put(Entry(seen(2), "knowing all"))
    await blind.close()
    assert (await open_store().load()).memories[KEY] == "knowing all"


async def test_vantages_have_memories_of_their_own(open_store: OpenStore, store: Store) -> None:
    store.put(Entry(seen(0), "here"))
    store.put(Entry(replace(seen(0), vantage="there"), "there"))
    await store.close()
    there = open_store(vantage="there")
    assert (await there.load()).memories == {KEY: "there"}
    await there.close()
    assert (await open_store().load()).memories == {KEY: "here"}


async def test_a_second_writer_is_told_and_comes_in_when_the_first_ends(
    open_store: OpenStore, store: Store
) -> None:
    second = open_store()
    with pytest.raises(StoreError, match="another mailport"):
        await second.load(0.3)
    second.put(Entry(seen(0), "kept meanwhile"))
    await store.close()
    assert (await second.load()).memories in ({}, {KEY: "kept meanwhile"})
    assert await second.flush()
    assert second.status.is_up


async def test_the_status_counts(store: Store) -> None:
    before = store.status
    assert (before.is_up, before.written, before.error) == (True, 0, None)
    for number in range(7):
        store.put(Entry(seen(number), None, (told(number),)))
    await store.flush()
    after = store.status
    assert (after.written, after.pending, after.dropped, after.refused, after.failures) == (7, 0, 0, 0, 0)
    assert after.dropped_events == 0
    assert after.succeeded_at is not None
    assert (after.size_bytes or 0) > 10_000


async def test_one_bad_entry_stops_no_other(store: Store) -> None:
    store.put(Entry(seen(0), "{}"))
    store.put(Entry(seen(1, host="half\ud800.example.org"), "{}"))
    store.put(Entry(seen(2), "{}", (replace(told(1), after={"what": object()}), told(2))))
    await store.flush()
    assert store.reader.history(KEY) == (seen(2), seen(0))
    assert [event.subject for event in store.reader.events()] == ["subject 2"]
    assert (store.status.is_up, store.status.refused, store.status.failures) == (True, 2, 0)


async def test_nobody_waits_for_a_single_entry_that_is_refused(store: Store) -> None:
    await store.flush()
    store.put(Entry(seen(1, host="half\ud800.example.org"), "{}"))
    assert await store.flush()
    assert (store.status.is_up, store.status.refused) == (True, 1)


async def test_policies_outlive_a_restart_through_their_cache(open_store: OpenStore, store: Store) -> None:
    cache = StoredPolicies(store, (await store.load()).policies)
    await cache.put("example.org", POLICY)
    newer = replace(POLICY, id="20260116", fetched_at=1.6e9)
    await cache.put("example.org", newer)
    assert await cache.get("example.org") == newer
    await store.close()

    again = open_store()
    known = await again.load()
    assert await StoredPolicies(again, known.policies).get("example.org") == newer


async def test_to_put_never_waits_for_the_writer(store: Store) -> None:
    gate = threading.Event()
    held = store._writer.submit(lambda _: gate.wait(60))
    for number in range(3000):
        store.put(Entry(seen(number, host=f"h{number % 50}.example.org"), "{}"))
    store.put_events([told(1)])
    store.save_policies({"example.org": POLICY})
    assert not held.done()
    assert (store.status.written, store.status.pending) == (0, 3002)
    gate.set()
    assert await store.flush(60)
    assert (store.status.written, store.status.pending) == (3000, 0)


async def test_history_of_a_target_added_again_is_still_there(store: Store) -> None:
    store.put(Entry(seen(0), "learnt"))
    store.forget([KEY])
    await store.flush()
    assert (await store.load()).memories == {KEY: "learnt"}
    assert store.reader.history(KEY, since=NOW - timedelta(days=1)) == (seen(0),)
