"""The domain families of the scrape: what the endpoints of a domain add up to, and what it has published."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field

from scanner.metrics.domain_lines import (
    FAMILIES,
    Known,
    Sample,
    Standing,
    add_up_services,
    join_endpoints,
    recommend,
    write_group,
    write_published,
)
from scanner.metrics.labels import write_header
from scanner.model import Observation, Service, StsMode, StsPolicy
from scanner.model.domain import DomainFacts, Membership
from scanner.model.observation import Key
from scanner.verdict.level import level_for, works_for


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a domain has published that decides how much an endpoint is worth to it."""

    policy: StsPolicy | None = None
    has_secure_mx: bool = True

    def measure(self, observation: Observation) -> Standing:
        """Tell what an observation means for these domains."""
        level = level_for(observation, self.policy, has_secure_mx=self.has_secure_mx)
        return Standing(works_for(observation, self.policy), level)


_NO_TERMS = _Terms()


@dataclass(frozen=True, slots=True)
class _Kind:
    """All that decides what the endpoints of a domain add up to."""

    members: tuple[Membership, ...]
    is_domain: bool
    lost: frozenset[Service]
    mx_terms: _Terms

    @classmethod
    def of(cls, facts: DomainFacts) -> "_Kind":
        """Return the kind of a domain."""
        is_enforced = facts.mta_sts is StsMode.ENFORCE
        terms = _Terms(facts.policy if is_enforced else None, facts.has_secure_mx)
        return cls(facts.members, facts.is_domain, facts.lost, terms)

    def terms_of(self, member: Membership) -> _Terms:
        """Return what counts for an endpoint; policies are about the MX alone."""
        return self.mx_terms if member.service is Service.MX else _NO_TERMS


@dataclass(slots=True, eq=False)
class _Group:
    """Domains of one kind: what their endpoints add up to is worked out once for all of them."""

    domains: list[str]
    lines: dict[str, bytes] = field(default_factory=dict)
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


_Sort = tuple[int, bool, frozenset[Service], int, bool]
"""What tells kinds of domains apart at little cost: the same values, or equal ones in another place."""


class DomainBoard:
    """Keeps the domain series; lines are written anew only where an endpoint of the domain changed."""

    def __init__(self) -> None:
        self._published: dict[str, bytes] = {}
        self._groups: dict[_Kind, _Group] = {}
        self._entered: dict[_Group, _Kind] = {}
        """All groups that use endpoints, also those of a replacement that was broken off."""
        self._spots: dict[Key, _Spot] = {}

    def replace(self, facts: Iterable[DomainFacts]) -> Generator[None, None, None]:
        """Show exactly these domains; yields wherever that may be put off, since there may be many.

        What is known of endpoints that stay is kept. Until all is ready the former domains are shown.
        """
        facts = tuple(facts)
        published: dict[str, list[str]] = {}
        wanted = dict[_Kind, list[str]]()
        sorts: dict[_Sort, list[str]] = {}
        for one in facts:
            write_published(one, published)
            sort = (id(one.members), one.is_domain, one.lost, id(one.policy), one.has_secure_mx)
            if sort not in sorts:
                sorts[sort] = wanted.setdefault(_Kind.of(one), [])
            sorts[sort].append(one.domain)
            yield
        groups: dict[_Kind, _Group] = {}
        for kind, domains in wanted.items():
            known = self._groups.get(kind)
            is_kept = known is not None and known.domains == domains
            groups[kind] = known if known is not None and is_kept else self._enter(kind, domains)
            yield
        self._groups = groups
        self._published = {family: "".join(lines).encode() for family, lines in published.items()}
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

    def render(self, *, openmetrics: bool) -> bytes:
        """Return all lines of all domains, family by family."""
        for kind, group in self._groups.items():
            if group.is_dirty:
                group.lines = write_group(group.domains, self._add_up(kind))
                group.is_dirty = False
        parts = []
        for name, documentation in FAMILIES.items():
            lines = [self._published.get(name, b"")]
            lines += [group.lines.get(name, b"") for group in self._groups.values()]
            if any(lines):
                parts += [write_header(name, documentation, openmetrics=openmetrics), *lines]
        return b"".join(parts)

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
        if kind.is_domain:
            yield from recommend(known, kind.lost)
