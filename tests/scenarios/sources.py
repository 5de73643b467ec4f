"""The world's DNS: what the true planner asks, answered by the world at its moment."""

from collections.abc import Callable
from dataclasses import replace

from scanner.discovery.found import Found
from scanner.discovery.mx import find_mx
from scanner.discovery.offer import Notice, Offer, Place, Trouble
from scanner.discovery.plan import service_of
from scanner.model import PORTS, Expectation, Kind, Reason, Severity, Source
from scanner.network import Resolver
from scanner.network.answer import Answer, MxRecord, Status
from tests.scenarios.world import World

TTL = 300.0


class WorldResolver(Resolver):
    """Answers at once, by what the world's DNS says now."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        super().__init__([("127.0.0.1", 9)], timeout=0.1)
        self._world = world
        self._time = clock

    async def mx(self, domain: str) -> Answer[MxRecord]:
        """Return the MX records of a domain: every server that has port 25."""
        status = self._world.dns(domain, self._time())
        if status is not Status.FOUND:
            return Answer(domain, status, ttl=TTL, detail=f"{status.value} by the world's name servers")
        if domain in self._world.no_mx:
            return Answer(domain, Status.FOUND, (MxRecord(0, ""),), TTL)
        hosts = [server.host for server in self._world.servers if 25 in server.ports]
        return Answer(domain, Status.FOUND, tuple(MxRecord(10, host) for host in hosts), TTL)

    async def address_records(self, host: str) -> Answer[str]:
        """Return the addresses of a host."""
        at = self._time()
        status = self._world.dns(host, at)
        if status is not Status.FOUND:
            return Answer(host, status, ttl=TTL, detail=f"{status.value} by the world's name servers")
        return Answer(host, Status.FOUND, self._world.server_of(host).addresses_at(at), TTL, seconds=0.01)


class WorldSources:
    """The sources of discovery: the true reading of MX, and SRV records for all other ports."""

    def __init__(self, world: World, resolver: WorldResolver, clock: Callable[[], float]) -> None:
        self._world = world
        self._resolver = resolver
        self._time = clock

    async def find(self, domain: str) -> Found:
        """Find the servers of a domain."""
        mx = await find_mx(domain, self._resolver)
        at = self._time()
        status = self._world.dns(domain, at)
        offer = Offer(Source.SRV, self._client_places())
        if status is Status.NO_NAME or domain in self._world.no_mx:
            offer = Offer(Source.SRV)
        elif status is not Status.FOUND:
            offer = Offer(Source.SRV, trouble=Trouble(Reason.DNS_FAILURE, status.value))
        notice = self._world.policy_notice(at)
        return Found(
            domain,
            mx,
            (mx.offer, offer),
            policy=self._world.policy(at),
            policy_notice=None
            if notice is None
            else Notice(notice, f"{domain}: {notice}.", "Mend it.", Kind.DOWNGRADE, Severity.WARNING),
        )

    def expect(self, place: Place, provider: str | None) -> Expectation | None:
        """Return what is declared or published about a server now."""
        server = self._world.server_of(place.host)
        expected = self._world.expect(place, self._time()) or server.expectation
        if server.provider is None:
            return expected
        return replace(expected or Expectation(), provider=server.provider)

    def _client_places(self) -> tuple[Place, ...]:
        return tuple(
            Place(
                service_of(PORTS[port].protocol, port),
                server.host,
                port,
                PORTS[port].protocol,
                PORTS[port].tls_mode,
            )
            for server in self._world.servers
            for port in server.ports
            if port != 25
        )
