"""The plan of a large watch: hosts of many providers on loopback addresses of their own, seven ports each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scanner.discovery import Plan
from scanner.discovery.plan import service_of
from scanner.model import PORTS, Endpoint, Protocol, Source, TlsMode, role_of
from scanner.model.domain import DomainFacts, Membership
from scanner.model.target import Target
from scanner.network import Resolver

HOSTS_OF_PROVIDER = 70


@dataclass(frozen=True, slots=True)
class Place:
    """A service of every host: what it speaks, and where in this run."""

    protocol: Protocol
    tls_mode: TlsMode
    port: int


PLACES = {port: Place(row.protocol, row.tls_mode, port) for port, row in PORTS.items()}


def provider_count(endpoints: int) -> int:
    """Return how many providers so many endpoints have."""
    return max(1, endpoints // len(PLACES) // HOSTS_OF_PROVIDER)


class ListPlanner:
    """Stands in the place of a planner: returns the same plan each time, without a question to anybody.

    `first` is the number of its first host.
    """

    def __init__(self, resolver: Resolver, count: int, places: tuple[Place, ...], *, first: int = 0) -> None:
        self.resolver = resolver
        self.places = places
        self.endpoints: list[Endpoint] = []
        facts = []
        for number in range(first, first - (-count // len(places))):
            host = f"h{number}.p{number % provider_count(count)}.test"
            address = f"127.{1 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
            own = [_endpoint(host, address, place, port) for place, port in zip(places, PORTS, strict=True)]
            own = own[: count - len(self.endpoints)]
            self.endpoints += own
            members = tuple(
                Membership(service_of(each.protocol, port), each.key, Source.OPERATOR)
                for each, port in zip(own, PORTS, strict=False)
            )
            facts.append(DomainFacts(host, members, is_domain=False))
        self._plan = Plan(tuple(self.endpoints), (), tuple(facts))

    async def plan(self, _targets: Iterable[Target], *, known: Mapping[str, Sequence[str]]) -> Plan:
        """Return the plan."""
        return self._plan


def _endpoint(host: str, address: str, place: Place, usual: int) -> Endpoint:
    role = role_of(place.protocol, usual)
    return Endpoint(
        *(host, address, place.port, place.protocol, place.tls_mode, role, "operator", (host,)),
        dns_seconds=0.001,
    )
