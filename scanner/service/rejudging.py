"""Judges the stored history again by today's rules, and tells what they find otherwise."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scanner.config import Settings
from scanner.model import Observation, StandingVerdict
from scanner.model.event import Event, EventKind
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.probe.prober import judged
from scanner.service.orders import ACTIONS, change_memory
from scanner.service.parts import build_policy
from scanner.service.recollection import read_memory
from scanner.store import EventQuery, Kept, Reader
from scanner.verdict import Policy
from scanner.verdict.remember import Patience, remember, supplement
from scanner.verdict.siblings import SIBLINGS_DISAGREE

_ALL = 2**31 - 1
_FIXING = {"pin": False, "unpin": True, "reset": False}
"""By the first of these orders that history has: whether the baseline was pinned before."""


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What today's rules make of the history of one endpoint."""

    key: Key
    samples: int
    first_at: datetime
    is_whole: bool
    """Whether history goes back to the first probe; else baselines from before it are taken over."""
    memory: Memory
    more: tuple[Event, ...]
    """What today's rules tell and the store lacks."""
    fewer: tuple[Event, ...]
    """What the store has and today's rules do not tell."""


class Rejudge:
    """Goes through a store endpoint by endpoint.

    Args:
        since: earlier differences are passed over; history is judged from its beginning all the same.
    """

    def __init__(self, reader: Reader, settings: Settings, since: datetime | None = None) -> None:
        self._reader = reader
        self._vantage = settings.vantage
        self._policy = build_policy(settings.policy)
        self._patience = Patience(settings.policy.baseline_after, settings.policy.confirm_after)
        self._since = since

    def run(self) -> Iterator[Rejudged]:
        """Yield what comes of each endpoint that has any history."""
        # Events are kept apart from samples: what was pruned from them is missing, not different.
        oldest = self._reader.events(EventQuery(limit=1, is_newest_first=False))
        floor = oldest[0].at if oldest and (oldest[0].id or 0) > 1 else None
        for kept in self._reader.find(lambda _key, _domains: True, vantage=self._vantage):
            samples = self._reader.history(kept.key, vantage=self._vantage, limit=_ALL)[::-1]
            if samples:
                yield self._judge(kept, samples, floor)

    def _judge(self, kept: Kept, samples: Sequence[Observation], floor: datetime | None) -> Rejudged:
        query = EventQuery(key=kept.key, vantage=self._vantage, limit=_ALL, is_newest_first=False)
        stored = self._reader.events(query)
        first, last = samples[0].started_at, samples[-1].started_at
        former = (None if kept.memory is None else read_memory(kept.memory)) or Memory()
        orders = [event for event in stored if _is_order(event) and event.at >= first]
        is_whole = former.first_seen is None or former.first_seen >= first
        seed = Memory() if is_whole else _seed(former, first, orders)
        memory, told = replay(samples, orders, seed, self._policy, self._patience)
        begin = first if is_whole else _end_of_warm_up(samples, self._patience)
        begin = max(moment for moment in (begin, self._since, floor) if moment is not None)
        today = [event for event in told if begin <= event.at <= last]
        then = [event for event in stored if not _is_order(event) and begin <= event.at <= last]
        return Rejudged(
            kept.key,
            len(samples),
            first,
            is_whole,
            memory if is_whole else _keep_ages(memory, former, first),
            tuple(_subtract(today, then)),
            tuple(_subtract(then, today)),
        )


def replay(
    samples: Iterable[Observation], orders: Iterable[Event], seed: Memory, policy: Policy, patience: Patience
) -> tuple[Memory, tuple[Event, ...]]:
    """Judge samples one after the other, with the operator's orders where they were given."""
    memory, told = seed, list[Event]()
    waiting, last = deque(orders), None
    for sample in samples:
        while last is not None and waiting and waiting[0].at <= sample.started_at:
            memory = _obey(waiting.popleft(), memory, last, policy)
        last = _judge_again(sample, policy)
        done = remember(memory, last, policy, patience)
        memory = done.memory
        told += done.events
    while last is not None and waiting:
        memory = _obey(waiting.popleft(), memory, last, policy)
    return memory, tuple(told)


def _judge_again(sample: Observation, policy: Policy) -> Observation:
    """Judge a sample by today's rules; what siblings made of it stays: they are not at hand."""
    seen = judged(replace(sample, standing=None), policy)
    among_kin = tuple(verdict for verdict in sample.verdicts if verdict.id == SIBLINGS_DISAGREE)
    return replace(seen, verdicts=(*seen.verdicts, *among_kin)) if among_kin else seen


def _obey(order: Event, memory: Memory, seen: Observation, policy: Policy) -> Memory:
    changed = change_memory(order.name or "", memory, seen, order.at)
    return supplement(changed, seen, policy).memory


def _is_order(event: Event) -> bool:
    return event.kind is EventKind.BASELINE_CHANGED and event.name in ACTIONS


def _seed(former: Memory, first: datetime, orders: Sequence[Event]) -> Memory:
    """Return what was known when the samples begin that are kept: older ones were pruned.

    A baseline that is older than they are, and still holds, held then.
    """
    traits = {
        name: replace(trait, seen_at=min(trait.seen_at, first), rival=None, rival_count=0, rival_since=None)
        for name, trait in former.traits.items()
        if trait.value is not None and trait.since < first
    }
    fixing = next((order.name for order in orders if order.name in _FIXING), None)
    is_pinned = former.is_pinned if fixing is None else _FIXING[fixing]
    return Memory(traits=traits, is_pinned=is_pinned, first_seen=former.first_seen)


def _end_of_warm_up(samples: Sequence[Observation], patience: Patience) -> datetime:
    """Return from when on it counts what is told: what stood before has to be confirmed anew at first."""
    return samples[min(patience.confirm_after + 1, len(samples) - 1)].started_at


def _keep_ages(memory: Memory, former: Memory, first: datetime) -> Memory:
    """Let what stood before the samples begin, and still does, be as old as it is."""
    standing = {id_: _as_old(each, former.standing.get(id_)) for id_, each in memory.standing.items()}
    is_same = memory.state is former.state and memory.state_since == first
    since = former.state_since if is_same and former.state_since is not None else memory.state_since
    return replace(memory, standing=standing, state_since=since)


def _as_old(now: StandingVerdict, before: StandingVerdict | None) -> StandingVerdict:
    return now if before is None else replace(now, since=min(now.since, before.since))


def _subtract(some: Sequence[Event], others: Sequence[Event]) -> Iterator[Event]:
    left = Counter(_gist(event) for event in others)
    for event in some:
        if left[_gist(event)]:
            left[_gist(event)] -= 1
        else:
            yield event


def _gist(event: Event) -> tuple[object, ...]:
    return (event.at, event.kind, event.name, event.severity)
