"""The domain families of the scrape: what the endpoints of a domain add up to, and what it has published."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field

from scanner.config.metrics_settings import Detail
from scanner.metrics.detail import is_shown
from scanner.metrics.domain_lines import (
    FAMILIES,
    Known,
    Sample,
    Standing,
    add_up_services,
    join_endpoints,
    recommend,
    tell_published,
    tell_ready,
    write_domains,
    write_pattern,
)
from scanner.metrics.labels import label, write_header
from scanner.model import Observation, Service, StsMode, StsPolicy
from scanner.model.domain import DomainFacts, Membership, Part
from scanner.model.observation import Key
from scanner.verdict.level import level_for, works_for
from scanner.verdict.recommendation import fits_clients


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a domain has published that decides how much an endpoint is worth to it."""

    policy: StsPolicy | None = None
    has_secure_mx: bool = True

    def measure(self, observation: Observation) -> Standing:
        """Tell what an observation means for these domains."""
        level = level_for(observation, self.policy, has_secure_mx=self.has_secure_mx)
        return Standing(works_for(observation, self.policy), level, fits_clients(observation))


_NO_TERMS = _Terms()
LOOKED_AT = 500
"""How many kinds of domains are looked at at once: well below a millisecond, where nothing is to be done."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """All that decides what the endpoints of a domain add up to."""

    members: tuple[Membership, ...]
    is_domain: bool
    lost: frozenset[Service]
    mx_terms: _Terms
    part: Part | None

    @classmethod
    def of(cls, facts: DomainFacts) -> "_Kind":
        """Return the kind of a domain."""
        is_enforced = facts.mta_sts is StsMode.ENFORCE
        terms = _Terms(facts.policy if is_enforced else None, facts.has_secure_mx)
        return cls(facts.members, facts.is_domain, facts.lost, terms, facts.part)

    def terms_of(self, member: Membership) -> _Terms:
        """Return what counts for an endpoint; policies are about the MX alone."""
        return self.mx_terms if member.service is Service.MX else _NO_TERMS


@dataclass(slots=True, eq=False)
class _Group:
    """Domains of one kind: what their endpoints add up to is worked out once for all of them."""

    domains: list[str]
    """Their names, as labels; never changed."""
    pattern: dict[str, str] = field(default_factory=dict)
    """What each of them has, by family."""
    is_dirty: bool = True


@dataclass(slots=True)
class _Spot:
    """An endpoint: its last result, and what that means under the terms of each group that uses it."""

    users: dict[_Terms, dict[_Group, None]] = field(default_factory=dict)
    is_known: bool = False
    latest: Observation | None = None
    """None = not probed yet, or known to be none of the domain's."""
    standing: dict[_Terms, Standing | None] = field(default_factory=dict)

    def add_user(self, terms: _Terms, group: _Group) -> None:
        """Let a group use the endpoint."""
        self.users.setdefault(terms, {})[group] = None
        if self.is_known and terms not in self.standing:
            self.standing[terms] = self._measure(terms)

    def drop_user(self, terms: _Terms, group: _Group) -> None:
        """Take it that a group does not use the endpoint any more."""
        users = self.users.get(terms)
        if users is None:
            return  # a group that has the endpoint twice
        users.pop(group, None)
        if not users:
            del self.users[terms]
            self.standing.pop(terms, None)

    def take(self, seen: Observation | None) -> None:
        """Take a result, and mark the groups for which it makes a difference."""
        was_known, self.is_known, self.latest = self.is_known, True, seen
        for terms, groups in self.users.items():
            standing = self._measure(terms)
            if not was_known or self.standing[terms] != standing:
                self.standing[terms] = standing
                for group in groups:
                    group.is_dirty = True

    def _measure(self, terms: _Terms) -> Standing | None:
        return None if self.latest is None else terms.measure(self.latest)


_Sort = tuple[int, bool, frozenset[Service], int, bool, Part | None]
"""What tells kinds of domains apart at little cost: the same values, or equal ones in another place."""


