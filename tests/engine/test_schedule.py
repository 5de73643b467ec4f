"""The schedule: first runs spread, later ones jittered, known ones kept, removed ones gone for good."""

import random
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scanner.engine import Schedule
from scanner.model import Endpoint
from scanner.model.observation import Key
from tests.engine.clockwork import endpoint, most_in_any

INTERVAL, JITTER = 900.0, 0.1


def make(interval: float = INTERVAL, jitter: float = JITTER, seed: int = 1) -> Schedule:
    return Schedule(interval, jitter, random.Random(seed))


def some(*numbers: int) -> list[Endpoint]:
    return [endpoint(number) for number in numbers]


def take_due(schedule: Schedule, until: float) -> list[tuple[float, Endpoint]]:
    """Take everything that comes due by then: the moment it was due, and what."""
    found = []
    while (due := schedule.next_due()) is not None and due <= until:
        taken = schedule.pop_due(due)
        assert taken is not None
        assert taken[1] == 0.0
        found.append((due, taken[0]))
    return found


def put(schedule: Schedule, endpoints: Iterable[Endpoint], now: float, *, spread: float) -> set[Key]:
    """Do all steps of a replacement; return the keys that are gone."""
    gone: list[Key] = []
    for _ in schedule.replace(endpoints, now, spread=spread, on_gone=gone.append):
        pass
    assert len(gone) == len(set(gone))
    return set(gone)


def simulate(schedule: Schedule, seconds: float, probe_seconds: float = 0.0) -> dict[Key, list[float]]:
    """Probe whatever is due, for so long; return when each endpoint was."""
    runs: dict[Key, list[float]] = {}
    while (due := schedule.next_due()) is not None and due < seconds:
        taken = schedule.pop_due(due)
        assert taken is not None
        runs.setdefault(taken[0].key, []).append(due)
        schedule.probed(taken[0].key, due + probe_seconds)
    return runs


@given(count=st.integers(1, 60), spread=st.sampled_from([0.0, 1.0, 60.0, 5000.0]), seed=st.integers(0, 99))
@settings(max_examples=60)
def test_first_runs_are_spread_evenly(count: int, spread: float, seed: int) -> None:
    schedule = make(seed=seed)
    assert put(schedule, some(*range(count)), 100.0, spread=spread) == set()
    due = [moment for moment, _ in take_due(schedule, 100.0 + INTERVAL)]
    assert len(due) == count
    assert due[0] == 100.0
    step = min(spread, INTERVAL) / count  # never beyond one interval
    assert all(later - earlier == pytest.approx(step) for earlier, later in pairwise(due))


def test_the_first_order_is_random_so_that_one_hosts_ports_do_not_follow_each_other() -> None:
    orders = set()
    for seed in range(20):
        schedule = make(seed=seed)
        put(schedule, some(*range(8)), 0.0, spread=60.0)
        orders.add(tuple(each.host for _, each in take_due(schedule, 60.0)))
    assert len(orders) > 15


def test_the_second_runs_move_apart_over_an_interval_and_no_later_pass_is_a_burst() -> None:
    schedule, count = make(), 600
    put(schedule, some(*range(count)), 0.0, spread=60.0)
    runs = simulate(schedule, 10 * INTERVAL)
    assert len(runs) == count
    for moments in runs.values():
        first, second, *_ = moments
        assert 0.5 * INTERVAL <= second - first <= 1.5 * INTERVAL
        for earlier, later in pairwise(moments[1:]):
            assert (1 - JITTER) * INTERVAL <= later - earlier <= (1 + JITTER) * INTERVAL
    after_the_first = [moment for moments in runs.values() for moment in moments[1:]]
    # 600 in 900 s: evenly spread that would be 7 in ten seconds.
    assert most_in_any(10.0, after_the_first) < 22
    # From the second runs on every minute has its share: 40, and what chance adds.
    steady = [moment for moment in after_the_first if 0.6 * INTERVAL <= moment < 9 * INTERVAL]
    minutes = [sum(start <= moment < start + 60 for moment in steady) for start in range(540, 8040, 60)]
    assert min(minutes) > 15
    assert max(minutes) < 70


@given(seed=st.integers(0, 99), is_new=st.booleans())
def test_a_longer_wait_is_kept_and_those_who_got_it_together_move_apart(seed: int, is_new: bool) -> None:
    schedule = make(seed=seed)
    put(schedule, some(*range(40)), 0.0, spread=0.0)
    if not is_new:
        for _, each in take_due(schedule, 0.0):
            schedule.probed(each.key, 0.0)
    begun = 3 * INTERVAL
    while (taken := schedule.pop_due(begun)) is not None:
        schedule.probed(taken[0].key, begun, at_least=4 * INTERVAL)
    due = [moment for moment, _ in take_due(schedule, 1e9)]
    assert len(due) == 40
    assert min(due) >= begun + 4 * INTERVAL
    assert max(due) <= begun + 4 * INTERVAL * (1 + (0.5 if is_new else JITTER))
    assert most_in_any(10.0, due) < 12


def test_the_wait_counts_from_the_end_of_the_probe_and_missed_runs_are_not_caught_up() -> None:
    schedule = make(jitter=0.0)
    (only,) = some(1)
    put(schedule, [only], 0.0, spread=0.0)
    schedule.pop_due(0.0)
    schedule.probed(only.key, 0.0)
    schedule.pop_due(10_000.0)  # eleven intervals late
    schedule.probed(only.key, 10_030.0)
    assert schedule.next_due() == 10_030.0 + INTERVAL
    assert schedule.pop_due(10_100.0) is None


