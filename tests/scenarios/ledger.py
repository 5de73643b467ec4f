"""The ledger: which incidents were open when, and which alerts the rules would make of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scanner.model import Severity
from scanner.model.domain import DomainFacts
from scanner.model.event import Event, EventKind
from scanner.model.incident import Incident

FOR_SECONDS = 180.0
"""How long an incident is open before its alert fires: `for` in config/prometheus/rules."""
KEEP_FIRING_SECONDS = 900.0
"""How long it has to be gone before the alert is over: `keep_firing_for`."""
DISCOVERY_FOR_SECONDS = 1200.0
NAME_SERVERS_FOR_SECONDS = 600.0
MOST_FAIL, FEWEST_DOMAINS = 0.5, 4
"""From which share of how many domains on the name servers are to blame, and not the domains."""

Identity = tuple[str, str, str]
"""Cause, name and subject: what makes it the same alert at another time."""


@dataclass
class Spell:
    """One time without a break in which an incident was open."""

    opened: float
    closed: float | None
    shown: list[tuple[float, Incident]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, as the people on call get it."""

    cause: str
    name: str
    subject: str
    fired: float
    ended: float | None
    """When the incident was gone; None = it never was."""
    labels: tuple[tuple[str, Severity], ...] = ()
    """Every kind and severity that it had for long enough to fire: each change is one more message."""
    domains: int = 0
    sinces: tuple[datetime, ...] = ()
    """What it said of when it began, in turn."""

    @property
    def identity(self) -> Identity:
        """What makes it the same alert at another time."""
        return (self.cause, self.name, self.subject)

    @property
    def severity(self) -> Severity:
        """The worst that it was."""
        return max((severity for _, severity in self.labels), default=Severity.WARNING)


class Ledger:
    """Writes down what is shown; `alerts` is read at the end."""

    def __init__(self) -> None:
        self.probes = 0
        self.told: list[Event] = []
        """What was told of incidents, over all lives of the scanner."""
        self._spells: dict[Identity, list[Spell]] = {}
        self._failing: dict[Identity, list[Spell]] = {}

    def show(self, incidents: Iterable[Incident], at: float) -> None:
        """Take all incidents that are open now."""
        current = {_identify(each): each for each in incidents if each.severity >= Severity.WARNING}
        self._close_others(self._spells, current.keys(), at)
        for identity, incident in current.items():
            _open(self._spells, identity, at).shown.append((at, incident))

    def show_domains(self, domains: Sequence[DomainFacts], at: float) -> None:
        """Take which domains can be looked up, as the rules on domains see it."""
        lost = [facts.domain for facts in domains if not facts.is_found]
        is_ours = len(domains) >= FEWEST_DOMAINS and len(lost) > MOST_FAIL * len(domains)
        told: list[Identity] = [("discovery", "discovery_failed", domain) for domain in lost]
        if is_ours:
            told = [("discovery", "name_servers_failing", "name servers")]
        self._close_others(self._failing, told, at)
        for identity in told:
            _open(self._failing, identity, at)

    def hear(self, event: Event) -> None:
        """Take an event, as a webhook does."""
        if event.kind in {EventKind.INCIDENT_OPENED, EventKind.INCIDENT_CLOSED}:
            self.told.append(event)

    def stop(self, at: float) -> None:
        """Take it that the scanner is gone, and its metrics with it."""
        self._close_others(self._spells, (), at)
        self._close_others(self._failing, (), at)

    def times_open(self, identity: Identity) -> list[tuple[float, float | None]]:
        """Return from when to when an incident was open, each time."""
        return [(spell.opened, spell.closed) for spell in self._spells.get(identity, [])]

    @property
    def alerts(self) -> list[Alert]:
        """Return every alert that fired, in order of time."""
        found = [each for identity in self._spells for each in self._read(identity)]
        for identity, spells in self._failing.items():
            limit = NAME_SERVERS_FOR_SECONDS if "servers" in identity[1] else DISCOVERY_FOR_SECONDS
            found += _fire(identity, spells, limit)
        return sorted(found, key=lambda alert: alert.fired)

    def _read(self, identity: Identity) -> list[Alert]:
        return _fire(identity, self._spells[identity], FOR_SECONDS)

    def _close_others(
        self, spells: dict[Identity, list[Spell]], current: Iterable[Identity], at: float
    ) -> None:
        kept = set(current)
        for identity, some in spells.items():
            if identity not in kept and some[-1].closed is None:
                some[-1].closed = at


def _identify(incident: Incident) -> Identity:
    return (incident.cause.value, incident.name, incident.subject)


def _open(spells: dict[Identity, list[Spell]], identity: Identity, at: float) -> Spell:
    """Return the spell that is going on; what is back within a moment was never away."""
    some = spells.setdefault(identity, [])
    if not some or some[-1].closed is not None:
        some.append(Spell(at, None))
    return some[-1]


def _fire(identity: Identity, spells: list[Spell], limit: float) -> list[Alert]:
    alerts: list[Alert] = []
    for spell in spells:
        last = alerts[-1] if alerts else None
        goes_on = (
            last is not None and last.ended is not None and spell.opened - last.ended < KEEP_FIRING_SECONDS
        )
        is_long = spell.closed is None or spell.closed - spell.opened >= limit
        if last is None or not goes_on:
            if is_long:
                alerts.append(_alert(identity, spell, spell.opened + limit))
            continue
        more = _alert(identity, spell, last.fired)
        labels = (*last.labels, *more.labels)
        alerts[-1] = Alert(
            *identity,
            fired=last.fired,
            ended=spell.closed,
            labels=tuple(label for i, label in enumerate(labels) if i == 0 or labels[i - 1] != label),
            domains=max(last.domains, more.domains),
            sinces=last.sinces + more.sinces,
        )
    return alerts


def _alert(identity: Identity, spell: Spell, fired: float) -> Alert:
    return Alert(
        *identity,
        fired=fired,
        ended=spell.closed,
        labels=tuple(_labels(spell)),
        domains=max((len(incident.domains) for _, incident in spell.shown), default=0),
        sinces=tuple(incident.since for _, incident in spell.shown),
    )


def _labels(spell: Spell) -> Iterator[tuple[str, Severity]]:
    """Yield what the incident was called, one after the other, as far as it was so for long enough."""
    changes: list[tuple[float, tuple[str, Severity]]] = []
    for at, incident in spell.shown:
        label = (incident.kind.value, incident.severity)
        if not changes or changes[-1][1] != label:
            changes.append((at, label))
    closed = float("inf") if spell.closed is None else spell.closed
    for index, (at, label) in enumerate(changes):
        end = changes[index + 1][0] if index + 1 < len(changes) else closed
        if end - at >= FOR_SECONDS:
            yield label
