"""The chronicle: what is remembered of each endpoint, the incidents behind it, the events that tell of it."""

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from scanner.discovery.pieces import give_way
from scanner.model import Observation, Severity, State
from scanner.model.event import Event, EventKind
from scanner.model.incident import Incident
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.service.conditions import ConditionLog
from scanner.service.event_log import EventLog
from scanner.service.incidents import IncidentBoard, provider_of
from scanner.service.kin import Kin
from scanner.service.lately import Lately
from scanner.service.past import Past, find_changed
from scanner.service.recollection import Recollection, write_memory
from scanner.verdict import Policy
from scanner.verdict.remember import Patience

CONFIRM_SECONDS = 60.0
"""How soon a probe is made again that confirms or resolves something."""
MOST_HASTENED = 3
"""Probes in a row that are made sooner; a port that flaps is then watched at its usual pace."""
HOST_SECONDS = 300.0
"""How soon after one look at all ports of a host, since one of them failed, the next is taken."""
TOLD_AT_ONCE = 50
"""Incidents whose news is kept in one transaction, and told before others run: some 3 ms."""
MOST_SCOUTS = 8
"""How many other hosts of a provider one failing host has looked at."""
_LEFT_IN_PEACE = frozenset({State.REJECTING, State.UNKNOWN})
"""A server that turns us away is not asked sooner, and our own network's fault is for the controls."""
_DOWN = frozenset({State.CLOSED, State.BLOCKED, State.UNREACHABLE})
_UP_OR_DOWN = _DOWN | {State.OPEN}
_SHARED = ("starttls_", "certificate_", "tls_version_", "port_")
"""How the verdicts begin that one cause mostly gives to several ports of a host."""


