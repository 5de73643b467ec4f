"""Puts a question to the name servers in turn, and makes one answer of all that they say."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import dns.exception
import dns.name
import dns.rcode

from scanner.network import dns_records
from scanner.network.answer import Answer, Status
from scanner.network.dns_client import Budget, Client, Question
from scanner.network.dns_exchange import NoReply, NoUsableReply
from scanner.network.dns_message import DNSSEC_ERRORS, MAX_RECORDS, NonsenseReply, Reply
from scanner.network.dns_records import Kind, host_text
from scanner.network.dns_servers import Server, Servers
from scanner.protocol.display import display

NO_ANSWER = "no answer from the name servers"
NO_ROOT = "it denies the very root of the DNS, so it knows nothing"
MIN_TTL, MAX_TTL = 300.0, 86400.0
"""Seconds that records are kept."""
MIN_NEGATIVE_TTL, MAX_NEGATIVE_TTL = 60.0, 3600.0
"""Seconds that "there is none" is kept."""
FAILURE_TTL = 30.0
"""Seconds that a failure is kept; RFC 2308 section 7 allows five minutes."""
CONTROL_SECONDS = 1.0
"""Seconds that a server has for the question for the root, beyond those of the look-up."""
MAX_CONTROLS = 2
"""How many silent servers are asked for the root, which tells their silence from that of one domain's."""
_MAX_NAME_SHOWN = 80
_SERVFAIL = dns.rcode.to_text(dns.rcode.SERVFAIL)

Record = TypeVar("Record")


class Bogus(Exception):
    """A validating name server refuses an answer that exists; its text says how we know."""


class Lookup:
    """Asks the servers.

    Args:
        servers: whom to ask.
        client: asks one of them.
        timeout: seconds that the servers may take for one look-up in all.
        is_trusted: whether the servers' AD bit counts, now.
        must_know_root: whether each of them is to resolve all names, so that one that denies the root is
            broken or cut off. What serves a zone of its own only need not know it.
    """

    def __init__(
        self,
        servers: Servers,
        client: Client,
        *,
        timeout: float,
        is_trusted: Callable[[], bool],
        must_know_root: bool = False,
    ) -> None:
        self._servers = servers
        self._client = client
        self._timeout = timeout
        self._is_trusted = is_trusted
        self._must_know_root = must_know_root

    async def ask(self, name: str, kind: Kind[Record]) -> Answer[Record]:
        """Return the answer; where its TTL is 0 nothing was asked, and it is not worth keeping."""
        try:
            question = Question(_parse(name), kind)
        except (dns.exception.DNSException, ValueError):
            shown = display(name.encode("utf-8", "backslashreplace"))[:_MAX_NAME_SHOWN]
            return Answer(name, Status.FAILED, detail=f"{shown} is not a name that the DNS can hold")
        async with self._servers.admit() as is_admitted:
            if not is_admitted:
                why = f"{NO_ANSWER} for {host_text(question.name)}: they are silent for every name just now"
                return Answer(name, Status.TIMEOUT, detail=why)
            turn = _Turn(self._servers, self._client, question, self._timeout)
            turn.is_trusted = self._is_trusted()
            turn.must_know_root = self._must_know_root
            return await turn.ask(name)


