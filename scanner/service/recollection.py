"""The recollection: judges every probe by what is remembered of its endpoint, and remembers it."""

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from pydantic import TypeAdapter, ValidationError

from scanner.model import Observation, Severity
from scanner.model.event import Event
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.service.memory_shelf import MemoryShelf
from scanner.service.moves import Place, find_moves, place_of
from scanner.store.packing import PackedTexts
from scanner.verdict import Policy
from scanner.verdict.alternatives import find_alternative, with_alternative
from scanner.verdict.confirmation import is_undecided
from scanner.verdict.remember import Patience, Remembered, remember, supplement

log = structlog.get_logger(__name__)

MOST_STORED = 200_000
"""How many endpoints that are not watched now are kept in mind; a store keeps more."""
_MEMORY = TypeAdapter(Memory)

_NEVER = datetime.min.replace(tzinfo=UTC)
LATELY = timedelta(days=1)
"""An address that was left longer than this before others of its host were probed last is no move."""
_OF_THE_ADDRESS = frozenset({"open"})
"""Traits that a host does not take with it to another address."""


class Rememberer(Protocol):
    """Who keeps what a probe has changed: a store, the incident board, the log of events."""

    def accept(self, observation: Observation, memory: Memory, events: Sequence[Event]) -> None:
        """Take what one probe came to; must not block."""


