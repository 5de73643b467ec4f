"""Turns targets into endpoints: domains into hosts, hosts into addresses, each endpoint once."""

import asyncio
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol as Interface

from scanner.discovery.addresses import AddressBook
from scanner.discovery.draft import Draft
from scanner.discovery.found import Found
from scanner.discovery.merge import Former, Merger, Plan
from scanner.discovery.offer import Offer, Place
from scanner.discovery.pieces import give_way
from scanner.model import (
    PORTS,
    DaneStatus,
    Expectation,
    Proof,
    Protocol,
    Role,
    Service,
    Source,
    StsClaim,
    role_of,
)
from scanner.model.exclusion import NOTHING_EXCLUDED, Exclusion
from scanner.model.target import Target
from scanner.network import Resolver

LOOKUPS_AT_ONCE = 64
"""How many targets are looked up at once."""
MIN_SECONDS, MAX_SECONDS = 300.0, 86400.0
"""How long the sources' answers about a domain are kept, whatever TTL its MX has."""

_EXCUSED = frozenset({"port_closed"})
_NONE: Mapping[str, Sequence[str]] = MappingProxyType({})


class Finder(Interface):
    """What finds the servers of a domain (`scanner.discovery.Discovery`)."""

    async def find(self, domain: str) -> Found:
        """Find the servers of a domain."""

    def expect(self, place: Place, provider: str | None) -> Expectation | None:
        """Return what the provider that a server belongs to declares about it."""


