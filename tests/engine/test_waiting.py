"""The waiting room against a model: limits and gaps of each address, nothing lost, nothing kept in vain."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scanner.engine import WaitingRoom
from scanner.model import Endpoint
from tests.engine.clockwork import endpoint

ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::1")


class Visits(RuleBasedStateMachine):
    """Pushes, pops, releases and changes limits in any order, and knows what must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.per_address, self.gap = 1, 1.0
        self.room: WaitingRoom[Endpoint] = WaitingRoom(self.per_address, self.gap)
        self.now = 0.0
        self.count = 0
        self.waiting: dict[str, list[Endpoint]] = defaultdict(list)
        self.busy: dict[str, int] = defaultdict(int)
        # No start earlier than this; by the gap that held when the turn was given.
        self.free_at: dict[str, float] = defaultdict(float)

    @rule(address=st.sampled_from(ADDRESSES))
    def push(self, address: str) -> None:
        self.count += 1
        came = endpoint(self.count, address)
        self.waiting[address].append(came)
        self.room.push(came)

    @rule(address=st.sampled_from(ADDRESSES))
    def push_urgently(self, address: str) -> None:
        self.count += 1
        came = endpoint(self.count, address)
        self.waiting[address].insert(0, came)
        self.room.push(came, is_urgent=True)

    @rule(seconds=st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def pop(self) -> None:
        has_turn = self.room.has_turn(self.now)
        went = self.room.pop(self.now)
        assert has_turn == (went is not None)
        if went is None:
            ready = [
                address
                for address, queue in self.waiting.items()
                if queue and self.busy[address] < self.per_address and self.free_at[address] <= self.now
            ]
            assert ready == [], "somebody whose turn it is was not called"
            return
        address = went.address
        assert self.busy[address] < self.per_address
        assert self.now >= self.free_at[address]
        assert went == self.waiting[address].pop(0), "first come, first served, at each address"
        self.busy[address] += 1
        self.free_at[address] = self.now + self.gap

    @precondition(lambda self: any(self.busy.values()))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(sorted(a for a, busy in self.busy.items() if busy)))
        self.busy[address] -= 1
        self.room.release(address, self.now)
        if self.per_address == 1:
            self.free_at[address] = max(self.free_at[address], self.now + self.gap)

    @invariant()
    def who_may_go_but_for_the_gap_is_counted(self) -> None:
        free = [a for a, queue in self.waiting.items() if queue and self.busy[a] < self.per_address]
        assert self.room.free == len(free)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert len(self.room) == sum(map(len, self.waiting.values()))

    @invariant()
    def the_next_turn_is_told(self) -> None:
        turn = self.room.next_turn()
        is_possible = any(queue and self.busy[a] < self.per_address for a, queue in self.waiting.items())
        assert turn is not None or not is_possible, "nobody would ever look again"

    def teardown(self) -> None:
        """Let everybody through: all come out, and no address is remembered."""
        for _ in range(10 * self.count + 10):
            self.now += 10.0
            while (went := self.room.pop(self.now)) is not None:
                self.waiting[went.address].remove(went)
                self.busy[went.address] += 1
            for address, busy in self.busy.items():
                for _ in range(busy):
                    self.room.release(address, self.now)
                self.busy[address] = 0
        assert len(self.room) == 0
        assert not any(self.waiting.values())
        assert self.room.next_turn() is None
        assert self.room._addresses == {}


class VisitsOfTwo(Visits):
    """The same with two connections to one address at once, where the gap is between starts."""

    def __init__(self) -> None:
        super().__init__()
        self.per_address, self.gap = 2, 0.5
        self.room = WaitingRoom(self.per_address, self.gap)

    @rule()
    def pop(self) -> None:
        went = self.room.pop(self.now)
        if went is None:
            return
        address = went.address
        assert self.busy[address] < self.per_address
        assert self.now >= self.free_at[address]
        assert went == self.waiting[address].pop(0)
        self.busy[address] += 1
        self.free_at[address] = self.now + self.gap


class VisitsWithoutGap(Visits):
    """The same without a gap, as a scan has it."""

    def __init__(self) -> None:
        super().__init__()
        self.gap = 0.0
        self.room = WaitingRoom(self.per_address, self.gap)


class VisitsLongestFirst(Visits):
    """The same where those with most left to do have a start on the others."""

    def __init__(self) -> None:
        super().__init__()
        self.room = WaitingRoom(self.per_address, self.gap, longest_first=True)