class _Turn:
    """One question on its way through the servers, each asked twice at most."""

    def __init__(self, servers: Servers, client: Client, question: Question[Any], timeout: float) -> None:
        self.is_trusted = False
        self.must_know_root = False
        self._servers = servers
        self._client = client
        self._question = question
        self._budget = Budget(timeout)
        self._host = host_text(question.name)
        self._pending: list[Server] = []
        self._said: dict[Server, str] = {}
        self._status = Status.TIMEOUT

    async def ask(self, name: str) -> Answer[Any]:
        """Return the first answer that a server stands for, or what all of them said instead."""
        order = self._servers.in_order()
        self._pending = [*order, *order]
        while self._pending:
            server = self._pending.pop(0)
            try:
                reply = await self._try(server)
            except Bogus as error:
                return self._failure(name, Status.BOGUS, f"DNSSEC: {self._host} does not validate ({error})")
            if reply is not None:
                return self._answer(name, reply)
        is_silent = self._status is Status.TIMEOUT
        if is_silent and await self._answers_for_root(order):
            is_silent = False  # for this name alone: its own servers are the silent ones
        if is_silent:
            self._servers.note_silence(self._host)
        said = "; ".join(f"{server}: {text}" for server, text in self._said.items())
        what = NO_ANSWER if is_silent else "the name servers failed"
        return self._failure(name, self._status, f"{what} for {self._host}: {said}")

    async def _try(self, server: Server) -> Reply[Any] | None:
        """Return a reply that settles the question; else note what was wrong and return None."""
        try:
            reply = await self._query(server)
            self._servers.note_answer(server)
            if reply.rcode == dns.rcode.SERVFAIL:
                reply = await self._doubt(server, reply)
            if self.must_know_root and _is_bare_denial(reply) and await self._denies_root(server):
                self._give_up(server, NO_ROOT)
                return None
        except NoUsableReply as error:
            self._note(server, str(error), Status.FAILED)
        except NoReply as error:
            self._note(server, str(error), self._status)
        except NonsenseReply as error:
            self._give_up(server, str(error))
        else:
            if _settles(reply):
                return reply
            self._give_up(server, _words(reply, self._question))
        return None

    async def _doubt(self, server: Server, reply: Reply[Any]) -> Reply[Any]:
        """Find out whether SERVFAIL means that the answer does not validate (RFC 4035 section 5.5).

        Returns:
            The same, or a good reply after all, where the failure was a passing one.

        Raises:
            Bogus: the server says so, or has the answer only with checking disabled.
        """
        if reply.error is not None and reply.error[0] in DNSSEC_ERRORS:
            raise Bogus(_words(reply, self._question))
        if not self.is_trusted:
            return reply
        try:
            if not _settles(await self._query(server, checking_disabled=True)):
                return reply
            again = await self._query(server)
        except (NoReply, NonsenseReply):
            return reply
        if again.rcode == dns.rcode.SERVFAIL:
            raise Bogus(f"{_words(again, self._question)}, but an answer with checking disabled")
        return again

    async def _answers_for_root(self, servers: list[Server]) -> bool:
        """Tell whether a server that says nothing of the name says something of late, or now of the root."""
        if any(self._servers.has_answered(server) for server in servers):
            return True
        said = await asyncio.gather(*(self._says_something(server) for server in servers[:MAX_CONTROLS]))
        return any(said)

    async def _says_something(self, server: Server) -> bool:
        """Tell whether a server replies to the question for the root, whatever it says."""
        seconds = min(CONTROL_SECONDS, self._budget.whole)
        root = Question(dns.name.root, dns_records.A)
        try:
            with suppress(NoUsableReply, NonsenseReply):
                await self._client.ask(server, root, Budget(seconds), seconds)
        except NoReply:
            return self._servers.has_answered(server)  # another look-up may have got more out of it
        self._servers.note_answer(server)
        return True

    async def _denies_root(self, server: Server) -> bool:
        """Tell whether a server that denies a name without naming the zone's SOA denies the root as well.

        The root always exists. Resolvers that are cut off from the world, and those of closed networks, deny
        everything alike; the name is not to blame. One question settles it for a while.
        """
        async with server.root_check:
            if self._servers.is_root_known(server) is None:
                root = Question(dns.name.root, dns_records.A)
                try:
                    reply = await self._client.ask(server, root, self._budget, self._budget.left)
                except (NoReply, NonsenseReply):
                    return True  # nothing speaks for what it said
                self._servers.note_root(server, is_known=reply.rcode != dns.rcode.NXDOMAIN)
            return not self._servers.is_root_known(server)

    async def _query(self, server: Server, *, checking_disabled: bool = False) -> Reply[Any]:
        # What is left is shared by all that may still be asked.
        share = self._budget.left / (len(self._pending) + 1)
        question = replace(self._question, checking_disabled=True) if checking_disabled else self._question
        return await self._client.ask(server, question, self._budget, share)

    def _give_up(self, server: Server, text: str) -> None:
        """Note a server's word that is of no use, and ask it no more in this turn."""
        self._pending = [other for other in self._pending if other is not server]
        self._note(server, text, Status.FAILED)

    def _note(self, server: Server, text: str, status: Status) -> None:
        self._said[server] = text
        self._status = status
        if not text.startswith(_SERVFAIL):  # which is about the name
            self._servers.note_failure(server)

    def _answer(self, name: str, reply: Reply[Any]) -> Answer[Any]:
        kind = self._question.kind.text
        if reply.records:
            status, detail = Status.FOUND, _incomplete(self._host, kind, reply)
            ttl = min(max(reply.ttl or 0.0, MIN_TTL), MAX_TTL)
        else:
            status, detail = Status.NO_DATA, f"{self._host} has no {kind} record"
            if reply.rcode == dns.rcode.NXDOMAIN:
                status, detail = Status.NO_NAME, f"{self._host} does not exist in the DNS (NXDOMAIN)"
            ttl = min(max(reply.ttl or 0.0, MIN_NEGATIVE_TTL), MAX_NEGATIVE_TTL)
        return Answer(
            name=name,
            status=status,
            records=reply.records,
            ttl=ttl,
            is_authentic=reply.is_authentic and self.is_trusted,
            aliases=reply.aliases,
            detail=detail,
            seconds=self._budget.used,
        )

    def _failure(self, name: str, status: Status, detail: str) -> Answer[Any]:
        return Answer(name, status, ttl=FAILURE_TTL, detail=detail, seconds=self._budget.used)


def _parse(name: str) -> dns.name.Name:
    if not name.isascii():
        raise ValueError(name)  # dnspython would take it by the older IDNA 2003
    parsed = dns.name.from_text(name)
    if parsed == dns.name.root:
        raise ValueError(name)
    return parsed


def _settles(reply: Reply[Any]) -> bool:
    """Tell whether a reply says something definite: records that can be read, none, or no such name."""
    if reply.rcode == dns.rcode.NOERROR:
        return bool(reply.records) or not reply.seen
    return reply.rcode == dns.rcode.NXDOMAIN


def _is_bare_denial(reply: Reply[Any]) -> bool:
    """Tell whether a reply is NXDOMAIN without the SOA that belongs to it (RFC 2308 section 2.1)."""
    return reply.rcode == dns.rcode.NXDOMAIN and reply.ttl is None


def _words(reply: Reply[Any], question: Question[Any]) -> str:
    """Return what a useless reply says."""
    if reply.rcode == dns.rcode.NOERROR:
        return f"{question.kind.text} records ({reply.seen}) of which none can be read"
    words = reply.rcode_text
    if reply.error is not None:
        code, text = reply.error
        words += f", extended error {code}" + (f" ({text})" if text else "")
    return words


def _incomplete(host: str, kind: str, reply: Reply[Any]) -> str | None:
    notes = []
    if reply.seen > MAX_RECORDS:
        notes.append(f"{host} has more than {MAX_RECORDS} {kind} records; only the first are kept")
    if reply.unreadable:
        notes.append(f"{reply.unreadable} {kind} records of {host} cannot be read")
    return "; ".join(notes) or None
