"""What is remembered of an endpoint, and what the orders that wait will make of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from scanner.cli.kept import Source
from scanner.model import Observation, State
from scanner.model.memory import Memory, TraitValue
from scanner.model.observation import Key
from scanner.service.orders import ACTIONS, change_memory, is_for, keys_in
from scanner.service.recollection import read_memory
from scanner.store import Kept, Order
from scanner.verdict.trait_words import tell_title, tell_value


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that an order makes different, in words; None where there is nothing."""

    what: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """An order that waits for the service, and what it will change."""

    order: Order
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class View:
    """One endpoint with its memory, and with what waits."""

    kept: Kept
    memory: Memory | None
    """None where it cannot be read."""
    waiting: tuple[Foreseen, ...]
    outlook: Memory
    """The memory once all that waits is carried out."""

    @property
    def key(self) -> Key:
        """The endpoint's identity."""
        return self.kept.key

    @property
    def name(self) -> str:
        """The endpoint for people."""
        host, address, port, _, _ = self.key
        return f"{host} [{address}]:{port}"


def look_at(source: Source, found: Sequence[Kept]) -> list[View]:
    """Return each endpoint with its memory and the orders that wait for it."""
    orders = [order for order in source.reader.pending_orders() if is_for(order, source.vantage)]
    return [_look_at(kept, orders) for kept in found]


def foresee(action: str, view: View) -> tuple[Change, ...]:
    """Return what an action will change, after all that waits, if the next probe shows what the last did."""
    if view.kept.latest is None:
        return ()
    after = change_memory(action, view.outlook, view.kept.latest, datetime.now(UTC))
    return compare(view.outlook, after)


def why_not(action: str, view: View) -> str | None:
    """Say why an action cannot be carried out for an endpoint; None where it can."""
    latest = view.kept.latest
    if latest is None:
        return "its last result cannot be read; wait for the next probe"
    if view.memory is None:
        return "its memory cannot be read; mailport serve starts it anew with the next probe"
    if action == "accept" and latest.state is State.UNKNOWN:
        return f"its last probe could not tell what is there ({latest.reason}), so nothing can be accepted"
    return None


def compare(before: Memory, after: Memory) -> tuple[Change, ...]:
    """Return what differs between two memories, as far as it matters to people."""
    names = [
        name for name in {**before.traits, **after.traits} if _value(before, name) != _value(after, name)
    ]
    changes = [
        Change(tell_title(name), _words(name, _value(before, name)), _words(name, _value(after, name)))
        for name in names
    ]
    if before.is_pinned is not after.is_pinned:
        changes.append(Change("pinned", _yes(before.is_pinned), _yes(after.is_pinned)))
    if not after.standing.keys() >= before.standing.keys():
        gone = sorted(before.standing.keys() - after.standing.keys())
        changes.append(Change("standing verdicts", ", ".join(gone), "judged anew"))
    return tuple(changes)


def _look_at(kept: Kept, orders: Sequence[Order]) -> View:
    memory = Memory() if kept.memory is None else read_memory(kept.memory)
    outlook = memory or Memory()
    waiting = []
    for order in orders:
        if kept.key in keys_in(order) and order.action in ACTIONS:
            after = _carry_out(order, outlook, kept.latest)
            waiting.append(Foreseen(order, compare(outlook, after)))
            outlook = after
    return View(kept, memory, tuple(waiting), outlook)


def _carry_out(order: Order, memory: Memory, latest: Observation | None) -> Memory:
    return memory if latest is None else change_memory(order.action, memory, latest, order.at)


def _value(memory: Memory, name: str) -> TraitValue | None:
    trait = memory.traits.get(name)
    return None if trait is None else trait.value


def _words(name: str, value: TraitValue | None) -> str | None:
    return None if value is None else tell_value(name, value)


def _yes(is_so: bool) -> str:  # noqa: FBT001 - the word for a switch
    return "yes" if is_so else "no"
