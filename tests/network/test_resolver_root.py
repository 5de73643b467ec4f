"""A resolver that is cut off denies every name, the root too: that says nothing about the name."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dns.message
import dns.name
import dns.rcode
import pytest

from scanner.demo.dns import NameServer
from scanner.demo.zone import Zone
from scanner.network import Resolver
from scanner.network.answer import Status
from scanner.network.dns_servers import LAST_FOR
from scanner.network.resolver import NO_ROOT
from tests.network.name_servers import Clock, bind_both


class Denying(Zone):
    """Denies every name without an SOA, but those that it knows."""

    def __init__(self, *known: str) -> None:
        super().__init__({})
        self.known = {dns.name.from_text(name) for name in known}
        self.asked_for_root = 0
        self.is_root_lost = False

    def answer(self, wire: bytes, limit: int | None) -> bytes | None:
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        name = query.question[0].name
        if name == dns.name.root:
            self.asked_for_root += 1
            if self.is_root_lost:
                return None
        if name not in self.known:
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()


@asynccontextmanager
async def serving_denials(zone: Denying) -> AsyncIterator[tuple[str, int]]:
    server = NameServer(zone)
    udp, tcp = bind_both("127.0.0.1")
    await server.start(udp, tcp)
    try:
        yield udp.getsockname()
    finally:
        await server.close()


Make = Callable[..., Resolver]


@pytest.fixture
def system_resolver(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a resolver that takes a place for the one of resolv.conf."""

    def make(place: tuple[str, int], clock: Clock | None = None) -> Resolver:
        monkeypatch.setattr("scanner.network.resolver.read_system_places", lambda: (place,))
        monkeypatch.setattr("scanner.network.resolver.read_hosts", dict)
        return Resolver(timeout=0.5, clock=clock or Clock())

    return make


async def test_a_system_resolver_that_denies_the_root_is_not_believed(system_resolver: Make) -> None:
    zone = Denying()
    async with serving_denials(zone) as place:
        resolver = system_resolver(place)
        for number in range(5):
            answer = await resolver.mx(f"name{number}.test")
            assert answer.status is Status.FAILED
            assert NO_ROOT in str(answer.detail)
    assert zone.asked_for_root == 1


async def test_one_that_knows_the_root_is_believed(system_resolver: Make) -> None:
    zone = Denying(".")
    async with serving_denials(zone) as place:
        resolver = system_resolver(place)
        for number in range(5):
            assert (await resolver.mx(f"name{number}.test")).status is Status.NO_NAME
    assert zone.asked_for_root == 1


async def test_one_that_does_not_answer_for_the_root_is_not_believed_either(system_resolver: Make) -> None:
    zone = Denying()
    zone.is_root_lost = True
    async with serving_denials(zone) as place:
        resolver = system_resolver(place)
        assert (await resolver.mx("name.test")).status is Status.FAILED


async def test_it_is_believed_again_when_it_is_back(system_resolver: Make) -> None:
    zone, clock = Denying(), Clock()
    async with serving_denials(zone) as place:
        resolver = system_resolver(place, clock)
        assert (await resolver.mx("name.test")).status is Status.FAILED
        zone.known.add(dns.name.root)
        clock.now += LAST_FOR + 1
        assert (await resolver.mx("name.test")).status is Status.NO_NAME


async def test_servers_that_the_operator_names_may_know_one_zone_only() -> None:
    zone = Denying()
    async with serving_denials(zone) as place:
        answer = await Resolver([place], timeout=0.5).mx("name.test")
        assert answer.status is Status.NO_NAME
    assert zone.asked_for_root == 0
