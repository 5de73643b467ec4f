"""What discovery would know of the domains of a watched world."""

from collections.abc import Iterable, Sequence

from scanner.discovery.plan import service_of
from scanner.model import Observation, Source
from scanner.model.domain import DomainFacts, Membership


def facts_of(world: Iterable[Observation]) -> Sequence[DomainFacts]:
    """Return the domains that the endpoints of a world serve, by name."""
    members: dict[str, list[Membership]] = {}
    for seen in world:
        endpoint = seen.endpoint
        service = service_of(endpoint.protocol, endpoint.port)
        for domain in endpoint.domains:
            members.setdefault(domain, []).append(Membership(service, endpoint.key, Source(endpoint.source)))
    return [DomainFacts(domain, tuple(members[domain])) for domain in sorted(members)]