class DomainBoard:
    """Keeps the domain series; they are worked out anew only where an endpoint of the domain changed."""

    def __init__(self) -> None:
        self._published: dict[str, dict[str, list[str]]] = {}
        """By family: what domains have, and their names as labels."""
        self._groups: dict[_Kind, _Group] = {}
        self._entered: dict[_Group, _Kind] = {}
        """All groups that use endpoints, also those of a replacement that was broken off."""
        self._spots: dict[Key, _Spot] = {}

    def replace(self, facts: Iterable[DomainFacts]) -> Generator[None, None, None]:
        """Show exactly these domains; yields wherever that may be put off, since there may be many.

        What is known of endpoints that stay is kept. Until all is ready the former domains are shown.
        """
        facts = tuple(facts)
        published: dict[str, dict[str, list[str]]] = {}
        wanted = dict[_Kind, list[str]]()
        sorts: dict[_Sort, list[str]] = {}
        for one in facts:
            name = label("domain", one.domain)
            for family, pattern in write_pattern(tell_published(one)).items():
                published.setdefault(family, {}).setdefault(pattern, []).append(name)
            sort = (id(one.members), one.is_domain, one.lost, id(one.policy), one.has_secure_mx, one.part)
            if sort not in sorts:
                sorts[sort] = wanted.setdefault(_Kind.of(one), [])
            sorts[sort].append(name)
            yield
        groups: dict[_Kind, _Group] = {}
        for kind, domains in wanted.items():
            known = self._groups.get(kind)
            is_kept = known is not None and known.domains == domains
            groups[kind] = known if known is not None and is_kept else self._enter(kind, domains)
            yield
        self._groups, self._published = groups, published
        # After the others, so that what is known of their endpoints stays.
        for group, kind in tuple(self._entered.items()):
            if groups.get(kind) is not group:
                self._leave(kind, group)
            yield

    def accept(self, observation: Observation) -> None:
        """Take the last result of an endpoint."""
        self._take(observation.endpoint.key, observation)

    def rule_out(self, key: Key) -> None:
        """Take it that an endpoint is none of the domain's: a guess that was not proven."""
        self._take(key, None)

    def endpoints(self) -> int:
        """Return how many endpoints anything is kept of."""
        return len(self._spots)

    def pieces(self, detail: Detail, *, openmetrics: bool) -> Iterator[bytes]:
        """Return all lines of all domains, family by family, in pieces; some are empty."""
        yield from self._work_out()
        for name, documentation in FAMILIES.items():
            if is_shown(name, detail):
                header = write_header(name, documentation, openmetrics=openmetrics)
                for piece in write_domains(name, self._told(name)):
                    yield header + piece
                    header = b""

    def _work_out(self) -> Iterator[bytes]:
        """Find out what domains add up to, where that may have changed; yields wherever it may be put off."""
        for number, group in enumerate(tuple(self._groups.values())):
            # One that was replaced meanwhile has left its endpoints.
            if group.is_dirty and (kind := self._entered.get(group)) is not None:
                group.pattern = write_pattern(self._add_up(kind))
                group.is_dirty = False
                yield b""
            elif number % LOOKED_AT == 0:
                yield b""

    def _told(self, family: str) -> list[tuple[str, list[str]]]:
        """Return what there is to a family: patterns, and the domains of each."""
        told = list(self._published.get(family, {}).items())
        told += [
            (group.pattern[family], group.domains)
            for group in self._groups.values()
            if family in group.pattern
        ]
        return told

    def _enter(self, kind: _Kind, domains: list[str]) -> _Group:
        """Make a group that uses its endpoints."""
        group = _Group(domains)
        self._entered[group] = kind
        for member in kind.members:
            self._spots.setdefault(member.key, _Spot()).add_user(kind.terms_of(member), group)
        return group

    def _leave(self, kind: _Kind, group: _Group) -> None:
        """Let a group go, and endpoints that no other one uses."""
        del self._entered[group]
        for member in kind.members:
            spot = self._spots.get(member.key)
            if spot is not None:
                spot.drop_user(kind.terms_of(member), group)
                if not spot.users:
                    del self._spots[member.key]

    def _take(self, key: Key, seen: Observation | None) -> None:
        spot = self._spots.get(key)
        if spot is not None:
            spot.take(seen)

    def _add_up(self, kind: _Kind) -> Iterator[Sample]:
        """Yield what the endpoints of such domains say together."""
        known: Known = []
        for member in kind.members:
            spot = self._spots[member.key]
            standing = spot.standing[kind.terms_of(member)] if spot.is_known else None
            if standing is not None or not spot.is_known:
                known.append((member, standing))
        yield from join_endpoints(known)
        yield from add_up_services(known, kind.lost)
        if kind.is_domain and kind.part is None:
            yield from recommend(known, kind.lost)
        elif kind.is_domain and kind.part is not None:
            yield from tell_ready(known, kind.lost, kind.part)
