"""The incident board: keeps the condition of every endpoint, and the incidents behind them."""

from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from scanner.model import Observation, Severity, TargetFinding
from scanner.model.event import Event, EventKind
from scanner.model.incident import Incident
from scanner.model.memory import Memory
from scanner.model.observation import Key
from scanner.model.registrable import read_suffixes
from scanner.service.members import Members
from scanner.service.remainder import Remainder
from scanner.verdict.condition import Condition, condition_of
from scanner.verdict.egress import EGRESS_REASONS
from scanner.verdict.incidents import find_egress, find_incidents_in_pieces
from scanner.verdict.target_incidents import find_target_incidents

_SHUT_OUT = "target_blocks_us"
MOST_HOSTS = 2000
"""Hosts of one incident that its events can be found by."""
CONDITIONS_PER_SECOND = 2000
"""So many endpoints of one provider are judged a second: one that has more is worked out less often, or its
outage would keep the event loop from the probes that tell how far it reaches."""


class IncidentBoard:
    """Works incidents out anew for the providers whose endpoints have changed.

    Args:
        on_change: is handed all open incidents when they have changed, and the events that tell of it, each
            by the id of its incident.
    """

    def __init__(self, on_change: Callable[[tuple[Incident, ...], Mapping[str, Event]], None]) -> None:
        self._on_change = on_change
        self._conditions: dict[Key, Condition] = {}
        self._in_our_way: dict[Key, Condition] = {}
        """Those of them that our own network is to blame for: few, and looked at each time."""
        self._by_provider: defaultdict[str, Members] = defaultdict(Members)
        self._found: dict[str, tuple[Incident, ...]] = {}
        self._again_at: dict[str, datetime] = {}
        """When a large provider that was worked out a moment ago may have its next turn."""
        self._dirty: set[str] = set()
        self._of_targets: tuple[Incident, ...] = ()
        self._suspected: dict[str, Incident] = {}
        """What the last plan found about targets, whether or not the one before had found it too."""
        self._from_one_place: tuple[Incident, ...] = ()
        self._vantage = "default"
        self._has_news = False
        self._remainder = Remainder()
        self.open: dict[str, Incident] = {}
        """The incidents that are open, by their id."""

    def take(self, observation: Observation, memory: Memory) -> None:
        """Take the condition of an endpoint; nothing is worked out yet."""
        condition = condition_of(observation, memory, provider_of(observation))
        key = condition.key
        if self._remainder.is_probed(key, condition.seen_at):
            self._dirty.add(condition.provider)
        former = self._conditions.get(key)
        if former is not None and condition.certificate is None and observation.tls is None:
            # A probe that did not get as far as TLS: the certificate is still the one seen last.
            condition = replace(condition, certificate=former.certificate)
        if former == condition:
            self._conditions[key] = condition  # equal but for when it was seen
            return
        if former is not None and former.provider != condition.provider:
            self.forget(key)
        self._vantage = observation.vantage
        self._conditions[key] = condition
        if condition.reason in EGRESS_REASONS:
            self._in_our_way[key] = condition
        else:
            self._in_our_way.pop(key, None)
        self._by_provider[condition.provider].put(condition)
        self._dirty.add(condition.provider)

    def take_findings(self, findings: tuple[TargetFinding, ...]) -> tuple[TargetFinding, ...]:
        """Take what was found about targets and not about endpoints, by the last plan, and return it.

        It counts when two plans in a row have found it: one answer may be a name server's slip.
        """
        former, found = self._suspected, {each.id: each for each in find_target_incidents(findings)}
        # What was so before began before.
        self._suspected = {
            id_: replace(incident, since=former[id_].since) if id_ in former else incident
            for id_, incident in found.items()
        }
        self._of_targets = tuple(each for id_, each in self._suspected.items() if id_ in former)
        self._has_news = True
        return findings

    def take_from_one_place(self, incidents: tuple[Incident, ...]) -> None:
        """Take what is so from some other vantage only, all of it."""
        self._from_one_place, self._has_news = incidents, True

    def restore(self, incidents: Mapping[str, Incident]) -> None:
        """Take over what was open when the process before this one ended, until it is worked out anew.

        What was found about targets counts when the next plan finds it as well, or the last one has.
        """
        for id_, former in incidents.items():
            self.open[id_] = _go_on(former, self.open.get(id_, former))
            if not former.keys:
                self._suspected[id_] = _go_on(former, self._suspected.get(id_, former))
        self._has_news = True
        self._on_change(tuple(self.open.values()), {})

    def forget(self, key: Key) -> None:
        """Forget an endpoint that is watched no more."""
        former = self._conditions.pop(key, None)
        self._in_our_way.pop(key, None)
        if former is not None:
            self._by_provider[former.provider].remove(key)
            self._dirty.add(former.provider)
            self._remainder.forget(key)

    def keys_of(self, observation: Observation) -> tuple[Key, ...]:
        """Return the endpoints of the same host."""
        members = self._by_provider.get(provider_of(observation))
        return () if members is None else members.of_host(observation.endpoint.host)

    def scouts_of(self, observation: Observation, start: int, most: int) -> tuple[tuple[Key, ...], int]:
        """Return an endpoint that has answered of each of `most` other hosts, and where to go on (`start`).

        See `Members.scouts`.
        """
        members = self._by_provider.get(provider_of(observation))
        return ((), start) if members is None else members.scouts(start, most, observation.endpoint.host)

    def settle(self, now: datetime) -> None:
        """Work out the incidents of the providers that have changed, and tell what began and what ended."""
        for _ in self.settle_in_pieces(now):
            pass

    def settle_in_pieces(self, now: datetime) -> Generator[None, None, None]:
        """Do the same; yields wherever that may be put off. What comes meanwhile is for the next time."""
        if not self._dirty and not self._has_news:
            return
        self._has_news = False
        for provider in tuple(self._dirty):
            if self._has_turn(provider, now):
                self._dirty.discard(provider)
                yield from self._work_out(provider, now)
        before, current = self.open, self._join_all()
        if current == before:
            return
        self.open = current
        events: dict[str, Event] = {}
        for kind, those, others in (
            (EventKind.INCIDENT_OPENED, current, before),
            (EventKind.INCIDENT_CLOSED, before, current),
        ):
            for id_ in [id_ for id_ in those if id_ not in others]:
                events[id_] = _tell(kind, those[id_], now, self._vantage)
                yield
        self._on_change(tuple(self.open.values()), events)

    def _join_all(self) -> dict[str, Incident]:
        """Return what is open by now, by what was found of each provider and of our own network."""
        current: dict[str, Incident] = {}
        for incident in (
            *find_egress(self._in_our_way.values()),
            *(incident for found in self._found.values() for incident in found),
            *self._of_targets,
            *self._from_one_place,
        ):
            same = current.get(incident.id)
            current[incident.id] = incident if same is None else _join(same, incident)
        for id_ in current.keys() & self.open.keys():
            current[id_] = _go_on(self.open[id_], current[id_])
        self._remainder.release(self.open, current, self._conditions)
        return self._remainder.without(current.values(), self.open)

    def _has_turn(self, provider: str, now: datetime) -> bool:
        """Tell whether a provider was worked out long enough ago, for its size; a clock may be put back."""
        wait = self._again_at.get(provider, now) - now
        return not timedelta() < wait <= timedelta(minutes=10)

    def _work_out(self, provider: str, now: datetime) -> Generator[None, None, None]:
        """Find the incidents of one provider; what changes meanwhile makes it dirty again."""
        self._again_at.pop(provider, None)
        members = tuple(self._by_provider.get(provider, ()))
        if members:
            found = yield from find_incidents_in_pieces(members)
            self._found[provider] = tuple(map(self._place, found))
        else:
            self._by_provider.pop(provider, None)
            self._found.pop(provider, None)
        if len(members) > CONDITIONS_PER_SECOND:
            self._again_at[provider] = now + timedelta(seconds=len(members) / CONDITIONS_PER_SECOND)

    def _place(self, found: Incident) -> Incident:
        """Name our own vantage where it is the one that is shut out, or that others see better than."""
        is_ours = found.name == _SHUT_OUT or found.compared_with
        return replace(found, vantage=self._vantage) if is_ours else found