@dataclass(frozen=True, slots=True)
class _Memory:
    """What was found about a domain, and until when it is not asked for again (seconds, monotonic)."""

    found: Found
    until: float


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes plans; one for all targets, so that what they share is probed once.

    Args:
        ports: the ports of a target that names none.
        finder: finds the servers of a domain; without one every name is a host of its own.
        allow_private: probe private, loopback and link-local addresses too (else a scanner is an SSRF tool).
        exclusion: what is neither looked up nor planned.
        families: 4 and 6, or one of them.
        with_dane: look up what is published for DANE about port 25.
        memory: what the sources said of each domain; filled by `plan`.
        former: the parts of the last plan; replaced by `plan`.
    """

    resolver: Resolver
    ports: Sequence[int]
    finder: Finder | None = None
    families: Sequence[int] = (4, 6)
    allow_private: bool = False
    exclusion: Exclusion = NOTHING_EXCLUDED
    with_dane: bool = True
    vantage: str = "default"
    clock: Callable[[], float] = time.monotonic
    memory: dict[str, _Memory] = field(default_factory=dict)
    former: Former = field(default_factory=Former)

    async def plan(
        self,
        targets: Iterable[Target],
        on_resolved: Callable[[int], None] = lambda _: None,
        *,
        known: Mapping[str, Sequence[str]] = _NONE,
    ) -> Plan:
        """Find out about all targets and merge what they share; `on_resolved` is told how many are done.

        `known` holds the addresses that hosts had in the plan before: they stand while the name servers fail
        (DNS_FAILURE), beside the finding that says so. A definite answer, "no such name" too, replaces them.
        """
        todo = list(targets)
        book = AddressBook(
            self.resolver,
            families=self.families,
            allow_private=self.allow_private,
            exclusion=self.exclusion,
            known=known,
        )
        gate = asyncio.Semaphore(LOOKUPS_AT_ONCE)
        merger = Merger(self.former)
        done = 0

        async def expand(rank: int, target: Target) -> None:
            nonlocal done
            try:
                merger.add(rank, await self._expand(target, book))
            finally:
                gate.release()
            done += 1
            on_resolved(done)

        async with asyncio.TaskGroup() as group:
            for rank, target in enumerate(todo):
                # Before the task begins: where all is known nobody waits, and so many tasks run in one go.
                await gate.acquire()
                group.create_task(expand(rank, target))
        await give_way(self._forget_all_but(todo))
        return await give_way(merger.join())

    def take_over(self, former: "Planner", *, is_current: bool) -> None:
        """Take over what another planner found; unless `is_current`, only for while the name servers fail."""
        for domain, memory in former.memory.items():
            self.memory[domain] = memory if is_current else replace(memory, until=0.0)
        self.former.endpoints, self.former.domains = former.former.endpoints, former.former.domains

    def _forget_all_but(self, targets: Iterable[Target]) -> Generator[None, None, None]:
        """Forget what the sources said of domains that are no targets any more."""
        named: set[str] = set()
        for target in targets:
            named.add(target.host)
            yield
        for domain in tuple(self.memory):
            if domain not in named:
                self.memory.pop(domain, None)
            yield

    async def _expand(self, target: Target, book: AddressBook) -> Plan:
        # A single label is a name of this network; no domain has servers there.
        is_name = "." in target.host and not target.is_address and not self.resolver.has_own(target.host)
        is_host = target.port is not None or not is_name
        draft = Draft(target.host, self.vantage, is_domain=not is_host and self.finder is not None)
        if (why := self.exclusion.refuse_host(target.host)) is not None:
            return draft.leave_out(why)
        if draft.is_domain:
            await self._plan_domain(draft, book)
        else:
            await self._plan_host(draft, target, book)
        return draft.finish()

    async def _plan_host(self, draft: Draft, target: Target, book: AddressBook) -> None:
        """Plan a host as the operator named it."""
        host = (await book.hosts([target.host]))[target.host]
        draft.report_host(host, Source.OPERATOR)
        for place in self._places_of(target):
            expectation = self._expect(place)
            if place.service is Service.MX and target.port is None:
                expectation = _excuse(expectation)
            if place.service is Service.MX and self.finder is not None and not target.is_address:
                expectation = await self._add_dane(expectation, place, book)
            draft.add(place, host, Source.OPERATOR, expectation)

    async def _plan_domain(self, draft: Draft, book: AddressBook) -> None:
        """Plan the servers that the sources name for a domain."""
        found = await self._find(draft.domain)
        draft.report_found(found)
        named = list(found.chosen)
        chosen = [(offer, place) for offer, place in named if self._is_wanted(place.port)]
        if named and not chosen:
            draft.tell_left_out([place for _, place in named])
        hosts = await book.hosts(place.host for _, place in chosen)
        for offer, place in chosen:
            host = hosts[place.host]
            if self.exclusion.refuse_host(host.name) is not None:
                draft.report_host(host, _source_of(draft.domain, offer, place))
                continue
            is_mx = place.service is Service.MX
            source = _source_of(draft.domain, offer, place)
            draft.report_host(host, source, is_mx=is_mx)
            expectation = self._expect(place, offer.provider)
            if is_mx and found.mx.is_implicit:
                expectation = _excuse(expectation)
            if is_mx:
                expectation = await self._add_dane(
                    expectation, place, book, is_authentic=found.mx.is_authentic
                )
                if found.policy is not None:
                    claim = StsClaim(found.policy, (draft.domain,))
                    expectation = replace(expectation or Expectation(), mta_sts=(claim,))
            draft.add(place, host, source, expectation)

    async def _find(self, domain: str) -> Found:
        """Ask the sources about a domain, or return what they said while that holds."""
        if self.finder is None:
            raise LookupError(f"nothing is there to find the servers of {domain}")
        former = self.memory.get(domain)
        if former is not None and self.clock() < former.until:
            return former.found
        found = await self.finder.find(domain)
        if former is not None and found.lookup_trouble is not None:
            found = found.supplemented_by(former.found)
        if found.lookup_trouble is None:
            seconds = min(max(found.mx.ttl, MIN_SECONDS), MAX_SECONDS) if found.is_whole else MIN_SECONDS
            self.memory[domain] = _Memory(found, self.clock() + seconds)
        else:
            self.memory[domain] = _Memory(found, 0.0)
        return found

    def _expect(self, place: Place, provider: str | None = None) -> Expectation | None:
        return None if self.finder is None else self.finder.expect(place, provider)

    async def _add_dane(
        self, expectation: Expectation | None, place: Place, book: AddressBook, *, is_authentic: bool = True
    ) -> Expectation | None:
        """Add what is published for DANE; `is_authentic` tells whether the record that names the host is."""
        if not self.with_dane:
            return expectation
        dane = await book.dane(place.host, is_authentic=is_authentic)
        if dane.status is DaneStatus.NONE:
            return expectation
        return replace(expectation or Expectation(), dane=dane)

    def _is_wanted(self, port: int) -> bool:
        """Tell whether a port that a source names is to be probed; one outside the table if all of it is."""
        return port in self.ports if port in PORTS else len(self.ports) == len(PORTS)

    def _places_of(self, target: Target) -> list[Place]:
        """Return what the operator wants of a host: the port he names, else all."""
        if target.port is not None and target.protocol is not None and target.tls_mode is not None:
            wanted = [(target.port, target.protocol, target.tls_mode)]
        else:
            wanted = [(port, PORTS[port].protocol, PORTS[port].tls_mode) for port in self.ports]
        return [
            Place(service_of(protocol, port), target.host, port, protocol, tls_mode)
            for port, protocol, tls_mode in wanted
        ]


def _source_of(domain: str, offer: Offer, place: Place) -> Source:
    """Return who named a server: the own name of a host is no guess, since the operator said it."""
    is_said = offer.source is Source.GUESS and place.host == domain and place.proof is Proof.NONE
    return Source.OPERATOR if is_said else offer.source


def _excuse(expectation: Expectation | None) -> Expectation:
    """Expect no service on port 25 of a host that no MX record names; one that is there is probed."""
    expectation = expectation or Expectation()
    return replace(expectation, tolerated=expectation.tolerated | _EXCUSED)


def service_of(protocol: Protocol, port: int) -> Service:
    """Return the service that a port belongs to."""
    if protocol is not Protocol.SMTP:
        return Service.IMAP if protocol is Protocol.IMAP else Service.POP3
    return Service.MX if role_of(protocol, port) is Role.MX else Service.SUBMISSION