class Keeper(Protocol):
    """What outlives the process: a store."""

    def keep(self, observation: Observation, memory: str, events: Sequence[Event]) -> None:
        """Keep what one probe came to, whole or not at all; must not block."""

    def keep_events(self, events: Sequence[Event]) -> None:
        """Keep events that are about no single endpoint; must not block."""

    def keep_incidents(self, changed: Mapping[str, Incident | None], events: Sequence[Event]) -> None:
        """Keep which incidents are open, None for one that is over, and what tells of it; must not block."""

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
        self._hastened: Counter[Key] = Counter()
        self._looked_at: Lately[tuple[str, bool], bool] = Lately(HOST_SECONDS, clock)
        """Which hosts were looked at whole, for better and for worse news."""
        self._scouted: Lately[tuple[str, bool], int] = Lately(HOST_SECONDS, clock)
        """Likewise of providers, and how far among their hosts."""
        self._find_others = find_others
        self._kin = Kin()
        self._open: dict[str, Incident] = {}
        """The incidents that the keeper knows to be open, or is about to be told."""
        self._untold: deque[tuple[dict[str, Incident | None], tuple[Event, ...]]] = deque()
        """What has become of incidents and nobody was told yet, in the order in which it came."""
        self.board = IncidentBoard(self._take_incidents)
        self.events = EventLog()
        self.conditions = ConditionLog()
        self.recollection = Recollection(policy, patience, [self], find_others)

    def restore(self, past: Past) -> Generator[None, None, None]:
        """Take over what was remembered before the process began, piece by piece; what is open is shown."""
        yield from self.recollection.restore(past.memories)
        if past.incidents:
            self._open |= past.incidents
            self.board.restore(past.incidents)
            yield from self._tell_untold()

    def remember(self, observation: Observation) -> Observation:
        """Judge a probe with memory; what it leaves open is probed again soon."""
        judged = self.recollection.remember(self._among_kin(observation))
        self._follow_up(judged)
        return judged

    def supplement(self, observation: Observation) -> Observation:
        """Judge a probe again of which more is known, or another policy holds, than when it was made."""
        return self.recollection.supplement(self._among_kin(observation))

    def confirm(self, judged: Observation, other: Observation) -> Observation:
        """Let what another vantage saw at the same time confirm what a probe leaves open."""
        if not self.recollection.is_undecided(judged.endpoint.key):
            return judged
        confirmed = self.recollection.confirm(judged, other)
        self._follow_up(confirmed)
        return confirmed

    def accept(self, observation: Observation, memory: Memory, events: Sequence[Event]) -> None:
        """Take what one probe came to, and hand it on."""
        events = self.events.sign(events)
        self.board.take(observation, memory)
        self.conditions.take(observation)
        if self._keeper is not None:
            self._keeper.keep(observation, write_memory(memory), events)
        self.events.tell(events)
        for is_better in {_is_better(event) for event in events if _concerns_host(event)}:
            self._look_at_host(observation, is_better=is_better)
        if any(_concerns_provider(event, observation) for event in events):
            self._look_at_provider(observation)
        elif observation.state in _DOWN and self._is_in_trouble(observation):
            self._look_at_host(observation, is_better=False)
            self._look_at_provider(observation)

    def tell(self, events: Sequence[Event]) -> None:
        """Take events that are about no single endpoint."""
        events = self.events.sign(events)
        if self._keeper is not None:
            self._keeper.keep_events(events)
        self.events.tell(events)

    def tell_one(self, event: Event) -> None:
        """Take one event that is about no single endpoint."""
        self.tell((event,))

    def settle(self) -> None:
        """Work out which incidents there are by now, and tell what has become of them."""
        for _ in self._settle_in_pieces():
            pass

    async def settle_and_give_way(self) -> None:
        """Do the same, and let others run in between: thousands of incidents may begin or end at once.

        When it is cancelled, what is half done is done all the same: no event may be lost by that.
        """
        steps = self._settle_in_pieces()
        try:
            await give_way(steps)
        finally:
            for _ in steps:
                pass

    def _settle_in_pieces(self) -> Generator[None, None, None]:
        yield from self.board.settle_in_pieces(datetime.now(UTC))
        yield from self._tell_untold()

    def forget(self, key: Key) -> None:
        """Let go of an endpoint that is watched no more."""
        self.recollection.forget(key)
        self._kin.forget(key)
        self.board.forget(key)
        self.conditions.forget(key)
        if self._keeper is not None:
            self._keeper.forget((key,))
        del self._hastened[key]

    def _among_kin(self, observation: Observation) -> Observation:
        return self._kin.judge(observation, (each.endpoint.key for each in self._find_others(observation)))

    def _take_incidents(self, incidents: tuple[Incident, ...], events: Mapping[str, Event]) -> None:
        """Show what is open, and note what is to be told: of each incident what it is now and its event."""
        self._show_incidents(incidents)
        changed: dict[str, Incident | None] = {}
        if self._keeper is not None:
            changed = find_changed(self._open, incidents)
            self._open = {each.id: each for each in incidents}
        names = (*events, *(id_ for id_ in changed if id_ not in events))
        for start in range(0, len(names), TOLD_AT_ONCE):
            part = names[start : start + TOLD_AT_ONCE]
            marks = {id_: changed[id_] for id_ in part if id_ in changed}
            self._untold.append((marks, tuple(events[id_] for id_ in part if id_ in events)))

    def _tell_untold(self) -> Generator[None, None, None]:
        while self._untold:
            changed, untold = self._untold.popleft()
            events = self.events.sign(untold)
            if self._keeper is not None:
                self._keeper.keep_incidents(changed, events)
            self.events.tell(events)
            yield

    def _follow_up(self, seen: Observation) -> None:
        key = seen.endpoint.key
        if not self.recollection.is_undecided(key):
            del self._hastened[key]
        elif seen.state not in _LEFT_IN_PEACE and self._hastened[key] < MOST_HASTENED:
            self._hastened[key] += 1
            self._hasten(key, CONFIRM_SECONDS)

    def _look_at_host(self, seen: Observation, *, is_better: bool) -> None:
        """See soon how the host's other ports are: whether it is the host and not the port, and all of it.

        Worse and better news have each their own limit: a host that is back is looked at whole however short
        it was down, or its ports that were not probed since would pass for single ones that are down.
        """
        if self._may_look(seen.endpoint.host, is_better=is_better):
            for key in self.board.keys_of(seen):
                if key != seen.endpoint.key:
                    self._look_at(key)

    def _look_at_provider(self, seen: Observation) -> None:
        """See soon, by one port each, how a few other hosts of the provider are: whether it is all of them.

        Each of these that is no better has some more looked at: an outage is seen whole in a minute or two,
        and one host of a thousand that flaps costs its provider a few probes.
        """
        news = (provider_of(seen), seen.state is State.OPEN)
        keys, place = self.board.scouts_of(seen, self._scouted.get(news) or 0, MOST_SCOUTS)
        self._scouted.put(news, place)
        for key in keys:
            self._look_at(key)

    def _look_at(self, key: Key) -> None:
        """Have an endpoint probed now; one that was bad a moment ago is left to its confirming probe.

        Two probes within a second would take one bad moment for a loss.
        """
        if not self.recollection.is_undecided(key):
            self._hasten(key, 0.0)

    def _may_look(self, whom: str, *, is_better: bool) -> bool:
        """Tell whether the last look is long enough ago, and note this one."""
        news = (whom, is_better)
        if news in self._looked_at:
            return False
        self._looked_at.put(news, True)
        return True

    def _is_in_trouble(self, seen: Observation) -> bool:
        """Tell whether a host of the provider was found down a moment ago: then one failure more counts."""
        return (provider_of(seen), False) in self._scouted


def _concerns_provider(event: Event, seen: Observation) -> bool:
    """Tell whether an event is news that other hosts of the provider may share: up or down."""
    return event.kind is EventKind.STATE_CHANGED and seen.state in _UP_OR_DOWN


def _concerns_host(event: Event) -> bool:
    """Tell whether an event is news that other ports of the host may share: up or down, TLS lost or back."""
    if event.kind is EventKind.STATE_CHANGED:
        return True
    is_grave = event.kind is EventKind.VERDICT_RAISED and event.severity > Severity.NOTICE
    is_news = is_grave or event.kind is EventKind.VERDICT_RESOLVED
    return is_news and (event.name or "").startswith(_SHARED)


def _is_better(event: Event) -> bool:
    return event.kind is EventKind.VERDICT_RESOLVED or event.name == State.OPEN
