"""The domain families of the scrape: what the endpoints of a domain add up to, and what it has published."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field

from scanner.metrics.labels import label, number, write_header
from scanner.model import Observation, Service, StsMode, StsPolicy
from scanner.model.domain import DomainFacts, Membership
from scanner.model.observation import Key
from scanner.verdict.level import level_for, works_for

_SUBMISSION_PORTS = frozenset({465, 587})

Sample = tuple[str, str, float]
"""Family, labels behind the domain, and value."""

FAMILIES = {
    "mailport_domain_discovery_success": (
        "Whether the last discovery of the domain's mail servers succeeded (1 yes, 0 no): the name "
        "servers answered, and named at least one server that is there, or said that there is none; "
        "servers known before stay watched."
    ),
    "mailport_domain_endpoint_info": (
        "1 for each endpoint of the domain, with where it was learnt; joins domains to the endpoint series."
    ),
    "mailport_domain_service_up": (
        "Whether at least one endpoint of the service works with TLS for this domain (1 yes, 0 no), by "
        "the last probes; 0 as well where no server that is named is in the DNS; absent until that is "
        "known, and where the domain has no such service."
    ),
    "mailport_domain_level": (
        "The best level that a client of the service gets, 0 to 5 as in mailport_endpoint_level, by the "
        "domain's own MTA-STS policy and DNSSEC; absent where mailport_domain_service_up is."
    ),
    "mailport_domain_recommended": (
        "Whether secure submission (465 or 587) and IMAP on 993 both work, and POP3 on 995 where the "
        "domain publishes POP3 (1 yes, 0 no); absent until all are probed, and where no server for "
        "clients is known at all."
    ),
    "mailport_domain_mta_sts_info": (
        "1 with the mode of the domain's MTA-STS policy; absent where none is published or none could be had."
    ),
    "mailport_domain_dane": (
        "Whether every MX host of the domain has secure and usable TLSA records (1 yes, 0 no)."
    ),
}
"""Name and help; all are gauges."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the last probe of an endpoint means for domains with the same terms."""

    is_up: bool
    level: int


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a domain has published that decides how much an endpoint is worth to it."""

    policy: StsPolicy | None = None
    has_secure_mx: bool = True

    def measure(self, observation: Observation) -> _Standing:
        """Tell what an observation means for these domains."""
        level = level_for(observation, self.policy, has_secure_mx=self.has_secure_mx)
        return _Standing(works_for(observation, self.policy), level)


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
    standing: dict[_Terms, _Standing | None] = field(default_factory=dict)

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

    def _measure(self, terms: _Terms) -> _Standing | None:
        return None if self.latest is None else terms.measure(self.latest)


_Sort = tuple[int, bool, frozenset[Service], int, bool]
"""What tells kinds of domains apart at little cost: the same values, or equal ones in another place."""

_Known = list[tuple[Membership, _Standing | None]]
"""The endpoints of a domain; None = not probed yet."""


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
            _write_published(one, published)
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
                group.lines = _write_group(group.domains, self._add_up(kind))
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
        known: _Known = []
        for member in kind.members:
            spot = self._spots[member.key]
            standing = spot.standing[kind.terms_of(member)] if spot.is_known else None
            if standing is not None or not spot.is_known:
                known.append((member, standing))
        yield from _join(known)
        yield from _add_up_services(known, kind.lost)
        if kind.is_domain:
            yield from _recommend(known, kind.lost)


def _join(known: _Known) -> Iterator[Sample]:
    for member, standing in known:
        if standing is not None:
            host, address, port, _, _ = member.key
            labels = (
                label("host", host),
                label("address", address),
                label("port", str(port)),
                label("source", member.source),
            )
            yield "mailport_domain_endpoint_info", ",".join(labels), 1


def _add_up_services(known: _Known, lost: frozenset[Service]) -> Iterator[Sample]:
    for service in Service:
        named = [standing for member, standing in known if member.service is service]
        seen = [standing for standing in named if standing is not None]
        is_up = any(standing.is_up for standing in seen)
        # With a server not probed yet the service may work all the same.
        if is_up or (len(seen) == len(named) and (named or service in lost)):
            name = label("service", service)
            yield "mailport_domain_service_up", name, is_up
            yield "mailport_domain_level", name, max((standing.level for standing in seen), default=0)


def _recommend(known: _Known, lost: frozenset[Service]) -> Iterator[Sample]:
    services = {member.service for member, _ in known} | lost
    if services <= {Service.MX} or any(standing is None for _, standing in known):
        return
    up = {
        (member.service, member.key[2])
        for member, standing in known
        if standing is not None and standing.is_up
    }
    has_submission = any((Service.SUBMISSION, port) in up for port in _SUBMISSION_PORTS)
    has_pop3 = Service.POP3 not in services or (Service.POP3, 995) in up
    yield "mailport_domain_recommended", "", has_submission and (Service.IMAP, 993) in up and has_pop3


def _write_group(domains: list[str], samples: Iterable[Sample]) -> dict[str, bytes]:
    names = [label("domain", domain) for domain in domains]
    lines: dict[str, list[str]] = {}
    # Two memberships that differ in the TLS mode alone are one series.
    for family, labels, value in dict.fromkeys(samples):
        comma = "," if labels else ""
        lines.setdefault(family, []).extend(
            f"{family}{{{name}{comma}{labels}}} {number(value)}\n" for name in names
        )
    return {family: "".join(written).encode() for family, written in lines.items()}


def _write_published(one: DomainFacts, lines: dict[str, list[str]]) -> None:
    name = label("domain", one.domain)
    samples = [("mailport_domain_discovery_success", name, one.is_found)]
    if one.mta_sts is not None:
        mode = label("mode", one.mta_sts)
        samples.append(("mailport_domain_mta_sts_info", f"{name},{mode}", True))
    if one.dane is not None:
        samples.append(("mailport_domain_dane", name, one.dane))
    for family, labels, value in samples:
        lines.setdefault(family, []).append(f"{family}{{{labels}}} {number(value)}\n")
