"""The chronicle: what is remembered of each endpoint, the incidents behind it, the events that tell of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from scanner.model import Observation, State
from scanner.model.event import Event, EventKind
from scanner.model.incident import Incident
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.service.event_log import EventLog
from scanner.service.incidents import IncidentBoard
from scanner.service.kin import Kin
from scanner.service.recollection import Recollection, write_memory
from scanner.verdict import Policy
from scanner.verdict.remember import Patience

CONFIRM_SECONDS = 60.0
"""How soon a probe is made again that confirms or resolves something."""
MOST_HASTENED = 3
"""Probes in a row that are made sooner; a port that flaps is then watched at its usual pace."""
HOST_SECONDS = 300.0
"""How soon after one look at all ports of a host, since one of them failed, the next is taken."""
_LEFT_IN_PEACE = frozenset({State.REJECTING, State.UNKNOWN})
"""A server that turns us away is not asked sooner, and our own network's fault is for the controls."""
_DOWN = frozenset({State.CLOSED, State.BLOCKED, State.UNREACHABLE})


class Keeper(Protocol):
    """What outlives the process: a store."""

    def keep(self, observation: Observation, memory: str, events: Sequence[Event]) -> None:
        """Keep what one probe came to, whole or not at all; must not block."""

    def keep_events(self, events: Sequence[Event]) -> None:
        """Keep events that are about no single endpoint; must not block."""

    def forget(self, keys: Iterable[Key]) -> None:
        """Take note that endpoints are watched no more; what is kept of them stays for a while."""


class Chronicle:
    """Judges each probe with memory, and has another made soon where it matters.

    Args:
        show_incidents: is handed all open incidents when they have changed.
        find_others: returns the last observations of the domains that an endpoint serves.
        hasten: has an endpoint probed in so many seconds, if it is not due before.
        keeper: what outlives the process; None = nothing does.
    """

    def __init__(
        self,
        policy: Policy,
        patience: Patience,
        *,
        show_incidents: Callable[[Iterable[Incident]], None],
        find_others: Callable[[Observation], Iterable[Observation]],
        hasten: Callable[[Key, float], None],
        keeper: Keeper | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._show_incidents = show_incidents
        self._hasten = hasten
        self._keeper = keeper
        self._clock = clock
        self._hastened: Counter[Key] = Counter()
        self._looked_at: dict[str, float] = {}
        self._find_others = find_others
        self._kin = Kin()
        self.board = IncidentBoard(self._take_incidents)
        self.events = EventLog()
        self.recollection = Recollection(policy, patience, [self], find_others)

    def restore(self, memories: Mapping[Key, str]) -> None:
        """Take over what was remembered before the process began."""
        self.recollection.restore(memories)

    def remember(self, observation: Observation) -> Observation:
        """Judge a probe with memory; what it leaves open is probed again soon."""
        judged = self.recollection.remember(self._among_kin(observation))
        self._follow_up(judged)
        return judged

    def supplement(self, observation: Observation) -> Observation:
        """Judge a probe again of which more is known, or another policy holds, than when it was made."""
        return self.recollection.supplement(self._among_kin(observation))

    def accept(self, observation: Observation, memory: Memory, events: Sequence[Event]) -> None:
        """Take what one probe came to, and hand it on."""
        self.board.take(observation, memory)
        if self._keeper is not None:
            self._keeper.keep(observation, write_memory(memory), events)
        self.events.tell(events)
        for event in events:
            if event.kind is EventKind.STATE_CHANGED and observation.state in _DOWN:
                self._look_at_host(observation)

    def tell(self, events: Sequence[Event]) -> None:
        """Take events that are about no single endpoint."""
        if self._keeper is not None:
            self._keeper.keep_events(events)
        self.events.tell(events)

    def tell_one(self, event: Event) -> None:
        """Take one event that is about no single endpoint."""
        self.tell((event,))

    def settle(self) -> None:
        """Work out which incidents there are by now."""
        self.board.settle(datetime.now(UTC))

    def forget(self, key: Key) -> None:
        """Let go of an endpoint that is watched no more."""
        self.recollection.forget(key)
        self._kin.forget(key)
        self.board.forget(key)
        if self._keeper is not None:
            self._keeper.forget((key,))
        del self._hastened[key]

    def _among_kin(self, observation: Observation) -> Observation:
        return self._kin.judge(observation, (each.endpoint.key for each in self._find_others(observation)))

    def _take_incidents(self, incidents: tuple[Incident, ...], events: tuple[Event, ...]) -> None:
        self._show_incidents(incidents)
        self.tell(events)

    def _follow_up(self, seen: Observation) -> None:
        key = seen.endpoint.key
        if not self.recollection.is_undecided(key):
            del self._hastened[key]
        elif seen.state not in _LEFT_IN_PEACE and self._hastened[key] < MOST_HASTENED:
            self._hastened[key] += 1
            self._hasten(key, CONFIRM_SECONDS)

    def _look_at_host(self, seen: Observation) -> None:
        """See soon whether the host's other ports are down as well: then it is the host, and not the port."""
        host, now = seen.endpoint.host, self._clock()
        if now - self._looked_at.get(host, -HOST_SECONDS) < HOST_SECONDS:
            return
        self._looked_at[host] = now
        for key in self.board.keys_of(seen):
            if key != seen.endpoint.key:
                self._hasten(key, 0.0)
