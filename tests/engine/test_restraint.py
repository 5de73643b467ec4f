"""Restraint: who turns us away is asked less often, within bounds, and as ever once that is over."""

from hypothesis import given
from hypothesis import strategies as st

from scanner.engine import Restraint
from scanner.engine.restraint import LONGER, LONGEST_SECONDS
from scanner.model import State
from tests.engine.clockwork import endpoint

KEY, OTHER = endpoint(1).key, endpoint(2).key


def test_the_first_refusals_change_nothing_and_then_the_wait_is_longer() -> None:
    restraint = Restraint(900.0)
    waits = [restraint.wait_after(KEY, State.REJECTING) for _ in range(6)]
    assert waits == [0.0, 0.0, 1800.0, 1800.0, 1800.0, 1800.0]


def test_another_answer_ends_it_at_once_and_our_own_fault_does_not() -> None:
    restraint = Restraint(60.0)
    for state in (State.REJECTING, State.REJECTING, State.UNKNOWN):
        restraint.wait_after(KEY, state)
    assert restraint.wait_after(KEY, State.REJECTING) == 120.0
    assert restraint.wait_after(KEY, State.OPEN) == 0.0
    assert restraint.wait_after(KEY, State.REJECTING) == 0.0
    assert restraint.wait_after(OTHER, State.REJECTING) == 0.0


def test_what_is_forgotten_begins_anew() -> None:
    restraint = Restraint(60.0)
    for _ in range(3):
        restraint.wait_after(KEY, State.REJECTING)
    restraint.forget(KEY)
    restraint.forget(OTHER)
    assert restraint.wait_after(KEY, State.REJECTING) == 0.0


def test_only_what_cannot_be_reached_waits_for_the_interval_of_that() -> None:
    restraint = Restraint(900.0, 7200.0)
    found = {state: restraint.wait_after(KEY, state) for state in State}
    assert {state for state, wait in found.items() if wait} == {State.UNREACHABLE, State.BLOCKED}
    assert found[State.BLOCKED] == 7200.0
    restraint.adjust(900.0, None)
    assert restraint.wait_after(KEY, State.BLOCKED) == 0.0


@given(interval=st.floats(1.0, 31_536_000.0), refusals=st.integers(1, 2000))
def test_no_wait_is_longer_than_its_bound(interval: float, refusals: int) -> None:
    restraint = Restraint(interval)
    waits = [restraint.wait_after(KEY, State.REJECTING) for _ in range(refusals)]
    assert waits == sorted(waits)
    assert max(waits) <= min(LONGER * interval, LONGEST_SECONDS)
