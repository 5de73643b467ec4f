"""A name server of a test: the farm's own, on a free port, which keeps a list of the questions asked."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.message
import dns.rdatatype

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
    server = NameServer(zone)
    udp, tcp = bind_both(address)
    place = (address, udp.getsockname()[1])
    await server.start(udp, tcp)
    try:
        yield zone, place
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
