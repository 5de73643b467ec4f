"""The domain families of the scrape: what the endpoints of a domain add up to, and what it has published."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scanner.metrics.labels import label, number, write_header
from scanner.model import Observation, Service
from scanner.model.domain import DomainFacts, Membership
from scanner.model.observation import Key
from scanner.verdict import works

_SUBMISSION_PORTS = frozenset({465, 587})

FAMILIES = {
    "mailport_domain_discovery_success": (
        "Whether the last discovery of the domain's mail servers succeeded (1 yes, 0 no); "
        "servers known before stay watched."
    ),
    "mailport_domain_endpoint_info": (
        "1 for each endpoint of the domain, with where it was learnt; joins domains to the endpoint series."
    ),
    "mailport_domain_service_up": (
        "Whether at least one endpoint of the service works with TLS (1 yes, 0 no), by the last probes; "
        "absent until that is known, and where the domain has no such service."
    ),
    "mailport_domain_level": (
        "The best level that a client of the service gets, 0 to 5 as in mailport_endpoint_level; "
        "absent where the domain has no such service."
    ),
    "mailport_domain_recommended": (
        "Whether secure submission (465 or 587) and IMAP on 993 both work, and POP3 on 995 where the domain "
        "publishes POP3 (1 yes, 0 no)."
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
    """What the last probe of an endpoint means for its domains."""

    is_up: bool
    level: int


@dataclass(slots=True)
class _Group:
    """Domains with the same endpoints: what these add up to is worked out once for all of them."""

    domains: list[str] = field(default_factory=list)
    lines: dict[str, bytes] = field(default_factory=dict)
    is_dirty: bool = True


_Members = tuple[tuple[Membership, ...], bool]
"""The endpoints of a domain, and whether it is a domain rather than a host that the operator named."""


class DomainBoard:
    """Keeps the domain series; lines are written anew only where an endpoint of the domain changed."""

    def __init__(self) -> None:
        self._facts: tuple[DomainFacts, ...] = ()
        self._published: dict[str, bytes] = {}
        self._groups: dict[_Members, _Group] = {}
        self._groups_of: dict[Key, list[_Group]] = {}
        self._standing: dict[Key, _Standing | None] = {}

    def replace(self, facts: Iterable[DomainFacts]) -> None:
        """Show exactly these domains; what is known of endpoints that stay is kept."""
        self._facts = tuple(facts)
        self._published = _write_published(self._facts)
        former = self._groups
        self._groups, self._groups_of = {}, {}
        for one in self._facts:
            self._groups.setdefault((one.members, one.is_domain), _Group()).domains.append(one.domain)
        for members, fresh in self._groups.items():
            known = former.get(members)
            is_same = known is not None and known.domains == fresh.domains
            self._groups[members] = known if known is not None and is_same else fresh
        for (memberships, _), group in self._groups.items():
            for key in {membership.key for membership in memberships}:
                self._groups_of.setdefault(key, []).append(group)
        self._standing = {key: it for key, it in self._standing.items() if key in self._groups_of}

    def accept(self, observation: Observation) -> None:
        """Take the last result of an endpoint."""
        self._stand(observation.endpoint.key, _Standing(works(observation), observation.level))

    def rule_out(self, key: Key) -> None:
        """Take it that an endpoint is none of the domain's: a guess that was not proven."""
        self._stand(key, None)

    def render(self, *, openmetrics: bool) -> bytes:
        """Return all lines of all domains, family by family."""
        for (members, is_domain), group in self._groups.items():
            if group.is_dirty:
                group.lines = _write_group(group.domains, self._add_up(members, is_domain=is_domain))
                group.is_dirty = False
        parts = []
        for name, documentation in FAMILIES.items():
            lines = [self._published.get(name, b"")]
            lines += [group.lines.get(name, b"") for group in self._groups.values()]
            if any(lines):
                parts += [write_header(name, documentation, openmetrics=openmetrics), *lines]
        return b"".join(parts)

    def _stand(self, key: Key, standing: _Standing | None) -> None:
        if key in self._groups_of and (key not in self._standing or self._standing[key] != standing):
            self._standing[key] = standing
            for group in self._groups_of[key]:
                group.is_dirty = True

    def _add_up(
        self, members: tuple[Membership, ...], *, is_domain: bool
    ) -> Iterator[tuple[str, str, float]]:
        """Yield family, labels behind the domain, and value for what these endpoints say together."""
        proven = [one for one in members if self._standing.get(one.key, one) is not None]
        for one in proven:
            if one.key in self._standing:
                host, address, port, _, _ = one.key
                labels = (
                    label("host", host),
                    label("address", address),
                    label("port", str(port)),
                    label("source", one.source),
                )
                yield "mailport_domain_endpoint_info", ",".join(labels), 1
        for service in Service:
            known = [self._standing.get(one.key) for one in proven if one.service is service]
            seen = [standing for standing in known if standing is not None]
            is_up = any(standing.is_up for standing in seen)
            if known and (is_up or len(seen) == len(known)):
                name = label("service", service)
                yield "mailport_domain_service_up", name, is_up
                yield "mailport_domain_level", name, max(standing.level for standing in seen)
        if is_domain and all(one.key in self._standing for one in proven):
            yield "mailport_domain_recommended", "", self._is_recommended(proven)

    def _is_recommended(self, members: list[Membership]) -> bool:
        up = {
            (one.service, one.key[2])
            for one in members
            if (standing := self._standing.get(one.key)) is not None and standing.is_up
        }
        has_submission = any((Service.SUBMISSION, port) in up for port in _SUBMISSION_PORTS)
        has_pop3 = any(one.service is Service.POP3 for one in members)
        return has_submission and (Service.IMAP, 993) in up and (not has_pop3 or (Service.POP3, 995) in up)


def _write_group(domains: list[str], samples: Iterable[tuple[str, str, float]]) -> dict[str, bytes]:
    names = [label("domain", domain) for domain in domains]
    lines: dict[str, list[str]] = {}
    # Two memberships that differ in the TLS mode alone are one series.
    for family, labels, value in dict.fromkeys(samples):
        comma = "," if labels else ""
        lines.setdefault(family, []).extend(
            f"{family}{{{name}{comma}{labels}}} {number(value)}\n" for name in names
        )
    return {family: "".join(written).encode() for family, written in lines.items()}


def _write_published(facts: Iterable[DomainFacts]) -> dict[str, bytes]:
    lines: dict[str, list[str]] = {}
    for one in facts:
        name = label("domain", one.domain)
        samples = [("mailport_domain_discovery_success", name, one.is_found)]
        if one.mta_sts is not None:
            mode = label("mode", one.mta_sts)
            samples.append(("mailport_domain_mta_sts_info", f"{name},{mode}", True))
        if one.dane is not None:
            samples.append(("mailport_domain_dane", name, one.dane))
        for family, labels, value in samples:
            lines.setdefault(family, []).append(f"{family}{{{labels}}} {number(value)}\n")
    return {family: "".join(written).encode() for family, written in lines.items()}
