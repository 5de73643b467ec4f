"""What the domain families say: of the endpoints of a domain, and of what it has published."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

from scanner.metrics.labels import label, number
from scanner.metrics.sheet import MARK
from scanner.model import Service
from scanner.model.domain import DomainFacts, Membership, Part
from scanner.verdict.recommendation import is_client_port, is_recommended, list_wanted

PIECE_LINES = 1000
"""How many lines are written at once: well below a millisecond."""

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
        "Whether secure submission (465 or 587, at least TLS 1.2, and a way to sign in) and IMAP on 993 "
        "both work, and POP3 on 995 where the domain publishes POP3 (1 yes, 0 no); absent until all are "
        "probed, and where no server for clients is known at all."
    ),
    "mailport_domain_client_ready": (
        "Only where shards share the servers: whether a server of the service (submission, imap, and pop3 "
        "where the domain publishes it) may be recommended to clients, by those that this shard probes; the "
        "shipped rules make of it what mailport_domain_recommended says elsewhere."
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
class Standing:
    """What the last probe of an endpoint means for domains with the same terms."""

    is_up: bool
    level: int
    fits_clients: bool
    """Whether a mail program may be told to use it."""


Known = list[tuple[Membership, Standing | None]]
"""The endpoints of a domain; None = not probed yet."""


def join_endpoints(known: Known) -> Iterator[Sample]:
    """Yield a sample for each endpoint of a domain."""
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


def add_up_services(known: Known, lost: frozenset[Service]) -> Iterator[Sample]:
    """Yield how each service of a domain does."""
    for service in Service:
        named = [standing for member, standing in known if member.service is service]
        seen = [standing for standing in named if standing is not None]
        is_up = any(standing.is_up for standing in seen)
        # With a server not probed yet the service may work all the same.
        if is_up or (len(seen) == len(named) and (named or service in lost)):
            name = label("service", service)
            yield "mailport_domain_service_up", name, is_up
            yield "mailport_domain_level", name, max((standing.level for standing in seen), default=0)


def recommend(known: Known, lost: frozenset[Service]) -> Iterator[Sample]:
    """Yield whether what is recommended to clients works, where that is known."""
    services = {member.service for member, _ in known} | lost
    if services <= {Service.MX} or any(standing is None for _, standing in known):
        return
    fitting = {
        member.service
        for member, standing in known
        if standing is not None
        and standing.fits_clients
        and is_client_port(member.service, member.key[2], member.key[4])
    }
    yield "mailport_domain_recommended", "", is_recommended(services, fitting)


def tell_ready(known: Known, lost: frozenset[Service], part: Part) -> Iterator[Sample]:
    """Yield what a shard can say of whether a domain is recommended, by service.

    The owner of the domain also tells of services that nobody has servers of.
    """
    services = {member.service for member, _ in known} | lost | part.elsewhere
    if services <= {Service.MX}:
        return
    for service in sorted(list_wanted(services)):
        named = [(member, standing) for member, standing in known if member.service is service]
        if not named and not (part.is_owner and service not in part.elsewhere):
            continue
        fits = any(
            standing is not None
            and standing.fits_clients
            and is_client_port(service, member.key[2], member.key[4])
            for member, standing in named
        )
        if fits or all(standing is not None for _, standing in named):
            yield "mailport_domain_client_ready", label("service", service), fits


def write_pattern(samples: Iterable[Sample]) -> dict[str, str]:
    """Return the lines of a domain by family, with MARK where the family and the domain belong."""
    lines: dict[str, str] = {}
    # Two memberships that differ in the TLS mode alone are one series.
    for family, labels, value in dict.fromkeys(samples):
        comma = "," if labels else ""
        lines[family] = f"{lines.get(family, '')}{MARK}{comma}{labels}}} {number(value)}\n"
    return lines


def tell_published(one: DomainFacts) -> Iterator[Sample]:
    """Yield what a domain has published; of several shards its owner does."""
    if one.part is not None and not one.part.is_owner:
        return
    yield "mailport_domain_discovery_success", "", one.is_found
    if one.mta_sts is not None:
        yield "mailport_domain_mta_sts_info", label("mode", one.mta_sts), 1
    if one.dane is not None:
        yield "mailport_domain_dane", "", one.dane


def write_domains(family: str, told: Iterable[tuple[str, list[str]]]) -> Iterator[bytes]:
    """Write the lines of a family in pieces: of each pattern, with each of its domains."""
    begin = f"{family}{{".__add__
    lines: list[str] = []
    for pattern, names in told:
        step = max(1, PIECE_LINES // pattern.count(MARK))
        for start in range(0, len(names), step):
            lines += map(pattern.replace, repeat(MARK), map(begin, names[start : start + step]))
            if len(lines) >= step:
                yield "".join(lines).encode()
                lines = []
    if lines:
        yield "".join(lines).encode()
