"""Asks one name server one question: by UDP, by TCP where the reply is long, without EDNS where it must."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import dns.name
import dns.rcode

from scanner.network.dns_exchange import NoReply, NoUsableReply, exchange_by_tcp, exchange_by_udp
from scanner.network.dns_message import (
    NonsenseReply,
    Reply,
    is_reply,
    is_truncated,
    pack_question,
    read_reply,
)
from scanner.network.dns_records import Kind
from scanner.network.dns_servers import Server

MAX_IN_FLIGHT = 256
"""How many queries are under way at once, each with a socket of its own."""
_REFUSALS_OF_EDNS = {dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS}

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Question(Generic[Record]):
    """A name and a record type."""

    name: dns.name.Name
    kind: Kind[Record]
    checking_disabled: bool = False
    """Want the answer even where it does not validate (RFC 4035 section 3.2.2)."""


@dataclass(slots=True)
class Budget:
    """The time that the servers have for one look-up, in seconds."""

    whole: float
    used: float = 0.0

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self.whole - self.used)


class Client:
    """Asks name servers and counts the time they take.

    Args:
        clock: seconds.
        in_flight: how many queries may be under way at once.
    """

    def __init__(self, clock: Callable[[], float], in_flight: int = MAX_IN_FLIGHT) -> None:
        self._clock = clock
        self._gate = asyncio.Semaphore(in_flight)

    async def ask(
        self, server: Server, question: Question[Record], budget: Budget, share: float
    ) -> Reply[Record]:
        """Return the server's reply; the seconds it took are taken from the budget.

        Args:
            server: whom to ask.
            question: what to ask.
            budget: pays for the time on the wire, not for waiting for our own limits.
            share: seconds that the server may take.

        Raises:
            NoReply: nothing came in time, or nothing that fits.
            NonsenseReply: what came cannot be read.
        """
        reply = await self._take_turn(server, question, budget, share)
        if not server.has_edns or reply.rcode not in _REFUSALS_OF_EDNS:
            return reply
        # A server that does not know EDNS is asked again without (RFC 6891 section 7).
        server.has_edns = False
        plain = await self._take_turn(server, question, budget, min(share, budget.left))
        server.has_edns = plain.rcode in _REFUSALS_OF_EDNS
        return plain

    async def _take_turn(
        self, server: Server, question: Question[Record], budget: Budget, share: float
    ) -> Reply[Record]:
        await server.wait_for_turn()
        async with self._gate:
            begun = self._clock()
            try:
                return await self._exchange(server, question, share)
            finally:
                budget.used += self._clock() - begun

    async def _exchange(self, server: Server, question: Question[Record], timeout: float) -> Reply[Record]:
        begun = self._clock()
        name, kind = question.name, question.kind
        ident = secrets.randbits(16)
        wire = pack_question(
            ident, name, kind.code, with_edns=server.has_edns, checking_disabled=question.checking_disabled
        )
        fits = partial(is_reply, ident=ident, name=name, code=kind.code)
        data = await exchange_by_udp(server.destination, wire, fits, timeout)
        if is_truncated(data):
            left = timeout - (self._clock() - begun)
            try:
                data = await exchange_by_tcp(server.destination, wire, fits, left)
            except NoReply as error:
                raise NoUsableReply(f"a reply too long for UDP, and {error}") from None
            if is_truncated(data):
                raise NonsenseReply("a reply that is truncated by TCP too")
        return read_reply(data, name, kind)
