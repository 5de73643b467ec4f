"""Resolves names: records of the types that discovery needs, and hosts to addresses of both families."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from scanner.model import Reason
from scanner.model.exclusion import NOTHING_EXCLUDED, Exclusion
from scanner.model.published import TlsaRecord
from scanner.network import dns_lookup, dns_records
from scanner.network.answer import Answer, MxRecord, SrvRecord, Status
from scanner.network.dns_cache import AnswerCache, Key
from scanner.network.dns_client import Client
from scanner.network.dns_lookup import NO_ANSWER, NO_ROOT, Lookup
from scanner.network.dns_records import Kind
from scanner.network.dns_servers import Place, Servers, read_system_places
from scanner.network.hosts import read_hosts

__all__ = ["NO_ANSWER", "NO_ROOT", "ResolveFailure", "Resolver"]

_KINDS = {4: dns_records.A, 6: dns_records.AAAA}
_FAILURES = {Status.FAILED, Status.TIMEOUT, Status.BOGUS}
# What stands for the whole where no family has records: the definite answer, then the gravest failure.
_FIRST_OF = (Status.EXCLUDED, Status.NO_NAME, Status.BOGUS, Status.FAILED, Status.TIMEOUT, Status.NO_DATA)

Record = TypeVar("Record")


class ResolveFailure(Exception):
    """A name gave no address: the reason, and the evidence in words."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Resolver:
    """Asks name servers, keeps what they say for its TTL, and asks once for what many want at once.

    What a server does is in the `Answer`, never an exception. Records are kept five minutes at least and a
    day at most, "there is none" a minute to an hour, a failure half a minute; while servers fail, records up
    to three days old are given again (RFC 8767).

    Args:
        servers: `(address, port)` pairs; none means the system's own.
        timeout: seconds that the servers may take for one look-up in all.
        families: which of 4 and 6 to ask for.
        trust_ad: believe the servers that an answer is DNSSEC-secure; None is: where all are on this machine.
        rate: queries per second to each server; 0 is as fast as they come.
        cached: how many answers with records are kept, how many without, and how many failures
            (default: MAX_CACHED).
        clock: seconds.
    """

    MIN_TTL = dns_lookup.MIN_TTL
    MAX_TTL = dns_lookup.MAX_TTL
    MAX_CACHED = 100_000

    def __init__(
        self,
        servers: Sequence[Place] = (),
        *,
        timeout: float = 5.0,
        families: Sequence[int] = (4, 6),
        trust_ad: bool | None = None,
        rate: float = 0,
        cached: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Own name servers are asked for everything; the system's come after its hosts file.
        self._is_system = not servers
        self._servers = Servers(servers or read_system_places(), rate=rate, clock=clock)
        self._trust_ad = trust_ad
        self._lookup = Lookup(
            self._servers,
            Client(clock),
            timeout=timeout,
            is_trusted=lambda: self.trusts_ad,
            # Who names servers of his own may mean some that know one zone only.
            must_know_root=self._is_system,
        )
        self._families = tuple(families)
        self._hosts: dict[str, tuple[str, ...]] = {}
        self.read_hosts()
        self._cache = AnswerCache(self.MAX_CACHED if cached is None else cached, clock)
        self._in_flight: dict[Key, asyncio.Task[Answer[Any]]] = {}
        self._exclusion = NOTHING_EXCLUDED

    @property
    def trusts_ad(self) -> bool:
        """Whether the servers are believed that an answer is DNSSEC-secure (RFC 6840 section 5.8)."""
        return self._servers.are_local if self._trust_ad is None else self._trust_ad

    def exclude(self, exclusion: Exclusion) -> None:
        """Tell nothing from now on of what is excluded, whatever is known of it, and ask nobody for it."""
        self._exclusion = exclusion

    def expire(self) -> None:
        """Ask anew for everything; what is known stands in while the servers fail."""
        self._cache.expire()

    def read_hosts(self) -> None:
        """Read the hosts file again, where it counts."""
        self._hosts = read_hosts() if self._is_system else {}

    def has_own(self, host: str) -> bool:
        """Tell whether the hosts file names a host: this machine's own word for one, and no domain."""
        return _key(host) in self._hosts

    def read_system_servers(self) -> None:
        """Read resolv.conf again, where it counts; what is known stays."""
        if self._is_system:
            self._servers.replace(read_system_places())

    async def mx(self, domain: str) -> Answer[MxRecord]:
        """Return the mail exchangers of a domain, in no order (RFC 5321 section 5.1)."""
        return await self._ask(domain, dns_records.MX)

    async def srv(self, name: str) -> Answer[SrvRecord]:
        """Return the places of a service, in no order (RFC 2782)."""
        return await self._ask(name, dns_records.SRV)

    async def txt(self, name: str) -> Answer[bytes]:
        """Return the texts of a name, the strings of each record joined."""
        return await self._ask(name, dns_records.TXT)

    async def tlsa(self, name: str) -> Answer[TlsaRecord]:
        """Return the TLSA records of a name, the malformed among them (RFC 6698 section 2.1).

        While the servers fail, that there were none stands as old records do.
        """
        answer = await self._ask(name, dns_records.TLSA)
        denial = self._denial_for(answer, (_key(name), dns_records.TLSA.text))
        return answer if denial is None else denial

    async def address_records(self, host: str) -> Answer[str]:
        """Return every address of a host, IPv4 first, in numeric order; the hosts file comes first."""
        return self._join(_key(host), await self._by_family(_key(host)))

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return every address of a host as `address_records` does; while one family fails, its last ones.

        Raises:
            ResolveFailure: no such name, no address, or the name servers fail for all that there is.
        """
        answers = await self._by_family(_key(host))
        joined = self._join(_key(host), answers)
        if joined.records and any(answer.records and not answer.is_stale for answer in answers):
            return joined.records
        raise ResolveFailure(joined.reason, joined.detail or "")

    def seconds_of(self, host: str) -> float | None:
        """Return how long the look-up took that the addresses of `host` come from (seconds)."""
        found = [self._cache.seconds_of((_key(host), _KINDS[family].text)) for family in self._families]
        return max((seconds for seconds in found if seconds is not None), default=None)

    async def _ask(self, name: str, kind: Kind[Record]) -> Answer[Record]:
        return await _settle(self._begin(_key(name), kind))

    async def _by_family(self, host: str) -> list[Answer[str]]:
        if (why := self._exclusion.refuse_host(host)) is not None:
            return [Answer(host, Status.EXCLUDED, detail=why)]
        own = [one for one in self._hosts.get(host, ()) if (6 if ":" in one else 4) in self._families]
        if own:
            return [Answer(host, Status.FOUND, tuple(own), ttl=self.MIN_TTL)]
        begun = [self._begin(host, _KINDS[family]) for family in self._families]
        return [await _settle(one) for one in begun]

    def _denial_for(self, answer: Answer[Any], key: Key) -> Answer[Any] | None:
        """Return what stands in for a failure where the last that was known is that there is no record."""
        if answer.status not in {Status.FAILED, Status.TIMEOUT}:
            return None
        denial = self._cache.denial(key)
        if denial is None:
            return None
        return replace(denial, is_stale=True, ttl=answer.ttl, detail=answer.detail)

    def _is_authentic(self, host: str, answers: Sequence[Answer[str]]) -> bool:
        """Tell whether all that is said, or was last said, of a host's addresses is DNSSEC-secure."""
        if len(answers) != len(self._families):
            return all(answer.is_authentic for answer in answers)  # from the hosts file
        keys = [(host, _KINDS[family].text) for family in self._families]
        said = [self._denial_for(answer, key) or answer for answer, key in zip(answers, keys, strict=True)]
        return all(answer.is_authentic for answer in said)

    def _begin(self, name: str, kind: Kind[Record]) -> "Answer[Record] | asyncio.Task[Answer[Record]]":
        """Return what is known, or the look-up that is under way for all who want it."""
        if (why := self._exclusion.refuse_host(name)) is not None:
            return Answer(name, Status.EXCLUDED, detail=why)
        key = (name, kind.text)
        known = self._cache.get(key)
        if known is not None:
            return known
        task = self._in_flight.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._look_up(key, kind))
            self._in_flight[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return task

    async def _look_up(self, key: Key, kind: Kind[Record]) -> Answer[Record]:
        try:
            return self._cache.put(key, await self._lookup.ask(key[0], kind))
        finally:
            # Before the task is done: whoever asks next must not be given this one again.
            self._in_flight.pop(key, None)

    def _forget(self, key: Key, task: asyncio.Task[Answer[Any]]) -> None:
        if self._in_flight.get(key) is task:  # cancelled before it began
            del self._in_flight[key]
        if not task.cancelled():
            task.exception()  # fetched, so that a fault nobody waits for any more is not reported as lost

    def _join(self, host: str, answers: Sequence[Answer[str]]) -> Answer[str]:
        """Make one answer of those of the families."""
        found = [answer for answer in answers if answer.records]
        if not found:
            return self._join_failures(host, answers)
        # Whoever is passed on the way is asked to, and each family may lead elsewhere.
        for alias in dict.fromkeys(alias for answer in found for alias in answer.aliases):
            if (why := self._exclusion.refuse_host(alias)) is None:
                continue
            detail = f"{host} is an alias (CNAME) of {alias}; {why}"
            return Answer(host, Status.EXCLUDED, detail=detail, seconds=max(one.seconds for one in answers))
        # A family that failed is asked for again as soon as may be, whatever the other's TTL.
        failed = [answer for answer in answers if answer.status in _FAILURES]
        details = [answer.detail for answer in (*found, *failed) if answer.detail is not None]
        return Answer(
            name=host,
            status=Status.FOUND,
            records=_order(address for answer in found for address in answer.records),
            ttl=min(answer.ttl for answer in (*found, *failed)),
            is_authentic=self._is_authentic(host, answers),
            is_stale=any(answer.is_stale for answer in found),
            aliases=next((answer.aliases for answer in found if answer.aliases), ()),
            detail="; ".join(dict.fromkeys(details)) or None,
            seconds=max(answer.seconds for answer in answers),
        )

    def _join_failures(self, host: str, answers: Sequence[Answer[str]]) -> Answer[str]:
        first = min(answers, key=lambda answer: _FIRST_OF.index(answer.status))
        detail = first.detail
        if first.status is Status.NO_DATA:
            asked = " or ".join(_KINDS[family].text for family in self._families)
            detail = f"{host} has no address record ({asked})"
        return replace(
            first,
            ttl=min(answer.ttl for answer in answers),
            is_authentic=all(answer.is_authentic for answer in answers),
            detail=detail,
            seconds=max(answer.seconds for answer in answers),
        )


async def _settle(begun: "Answer[Record] | asyncio.Task[Answer[Record]]") -> Answer[Record]:
    # Shielded, so that one who gives up does not take the answer from the others.
    return begun if isinstance(begun, Answer) else await asyncio.shield(begun)


def _key(name: str) -> str:
    return name.lower().removesuffix(".")


def _order(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return each address once, in an order that does not change: name servers rotate theirs."""
    return tuple(sorted(set(addresses), key=lambda address: (":" in address, ipaddress.ip_address(address))))
