"""Name servers of a test: the farm's own on a free port, with records or with a script for its replies."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from scanner.demo.dns import NameServer
from scanner.demo.zone import Records, Zone
from scanner.network import Resolver

Question = tuple[str, str]
"""Name without its last dot, and record type."""


class Questions(Zone):
    """A zone that writes down what it is asked, and can be changed or held up while it serves."""

    def __init__(self, records: Records) -> None:
        super().__init__(records)
        self.asked: list[Question] = []
        self.by_tcp: list[Question] = []

    def change(self, records: Records) -> None:
        """Serve other records from now on."""
        super().__init__(records)

    def answer(self, wire: bytes, limit: int | None) -> bytes | None:
        """Note the question and answer it."""
        (question,) = dns.message.from_wire(wire).question
        noted = (str(question.name).removesuffix("."), dns.rdatatype.to_text(question.rdtype))
        (self.by_tcp if limit is None else self.asked).append(noted)
        return super().answer(wire, limit)


Reply = dns.message.Message | bytes | None
Script = Callable[[dns.message.Message, bool], Reply]
"""Makes the reply to a query, which came by TCP or not; None is silence."""


class Scripted(Questions):
    """A name server that says whatever a test wants; it keeps the queries."""

    def __init__(self, script: Script) -> None:
        super().__init__({})
        self.script = script
        self.queries: list[dns.message.Message] = []

    def answer(self, wire: bytes, limit: int | None) -> bytes | None:
        """Note the question and reply as the script says."""
        super().answer(wire, limit)
        query = dns.message.from_wire(wire)
        self.queries.append(query)
        reply = self.script(query, limit is None)
        return reply.to_wire(max_size=65535) if isinstance(reply, dns.message.Message) else reply


def reply_to(
    query: dns.message.Message, *answers: str, rcode: int = 0, flags: int = 0
) -> dns.message.Message:
    """Make a reply; each answer is a line of a zone file, with its TTL."""
    reply = dns.message.make_response(query, recursion_available=True)
    reply.flags |= flags
    reply.set_rcode(dns.rcode.Rcode(rcode))
    for line in answers:
        name, ttl, kind, data = line.split(maxsplit=3)
        reply.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
    return reply


def records_of(query: dns.message.Message, ttl: int, *data: str) -> dns.message.Message:
    """Make a reply with these records for the name asked for."""
    (question,) = query.question
    reply = dns.message.make_response(query)
    if data:
        reply.answer.append(dns.rrset.from_text_list(question.name, ttl, "IN", question.rdtype, data))
    return reply


def bind_both(address: str) -> tuple[socket.socket, socket.socket]:
    """Bind one port for UDP and for TCP; a port that is free for one may be in use for the other."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(50):
        udp, tcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_STREAM)
        for sock in (udp, tcp):
            sock.setblocking(False)
        udp.bind((address, 0))
        try:
            tcp.bind((address, udp.getsockname()[1]))
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        return udp, tcp
    raise OSError(f"no port of {address} is free for UDP and TCP")


@asynccontextmanager
async def serving(
    records: Records, address: str = "127.0.0.1"
) -> AsyncIterator[tuple[Questions, tuple[str, int]]]:
    """Serve records; yield the zone and where it is served."""
    zone = Questions(records)
    async with serving_zone(zone, address) as place:
        yield zone, place


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[tuple[Scripted, tuple[str, int]]]:
    """Serve what a script says; yield the server and where it is."""
    zone = Scripted(script)
    async with serving_zone(zone) as place:
        yield zone, place


@asynccontextmanager
async def serving_zone(zone: Zone, address: str = "127.0.0.1") -> AsyncIterator[tuple[str, int]]:
    """Serve a zone; yield where."""
    server = NameServer(zone)
    udp, tcp = bind_both(address)
    place = (address, udp.getsockname()[1])
    await server.start(udp, tcp)
    try:
        yield place
    finally:
        await server.close()


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def ask_at_once(resolver: Resolver, host: str, count: int) -> list[tuple[str, ...]]:
    """Ask for one name many times at once."""
    return await asyncio.gather(*(resolver.addresses(host) for _ in range(count)))
