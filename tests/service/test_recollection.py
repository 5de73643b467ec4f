"""The recollection: memory by endpoint, restored, taken to a host's new address, safe from its listeners."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest

from scanner.model import Observation, Reason, StartTls
from scanner.model.event import Event, EventKind
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.service.recollection import Recollection, read_memory, write_memory
from scanner.verdict import Policy, judge
from scanner.verdict.remember import Patience
from tests.verdict.observations import NOW, ended, healthy, in_clear

STRIPPED = in_clear(587, StartTls(offered=False))


class Kept:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.memories: dict[Key, Memory] = {}
        self.events: list[Event] = []

    def accept(self, observation: Observation, memory: Memory, events: Sequence[Event]) -> None:
        """Keep it."""
        self.memories[observation.endpoint.key] = memory
        self.events.extend(events)


class Broken:
    """Fails to keep anything."""

    def accept(self, observation: Observation, memory: Memory, events: Sequence[Event]) -> None:
        """Fail."""
        raise OSError("no space left")


def see(recollection: Recollection, *shown: Observation, at_minute: int = 0) -> Observation:
    """Let it remember probes a quarter of an hour apart; return the last as it is judged."""
    seen = None
    for number, observation in enumerate(shown):
        started_at = NOW + timedelta(minutes=at_minute + 15 * number)
        probed = replace(observation, started_at=started_at)
        judged = replace(probed, verdicts=judge(probed, Policy(), started_at))
        seen = recollection.remember(judged)
    assert seen is not None
    return seen


def standing(seen: Observation) -> list[str]:
    return [each.verdict.id for each in seen.standing or ()]


def do(steps: Iterable[None]) -> None:
    """Do all steps of something that is done in pieces."""
    for _ in steps:
        pass


def at(observation: Observation, address: str) -> Observation:
    return replace(observation, endpoint=replace(observation.endpoint, address=address))


def test_a_downgrade_over_a_restart_is_not_lost() -> None:
    kept = Kept()
    see(Recollection(Policy(), Patience(), [kept]), *[healthy(587)] * 4)
    after = Recollection(Policy(), Patience(), [kept])
    do(after.restore({key: write_memory(memory) for key, memory in kept.memories.items()}))
    seen = see(after, STRIPPED, STRIPPED, at_minute=60)
    assert standing(seen) == ["starttls_missing"]
    assert "It was offered until 2026-01-15 12:45 UTC" in seen.verdicts[0].summary


def test_a_loss_half_confirmed_over_a_restart_is_confirmed_by_the_next_probe() -> None:
    kept = Kept()
    see(Recollection(Policy(), Patience(), [kept]), *[healthy(587)] * 4, STRIPPED)
    after = Recollection(Policy(), Patience(), [kept])
    do(after.restore({key: write_memory(memory) for key, memory in kept.memories.items()}))
    assert standing(see(after, STRIPPED, at_minute=75)) == ["starttls_missing"]


def test_an_unreadable_memory_is_learnt_anew() -> None:
    recollection = Recollection(Policy(), Patience(), [])
    do(recollection.restore({healthy(587).endpoint.key: '{"traits": 7'}))
    see(recollection, *[healthy(587)] * 4)
    assert recollection.of(healthy(587).endpoint.key).has_baseline


def test_a_memory_of_a_newer_version_is_read_as_far_as_it_is_known() -> None:
    assert read_memory('{"is_pinned": true, "surprise": [1, 2]}') == Memory(is_pinned=True)


def test_a_host_takes_its_baseline_to_another_address() -> None:
    recollection = Recollection(Policy(), Patience(), [])
    see(recollection, *[at(healthy(587), "192.0.2.1")] * 4)
    recollection.forget(at(healthy(587), "192.0.2.1").endpoint.key)
    seen = see(recollection, *[at(STRIPPED, "192.0.2.2")] * 2, at_minute=60)
    assert standing(seen) == ["starttls_missing"]
    assert seen.verdicts[0].kind == "downgrade"


def test_a_new_address_that_never_answered_has_not_ceased_to() -> None:
    recollection = Recollection(Policy(), Patience(), [])
    see(recollection, *[at(healthy(587), "192.0.2.1")] * 4)
    recollection.forget(at(healthy(587), "192.0.2.1").endpoint.key)
    silent = at(ended(587, reason=Reason.CONNECT_TIMEOUT), "192.0.2.2")
    assert "It answered until" not in see(recollection, silent, at_minute=60).verdicts[0].summary


def test_an_address_beside_the_old_one_learns_for_itself() -> None:
    recollection = Recollection(Policy(), Patience(), [])
    see(recollection, *[at(healthy(587), "192.0.2.1")] * 4)
    seen = see(recollection, *[at(STRIPPED, "192.0.2.2")] * 2, at_minute=60)
    assert seen.verdicts[0].kind == "weakness"


def test_an_endpoint_that_comes_back_is_remembered() -> None:
    recollection = Recollection(Policy(), Patience(), [])
    see(recollection, *[healthy(587)] * 4)
    before = recollection.of(healthy(587).endpoint.key)
    recollection.forget(healthy(587).endpoint.key)
    assert recollection.of(healthy(587).endpoint.key) == before


def test_who_fails_to_remember_costs_nobody_the_result() -> None:
    kept = Kept()
    seen = see(Recollection(Policy(), Patience(), [Broken(), kept]), *[healthy(587)] * 4)
    assert seen.standing == ()
    assert [event.kind for event in kept.events] == [EventKind.BASELINE_LEARNT]


def test_a_working_alternative_is_named_where_one_was_measured() -> None:
    recollection = Recollection(
        Policy(), Patience(), [kept := Kept()], lambda _: [healthy(465), healthy(993)]
    )
    see(recollection, *[healthy(587)] * 4)
    seen = see(recollection, *[ended(587, reason=Reason.CONNECT_TIMEOUT)] * 2, at_minute=60)
    expected = "mail.example.org:465, TLS from the first byte"
    assert [verdict.working_alternative for verdict in seen.verdicts] == [expected]
    raised = [event for event in kept.events if event.kind is EventKind.VERDICT_RAISED]
    assert [event.after["working_alternative"] for event in raised] == [expected]


def test_what_does_not_work_is_no_alternative() -> None:
    others = [ended(465, reason=Reason.CONNECT_TIMEOUT), healthy(587), healthy(25)]
    recollection = Recollection(Policy(), Patience(), [], lambda _: others)
    seen = see(recollection, *[ended(587, reason=Reason.CONNECT_TIMEOUT)] * 2)
    assert [verdict.working_alternative for verdict in seen.verdicts] == [None]


def test_a_fault_in_judging_costs_one_endpoint_its_memory_and_nobody_else_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recollection = Recollection(Policy(), Patience(), [])
    see(recollection, *[healthy(587)] * 4)
    see(recollection, *[healthy(993)] * 4)

    def fail(*_: object) -> None:
        raise KeyError("odd")

    with monkeypatch.context() as patch:
        patch.setattr("scanner.service.recollection.remember", fail)
        assert see(recollection, healthy(587)).standing == ()
    assert not recollection.of(healthy(587).endpoint.key).has_baseline
    assert recollection.of(healthy(993).endpoint.key).has_baseline


def restarted(*kept: Kept, watched: Sequence[str], is_late: bool = False) -> Recollection:
    """Begin anew with what was kept, and watch these addresses."""
    after = Recollection(Policy(), Patience(), [])
    texts = {key: write_memory(memory) for each in kept for key, memory in each.memories.items()}
    keys = [at(healthy(587), address).endpoint.key for address in watched]
    if not is_late:
        do(after.restore(texts))
    do(after.follow(keys))
    if is_late:
        see(after, *[at(STRIPPED, address) for address in watched], at_minute=45)
        do(after.restore(texts))
    return after


def learnt(address: str, *, at_minute: int = 0) -> Kept:
    kept = Kept()
    see(Recollection(Policy(), Patience(), [kept]), *[at(healthy(587), address)] * 4, at_minute=at_minute)
    return kept


@pytest.mark.parametrize("is_late", [False, True])
def test_a_host_that_moved_while_nothing_watched_keeps_its_baseline(is_late: bool) -> None:
    after = restarted(learnt("192.0.2.1"), watched=["192.0.2.2"], is_late=is_late)
    seen = see(after, *[at(STRIPPED, "192.0.2.2")] * 2, at_minute=60)
    assert standing(seen) == ["starttls_missing"]
    assert seen.verdicts[0].kind == "downgrade"


def test_an_address_beside_the_old_one_after_a_restart_learns_for_itself() -> None:
    after = restarted(learnt("192.0.2.1"), watched=["192.0.2.1", "192.0.2.2"])
    assert see(after, *[at(STRIPPED, "192.0.2.2")] * 2, at_minute=60).verdicts[0].kind == "weakness"


@pytest.mark.parametrize(("days", "kind"), [(0, "downgrade"), (2, "weakness")])
def test_one_address_of_two_that_moved_is_told_from_one_that_was_added(days: int, kind: str) -> None:
    """What was left long before the others were probed last has nothing to do with the new one."""
    minutes = days * 24 * 60
    after = restarted(
        learnt("192.0.2.1"), learnt("192.0.2.2", at_minute=minutes), watched=["192.0.2.2", "192.0.2.3"]
    )
    seen = see(after, *[at(STRIPPED, "192.0.2.3")] * 2, at_minute=minutes + 60)
    assert seen.verdicts[0].kind == kind


def test_an_endpoint_that_is_left_before_its_first_probe_after_a_restart_hands_its_baseline_on() -> None:
    after = restarted(learnt("192.0.2.1"), watched=["192.0.2.1"])
    after.forget(at(healthy(587), "192.0.2.1").endpoint.key)
    seen = see(after, *[at(STRIPPED, "192.0.2.2")] * 2, at_minute=60)
    assert seen.verdicts[0].kind == "downgrade"


ADDRESSES = ("192.0.2.1", "192.0.2.2", "192.0.2.3")


@pytest.mark.parametrize("steps", range(8))
def test_a_probe_between_the_pieces_of_what_comes_late_loses_no_baseline(steps: int) -> None:
    kept = [learnt(address) for address in ADDRESSES]
    after = Recollection(Policy(), Patience(), [])
    do(after.follow([at(healthy(587), address).endpoint.key for address in ADDRESSES]))
    see(after, at(STRIPPED, ADDRESSES[0]), at_minute=40)
    late = after.restore({key: write_memory(each) for one in kept for key, each in one.memories.items()})
    do(islice(late, steps))
    see(after, *[at(STRIPPED, address) for address in ADDRESSES], at_minute=45)
    do(late)
    for address in ADDRESSES:
        seen = see(after, *[at(STRIPPED, address)] * 2, at_minute=60)
        assert standing(seen) == ["starttls_missing"]
        assert seen.verdicts[0].kind == "downgrade"


@pytest.mark.parametrize("steps", range(6))
def test_a_move_is_followed_by_the_next_plan_where_one_was_given_up(steps: int) -> None:
    after = Recollection(Policy(), Patience(), [])
    do(after.restore({key: write_memory(each) for key, each in learnt("192.0.2.1").memories.items()}))
    key = at(healthy(587), "192.0.2.2").endpoint.key
    given_up = after.follow([key])
    do(islice(given_up, steps))
    given_up.close()
    do(after.follow([key]))
    assert see(after, *[at(STRIPPED, "192.0.2.2")] * 2, at_minute=60).verdicts[0].kind == "downgrade"