class Recollection:
    """Holds the memory of every endpoint that is watched.

    Args:
        policy: what the targets are held against.
        patience: how many probes it takes until something counts.
        rememberers: are told of every probe.
        find_others: returns the last observations of the domains that an endpoint serves, to find a
            working alternative among them.
    """

    def __init__(
        self,
        policy: Policy,
        patience: Patience,
        rememberers: Sequence[Rememberer],
        find_others: Callable[[Observation], Iterable[Observation]] = lambda _: (),
    ) -> None:
        self._policy = policy
        self._patience = patience
        self._rememberers = tuple(rememberers)
        self._find_others = find_others
        self._memories = MemoryShelf(write_memory, read_memory)
        self._stored = PackedTexts()
        self._left: OrderedDict[Place, Memory] = OrderedDict()
        """What was known of addresses that a host has left, as far as it takes that along."""
        self._counted: dict[Key, dict[str, datetime]] = {}
        """When the last look of another vantage was made that confirmed something."""
        self._watched: tuple[Key, ...] = ()
        self._is_followed = True

    def adjust(self, policy: Policy, patience: Patience) -> None:
        """Go on with another policy and patience; what is remembered is kept."""
        self._policy, self._patience = policy, patience

    def restore(self, memories: Mapping[Key, str]) -> Generator[None, None, None]:
        """Take over what was remembered before the process began, piece by piece; each is read when needed.

        What has no baseline yet gives way to what is restored.
        """
        if not len(self._memories):
            self._stored.take(memories)
        else:
            known = PackedTexts(memories)
            for key in tuple(known):
                # Whole in one step: a probe comes before it or behind it.
                if self._has_no_baseline(key):
                    self._memories.pop(key)
                    self._stored.packed[key] = known.packed[key]
                yield
        self._is_followed = self._is_followed and not memories
        yield from self._find_moves()

    def _has_no_baseline(self, key: Key) -> bool:
        known = self._memories.get(key)
        return known is None or not known.has_baseline

    def follow(self, watched: Iterable[Key]) -> Generator[None, None, None]:
        """Take over what is watched now, piece by piece: after a restart, hosts may have moved meanwhile.

        What is remembered of an address that is watched no more goes to those of its host that are new.
        """
        keys = []
        for key in watched:
            keys.append(key)
            yield
        former, self._watched = list(self._watched), tuple(keys)
        while former:  # to let all of them go at once takes long
            former.pop()
            yield
        yield from self._find_moves()

    def _find_moves(self) -> Generator[None, None, None]:
        """Let hosts that moved while nothing watched have what was known of them; once for what is known."""
        if self._is_followed or not self._watched:
            return
        self._is_followed = True
        is_whole = False
        try:
            moves = yield from find_moves(self._watched, tuple(self._stored), self._is_known)
            for place, move in moves.items():
                known = [each for key in move.left if (each := read_memory(self._stored.get(key, "")))]
                if known := [each for each in known if each.has_baseline]:
                    self._move(place, max(known, key=_last_seen), move.watched)
                yield
            is_whole = True
        finally:
            if not is_whole:  # the plan was given up
                self._is_followed = False

    def _is_known(self, key: Key) -> bool:
        if key in self._stored:
            return True
        memory = self._memories.get(key)
        return memory is not None and memory.has_baseline

    def _move(self, place: Place, memory: Memory, keys: Iterable[Key]) -> None:
        """Leave a memory to the new addresses of a host, if it was about one that was in use till lately."""
        others = [each for key in keys if (each := self._peek(key)) is not None]
        if all(_last_seen(each) - _last_seen(memory) < LATELY for each in others):
            self._left[place] = _portable(memory)
            for key in keys:
                if not self._is_known(key):
                    self._memories.pop(key)  # it began with nothing, before the store could be read

    def _peek(self, key: Key) -> Memory | None:
        return self._memories.get(key) or read_memory(self._stored.get(key, ""))

    def of(self, key: Key) -> Memory:
        """Return what is remembered of an endpoint."""
        memory = self._memories.get(key)
        if memory is None:
            memory = self._memories[key] = self._read(key)
        return memory

    def remember(self, observation: Observation) -> Observation:
        """Judge one more probe with memory, and remember it.

        A fault of ours in it costs this endpoint its memory, and no other endpoint anything.
        """
        key = observation.endpoint.key
        try:
            result = remember(self.of(key), observation, self._policy, self._patience)
        except Exception as fault:  # noqa: BLE001 - one odd server must not end the watch over all others
            return self._start_anew(observation, fault)
        return self._take(key, result)

    def confirm(self, judged: Observation, other: Observation) -> Observation:
        """Count what another vantage saw at the same time as a second probe; what was seen here stays shown.

        Only what both show is confirmed by it, and what the other one shows is not resolved by it. One look
        counts once, however many probes from here it is held against.
        """
        key = judged.endpoint.key
        counted = self._counted.setdefault(key, {})
        if other.started_at <= counted.get(other.vantage, _NEVER):
            return judged
        counted[other.vantage] = other.started_at
        at = max(judged.started_at, other.started_at)
        alike = {verdict.id for verdict in judged.verdicts} | self.of(key).standing.keys()
        verdicts = tuple(verdict for verdict in other.verdicts if verdict.id in alike)
        second = replace(
            other, endpoint=judged.endpoint, vantage=judged.vantage, started_at=at, verdicts=verdicts
        )
        result = remember(self.of(key), second, self._policy, self._patience)
        events = tuple(
            replace(event, after={**event.after, "confirmed_from": other.vantage}) for event in result.events
        )
        shown = replace(judged, standing=result.observation.standing)
        return self._take(key, replace(result, observation=shown, events=events))

    def supplement(self, observation: Observation) -> Observation:
        """Judge a probe again of which more is known, or another policy holds, than when it was made."""
        key = observation.endpoint.key
        try:
            result = supplement(self.of(key), observation, self._policy)
        except Exception as fault:  # noqa: BLE001 - as above
            return self._start_anew(observation, fault)
        return self._take(key, result)

    def change(self, seen: Observation, memory: Memory, events: Sequence[Event]) -> Observation:
        """Put another memory in the place of that of an endpoint, as an operator asks for."""
        key = seen.endpoint.key
        self._memories[key] = memory
        return self._take(key, replace(supplement(memory, seen, self._policy), events=tuple(events)))

    def is_undecided(self, key: Key) -> bool:
        """Tell whether the next probe will confirm or resolve something."""
        return is_undecided(self.of(key))

    def forget(self, key: Key) -> None:
        """Let go of an endpoint that is watched no more; its host may come back at another address."""
        self._counted.pop(key, None)
        memory = self._memories.pop(key)
        if memory is not None:
            self._stored[key] = write_memory(memory)
        elif (memory := read_memory(self._stored.get(key, ""))) is None:
            return
        if memory.has_baseline:
            self._left[place_of(key)] = _portable(memory)
        while len(self._stored) > MOST_STORED:
            del self._stored[next(iter(self._stored))]
        while len(self._left) > MOST_STORED:
            self._left.popitem(last=False)

    def _start_anew(self, observation: Observation, fault: Exception) -> Observation:
        key = observation.endpoint.key
        what = f"{type(fault).__name__}: {fault}"[:300]
        log.error("not_remembered", host=key[0], address=key[1], port=key[2], error=what)
        self._memories[key] = Memory()
        return replace(observation, standing=())

    def _take(self, key: Key, result: Remembered) -> Observation:
        self._memories[key] = result.memory
        observation, events = result.observation, result.events
        alternative = None
        if any(verdict.severity >= Severity.WARNING for verdict in observation.verdicts):
            alternative = find_alternative(observation, self._find_others(observation))
        if alternative is not None:
            events = tuple(_name_alternative(event, alternative) for event in events)
        for rememberer in self._rememberers:
            try:
                rememberer.accept(observation, result.memory, events)
            except Exception as fault:  # noqa: BLE001 - who fails to remember must not cost the others
                log.error("rememberer_failed", error=f"{type(fault).__name__}: {fault}")
        return observation if alternative is None else with_alternative(observation, alternative)

    def _read(self, key: Key) -> Memory:
        text = self._stored.pop(key, None)
        if text is None:
            return self._left.get(place_of(key)) or Memory()
        memory = read_memory(text)
        if memory is None:
            log.error("memory_unreadable", host=key[0], address=key[1], port=key[2])
        return memory or Memory()


def _portable(memory: Memory) -> Memory:
    """Return what a host takes along to another address: its baseline, and that the operator fixed it."""
    traits = {name: trait for name, trait in memory.traits.items() if name not in _OF_THE_ADDRESS}
    return Memory(traits=traits, is_pinned=memory.is_pinned)


def _last_seen(memory: Memory) -> datetime:
    return memory.last_seen or datetime.min.replace(tzinfo=UTC)


class _Scribe:
    """Writes memories; the one written last is at hand, since several want it one after the other."""

    def __init__(self) -> None:
        self._last: tuple[Memory, str] | None = None

    def write(self, memory: Memory) -> str:
        """Return a memory as JSON text."""
        if self._last is None or self._last[0] is not memory:
            self._last = (memory, _MEMORY.dump_json(memory, exclude_defaults=True).decode())
        return self._last[1]


write_memory = _Scribe().write


def read_memory(text: str) -> Memory | None:
    """Read a memory; what a newer version has added is passed over. None where it cannot be read."""
    try:
        return _MEMORY.validate_json(text)
    except ValidationError:
        return None


def _name_alternative(event: Event, alternative: str) -> Event:
    if event.severity < Severity.WARNING:
        return event
    return replace(event, after={**event.after, "working_alternative": alternative})
