"""The queue before the writer: bounded, in order, and what counts is never dropped."""

from dataclasses import replace
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from scanner.store import Entry, Pace
from scanner.store.pending import Batch, Pending, Waiting
from tests.store.observations import seen, told

SMALL = Pace(batch_entries=3, most_pending=5, most_pending_events=1000)


def put(pending: Pending, number: int, host: int = 0, memory: str | None = "") -> None:
    text = str(number) if memory == "" else memory
    pending.put(Waiting(Entry(seen(number, host=f"h{host}.example.org"), text, (told(number),))))


def take_all(pending: Pending) -> list[Batch]:
    batches = []
    while len(batch := pending.take()):
        batches.append(batch)
    return batches


def numbers_of(batch: Batch) -> list[str]:
    """The events of a batch in the order in which they are written."""
    events = [*batch.events, *(event for waiting in batch.entries for event in waiting.entry.events)]
    return [event.subject for event in events]


def test_batches_come_in_order_and_bounded() -> None:
    pending = Pending(SMALL)
    for number in range(5):
        put(pending, number)
    assert len(pending) == 5
    assert pending.is_full.is_set()
    first = pending.take()
    assert [waiting.entry.memory for waiting in first.entries] == ["0", "1", "2"]
    assert pending.filled.is_set()
    assert [waiting.entry.memory for waiting in pending.take().entries] == ["3", "4"]
    assert not pending.filled.is_set()
    assert len(pending) == len(pending.take()) == 0


def test_of_too_many_the_oldest_observations_go_and_the_rest_is_kept() -> None:
    pending = Pending(SMALL)
    for number in range(100):
        put(pending, number, host=number % 2)
    assert pending.dropped == 93  # 5 in the queue, and the last one before them of each of two
    batches = take_all(pending)
    assert sorted(chain.from_iterable(map(numbers_of, batches))) == sorted(
        f"subject {number}" for number in range(100)
    )
    assert [waiting.entry.memory for waiting in batches[0].entries[:2]] == ["93", "94"]


def test_a_memory_outlives_the_observation_it_came_with() -> None:
    pending = Pending(SMALL)
    put(pending, 0, memory="learnt")
    for number in range(1, 20):
        put(pending, number, memory=None)
    carried = pending.take().entries[0]
    assert (carried.entry.memory, carried.entry.observation) == ("learnt", seen(14, host="h0.example.org"))


def test_of_too_many_events_the_oldest_go_and_are_counted() -> None:
    pending = Pending(replace(SMALL, most_pending_events=10))
    pending.put_events(told(number) for number in range(25))
    assert pending.dropped_events == 15
    assert numbers_of(pending.take()) == [f"subject {number}" for number in range(15, 25)]


def test_a_barrier_falls_with_the_last_entry_before_it() -> None:
    pending = Pending(SMALL)
    for number in range(4):
        put(pending, number)
    barrier = pending.add_barrier()
    assert pending.take().barriers == []
    assert pending.take().barriers == [barrier]


def test_the_pieces_of_a_batch_are_all_of_it() -> None:
    pending = Pending(SMALL)
    for number in range(3):
        put(pending, number)
    pending.put_events([told(9)])
    pending.put_meta({"a": "1", "b": "2"})
    pending.finish([1, 2])
    pending.settle(["a", "b"])
    barrier = pending.add_barrier()
    batch = pending.take()
    pieces = batch.split()
    assert len(batch) == sum(map(len, pieces)) == 10
    assert max(map(len, pieces)) == 1
    assert pieces[-1].barriers == [barrier]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", None]), st.booleans()), max_size=60))
def test_no_event_and_no_last_memory_is_ever_lost(steps: list[tuple[int, str | None, bool]]) -> None:
    pending = Pending(SMALL)
    batches: list[Batch] = []
    expected: dict[str, str] = {}
    for number, (host, memory, is_taken) in enumerate(steps):
        put(pending, number, host, memory)
        if memory is not None:
            expected[f"h{host}.example.org"] = str(number)
        if is_taken:
            batches.append(pending.take())
    batches += take_all(pending)

    entries = [waiting.entry for batch in batches for waiting in batch.entries]
    found: dict[str, str] = {}
    for entry in entries:
        if entry.memory is not None:
            found[entry.observation.endpoint.host] = entry.memory
    assert found == expected
    told_numbers = chain.from_iterable(map(numbers_of, batches))
    assert sorted(told_numbers) == sorted(f"subject {number}" for number in range(len(steps)))
    assert len(entries) + pending.dropped == len(steps)
    last = {entry.observation.endpoint.host: entry.observation.started_at for entry in entries}
    put_last = {f"h{host}.example.org": seen(number).started_at for number, (host, _, _) in enumerate(steps)}
    assert last == put_last


def test_waits_after_faults_grow_and_are_capped() -> None:
    pace = Pace(retry_seconds=1.0, longest_retry_seconds=30.0)
    waits = [0.0]
    for _ in range(7):
        waits.append(pace.next_delay(waits[-1]))
    assert waits[1:] == [1, 2, 4, 8, 16, 30, 30]