for machine in (Visits, VisitsOfTwo, VisitsWithoutGap, VisitsLongestFirst):
    machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestVisits = Visits.TestCase
TestVisitsOfTwo = VisitsOfTwo.TestCase
TestVisitsWithoutGap = VisitsWithoutGap.TestCase
TestVisitsLongestFirst = VisitsLongestFirst.TestCase


@given(
    limits=st.lists(st.tuples(st.integers(1, 3), st.sampled_from([0.0, 0.5, 2.0])), min_size=1, max_size=6),
    addresses=st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=20),
)
@settings(max_examples=80)
def test_new_limits_hold_from_the_next_turn_on(limits: list[tuple[int, float]], addresses: list[str]) -> None:
    room: WaitingRoom[Endpoint] = WaitingRoom(3, 0.0)
    for number, address in enumerate(addresses):
        room.push(endpoint(number, address))
    now, came, busy = 0.0, 0, dict.fromkeys(ADDRESSES, 0)
    for per_address, gap in limits * 30:
        room.adjust(per_address, gap)
        while (went := room.pop(now)) is not None:
            came += 1
            busy[went.address] += 1
            assert busy[went.address] <= per_address
        for address, count in busy.items():
            if count:
                room.release(address, now)
                busy[address] -= 1
        now += 1.0
    assert came == len(addresses)


def test_one_address_does_not_hold_up_the_others() -> None:
    room: WaitingRoom[Endpoint] = WaitingRoom(1, 10.0)
    crowd = [endpoint(number, ADDRESSES[0]) for number in range(5)]
    other = endpoint(9, ADDRESSES[1])
    for each in (*crowd, other):
        room.push(each)
    assert room.pop(0.0) == crowd[0]
    assert room.pop(0.0) == other
    assert room.pop(0.0) is None
    room.release(ADDRESSES[0], 3.0)
    assert room.next_turn() == 13.0
    assert room.pop(12.9) is None
    assert room.pop(13.0) == crowd[1]


@pytest.mark.parametrize("per_address", [1, 2])
def test_a_wider_limit_is_used_at_once(per_address: int) -> None:
    room: WaitingRoom[Endpoint] = WaitingRoom(per_address, 0.0)
    for number in range(4):
        room.push(endpoint(number, ADDRESSES[0]))
    while room.pop(0.0) is not None:
        pass
    assert len(room) == 4 - per_address
    room.adjust(4, 0.0)
    while room.pop(0.0) is not None:
        pass
    assert len(room) == 0


def test_an_address_with_nobody_waiting_is_forgotten_after_its_gap() -> None:
    room: WaitingRoom[Endpoint] = WaitingRoom(1, 5.0)
    for number in range(1000):
        room.push(endpoint(number))
    while (went := room.pop(0.0)) is not None:
        room.release(went.address, 1.0)
    assert len(room._addresses) == 1000  # whoever comes within the gap must still wait
    assert room.pop(6.0) is None
    assert len(room._addresses) == 0
    assert room.next_turn() is None


def test_an_urgent_job_goes_before_all_that_wait_elsewhere_and_keeps_the_gap_of_its_address() -> None:
    room: WaitingRoom[Endpoint] = WaitingRoom(1, 5.0)
    ordinary, urgent = endpoint(1, ADDRESSES[0]), endpoint(2, ADDRESSES[1])
    room.push(ordinary)
    room.push(urgent, is_urgent=True)
    assert room.pop(0.0) is urgent
    again = endpoint(3, ADDRESSES[1])
    room.push(again, is_urgent=True)
    assert room.pop(0.0) is ordinary
    room.release(urgent.address, 1.0)
    assert room.pop(5.9) is None
    assert room.pop(6.0) is again


def test_what_is_withdrawn_has_no_turn_and_costs_its_address_none() -> None:
    room: WaitingRoom[Endpoint] = WaitingRoom(1, gap=10.0)
    first, second, third = (endpoint(number, "192.0.2.1") for number in range(3))
    for job in (first, second, third):
        room.push(job)
    room.withdraw(first)
    room.withdraw(first)
    assert len(room) == 2
    assert room.pop(0.0) is second
    room.withdraw(second)  # its turn has come
    room.release("192.0.2.1", 1.0)
    assert room.pop(11.0) is third
    room.release("192.0.2.1", 11.0)
    room.push(first, now=11.0)
    assert room.free == 1
    room.withdraw(first)
    assert (len(room), room.free) == (0, 0)