def test_lateness_is_told() -> None:
    schedule = make()
    (only,) = some(1)
    put(schedule, [only], 50.0, spread=0.0)
    assert schedule.pop_due(49.9) is None
    assert schedule.pop_due(53.0) == (only, 3.0)
    assert schedule.pop_due(53.0) is None  # until it has been probed


def test_replacing_keeps_due_times_and_names_what_is_gone() -> None:
    schedule = make()
    put(schedule, some(0, 1, 2, 3), 0.0, spread=40.0)
    before = {each.key: due for due, each in take_due(schedule, 40.0)}
    schedule = make()
    put(schedule, some(0, 1, 2, 3), 0.0, spread=40.0)
    gone = put(schedule, some(1, 3, 4), 5.0, spread=40.0)
    assert gone == {each.key for each in some(0, 2)}
    after = {each.key: due for due, each in take_due(schedule, 100.0)}
    assert {key: after[key] for key in before if key in after} == {
        each.key: before[each.key] for each in some(1, 3)
    }
    assert after[some(4)[0].key] == 5.0
    assert len(schedule) == 3


def test_a_known_endpoint_that_now_concerns_more_domains_is_handed_out_as_it_is_now() -> None:
    schedule = make()
    (old,) = some(1)
    new = Endpoint(
        old.host, old.address, 25, old.protocol, old.tls_mode, old.role, "mx", ("a.test", "b.test")
    )
    put(schedule, [old], 0.0, spread=0.0)
    put(schedule, [new], 1.0, spread=0.0)
    assert schedule.pop_due(2.0) == (new, 2.0)


def test_an_endpoint_that_is_removed_while_it_is_probed_stays_away() -> None:
    schedule = make()
    (only,) = some(1)
    put(schedule, [only], 0.0, spread=0.0)
    schedule.pop_due(0.0)
    assert put(schedule, [], 1.0, spread=0.0) == {only.key}
    schedule.probed(only.key, 2.0)
    assert only.key not in schedule
    assert schedule.next_due() is None


def test_a_removed_endpoints_due_time_does_not_come_back_with_it() -> None:
    schedule = make()
    (only,) = some(1)
    put(schedule, [only], 100.0, spread=0.0)
    put(schedule, [], 100.0, spread=0.0)
    assert schedule.next_due() is None  # nor does anybody wake up for it
    put(schedule, [only], 500.0, spread=0.0)
    assert [due for due, _ in take_due(schedule, 9999.0)] == [500.0]


def test_new_intervals_hold_from_the_next_probe_on() -> None:
    schedule = make(jitter=0.0)
    (only,) = some(1)
    put(schedule, [only], 0.0, spread=0.0)
    schedule.pop_due(0.0)
    schedule.probed(only.key, 0.0)
    schedule.pop_due(INTERVAL)
    schedule.adjust(60.0, 0.0)
    schedule.probed(only.key, INTERVAL)
    assert schedule.next_due() == INTERVAL + 60.0


def test_memory_does_not_grow_with_replacing() -> None:
    schedule = make()
    for turn in range(300):
        put(schedule, some(*range(turn * 50, turn * 50 + 50)), float(turn), spread=60.0)
        assert len(schedule) == 50
        assert len(schedule._heap) <= 3 * 50 + 16
    assert len(take_due(schedule, 1e9)) == 50


class Replanning(RuleBasedStateMachine):
    """Plans, probes and time in any order: exactly the planned endpoints come due, one turn each."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = make(100.0, 0.2)
        self.now = 0.0
        self.planned: set[Key] = set()
        self.probing: set[Key] = set()
        self.not_before: dict[Key, float] = {}

    @rule(numbers=st.sets(st.integers(0, 8)), spread=st.sampled_from([0.0, 10.0]))
    def replan(self, numbers: set[int], spread: float) -> None:
        wanted = some(*numbers)
        keys = {each.key for each in wanted}
        assert put(self.schedule, wanted, self.now, spread=spread) == self.planned - keys
        for key in keys - self.planned:
            self.not_before[key] = self.now
        self.planned = keys
        self.probing &= keys

    @rule(seconds=st.sampled_from([0.0, 5.0, 60.0, 130.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def probe(self) -> None:
        while (taken := self.schedule.pop_due(self.now)) is not None:
            key = taken[0].key
            assert key in self.planned
            assert key not in self.probing
            assert self.now >= self.not_before[key]
            self.probing.add(key)

    @rule()
    def finish(self) -> None:
        for key in self.probing:
            self.schedule.probed(key, self.now)
            self.not_before[key] = self.now + 50.0
        self.probing.clear()

    @invariant()
    def everybody_has_a_turn(self) -> None:
        assert len(self.schedule) == len(self.planned)
        assert (self.schedule.next_due() is None) == (self.planned == self.probing)
        assert len(self.schedule._heap) <= 2 * len(self.planned) + 16


Replanning.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestReplanning = Replanning.TestCase


@given(last=st.integers(0, 12), seed=st.integers(0, 99))
def test_a_replacement_that_is_broken_off_can_be_gone_on_with(last: int, seed: int) -> None:
    schedule = make(seed=seed)
    put(schedule, some(0, 1, 2, 3), 0.0, spread=40.0)
    gone: list[Key] = []
    steps = schedule.replace(some(2, 3, 4, 5), 5.0, spread=40.0, on_gone=gone.append)
    for _, _ in zip(range(last), steps, strict=False):
        assert schedule.next_due() is not None
    steps.close()
    gone += put(schedule, some(2, 3, 4, 5), 5.0, spread=40.0)
    assert sorted(gone) == sorted(one.key for one in some(0, 1))
    assert len(simulate(schedule, 100.0)) == len(schedule) == 4