def provider_of(observation: Observation) -> str:
    """Name whose host it is: by the catalogue, else the domain that it is registered under."""
    expectation = observation.endpoint.expectation
    if expectation is not None and expectation.provider is not None:
        return expectation.provider
    return _registered(observation.endpoint.host)


@lru_cache(maxsize=65_536)
def _registered(host: str) -> str:
    return read_suffixes().privatesuffix(host) or host


def _go_on(former: Incident, now: Incident) -> Incident:
    """Return an incident that was open already: its first port may be mended before the others."""
    worst = former.told if former.told > now.severity else now.worst
    since = min(former.since, now.since)
    return now if (since, worst) == (now.since, now.worst) else replace(now, since=since, worst=worst)


def _join(one: Incident, other: Incident) -> Incident:
    """Join what one certificate means to hosts of several providers, or what several vantages see of one."""
    vantages = {*one.vantages, *other.vantages} if one.vantage and other.vantage else set[str]()
    better = {*one.compared_with, *other.compared_with} - vantages if vantages else set[str]()
    return replace(
        one,
        vantage=", ".join(sorted(vantages)) or None,
        compared_with=tuple(sorted(better)),
        severity=max(one.severity, other.severity),
        since=min(one.since, other.since),
        keys=one.keys + other.keys,
        fading=one.fading | other.fading,
        domains=tuple(sorted({*one.domains, *other.domains})),
    )


def _tell(kind: EventKind, incident: Incident, now: datetime, vantage: str) -> Event:
    is_over = kind is EventKind.INCIDENT_CLOSED
    shown = {
        "cause": incident.cause.value,
        "endpoints": len(incident.keys),
        "domains": len(incident.domains),
        "since": incident.since.isoformat(timespec="seconds"),
    }
    return Event(
        at=now,
        kind=kind,
        subject=incident.subject,
        severity=Severity.NOTICE if is_over else incident.severity,
        summary=f"Over: {incident.summary}" if is_over else incident.summary,
        name=incident.name,
        advice=None if is_over else incident.advice,
        before=shown if is_over else {},
        after={} if is_over else shown,
        vantage=incident.vantage or vantage,
        vantages=incident.vantages,
        compared_with=incident.compared_with,
        ended=incident.told if is_over else None,
        hosts=() if incident.is_ours else incident.hosts[:MOST_HOSTS],
        port=incident.keys[0][2] if incident.is_ours else None,
    )
