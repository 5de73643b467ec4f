"""The baseline: learnt from successes in a row, aged, and in the operator's hands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from scanner.model import Observation, State
from scanner.model.memory import Memory, Trait, TraitValue
from scanner.verdict.traits import TRAITS, TraitRule, read_traits

_FEWEST_OF_AGE = 6
"""Readings that a worse one must have to age: a clock that jumps ahead by a week is no week of probes."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """One trait that the baseline has taken on."""

    name: str
    before: TraitValue | None
    """None where nothing was known of it."""
    after: TraitValue


def learn(
    memory: Memory, observation: Observation, readings: Mapping[str, TraitValue], after: int
) -> tuple[Memory, tuple[Learnt, ...]]:
    """Return the memory with what one more success and its traits teach, and what has been learnt by it.

    A first reading or a better one is learnt when `after` successes in a row have shown it. A worse one
    has to stand for as long as its trait ages, and some never age. A failure breaks the row of what is
    being learnt for the first time.
    """
    if memory.is_pinned:
        return memory, ()
    if observation.state is not State.OPEN:
        traits = {name: trait for name, trait in memory.traits.items() if trait.value is not None}
        return replace(memory, traits=traits), ()
    traits = dict(memory.traits)
    learnt = []
    for name, reading in readings.items():
        trait = _take(TRAITS[name], traits.get(name), reading, observation.started_at, after)
        former = traits.get(name)
        before = former.value if former is not None else None
        if trait.value is not None and trait.value != before:
            learnt.append(Learnt(name, before, trait.value))
        traits[name] = trait
    return replace(memory, traits=traits), tuple(learnt)


def _take(rule: TraitRule, trait: Trait | None, reading: TraitValue, at: datetime, after: int) -> Trait:
    if trait is None:
        trait = Trait(None, at, at)
    if trait.value is not None and rule.is_same(trait.value, reading):
        if rule.is_collected:  # one of several machines: that another was seen as well still counts
            return replace(trait, seen_at=at)
        return Trait(trait.value, trait.since, at)
    if trait.rival == reading and trait.rival_since is not None:
        count, since = trait.rival_count + 1, trait.rival_since
    else:
        count, since = 1, at
    is_due = count >= after
    if trait.value is not None and rule.is_worse(trait.value, reading):
        has_aged = rule.ages is not None and count >= _FEWEST_OF_AGE and at - since >= rule.ages
        is_due = is_due and has_aged
    if is_due:
        return Trait(rule.merge(trait.value, reading), since, at)
    return replace(trait, rival=reading, rival_count=count, rival_since=since)


def lost(memory: Memory, readings: Mapping[str, TraitValue], name: str) -> Trait | None:
    """Return the trait where a reading falls behind its baseline; None where it does not, or cannot tell."""
    trait, reading = memory.traits.get(name), readings.get(name)
    if trait is None or trait.value is None or reading is None:
        return None
    return trait if TRAITS[name].is_worse(trait.value, reading) else None


def accept(memory: Memory, observation: Observation, at: datetime) -> Memory:
    """Return the memory with the present as its baseline; what the present cannot tell is kept.

    A port that does not answer is accepted as one that need not.
    """
    traits = dict(memory.traits)
    for name, reading in read_traits(observation).items():
        if name == "open" and not reading:
            traits.pop(name, None)
        else:
            traits[name] = Trait(TRAITS[name].merge(None, reading), at, observation.started_at)
    return _reopen(replace(memory, traits=traits))


def reset(memory: Memory) -> Memory:
    """Return the memory without a baseline: it is learnt anew."""
    return _reopen(replace(memory, traits={}, is_pinned=False))


def pin(memory: Memory, *, is_pinned: bool) -> Memory:
    """Return the memory with its baseline fixed as it is, or free to be learnt on."""
    return replace(memory, is_pinned=is_pinned)


def _reopen(memory: Memory) -> Memory:
    """Let every verdict be found anew: those that stand were measured by another baseline."""
    return replace(memory, standing={}, recent=(), pending_since={})
