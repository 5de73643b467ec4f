"""Resolves host names to addresses of both families, with own name servers by setting (dnspython)."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Iterable, Sequence

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from scanner.model import Reason
from scanner.network.hosts import read_hosts

NO_ANSWER = "no answer from the name servers"
_LOCAL_SERVER = "127.0.0.1"
_KINDS = {4: dns.rdatatype.A, 6: dns.rdatatype.AAAA}


class ResolveFailure(Exception):
    """A name gave no address: the reason, and the evidence in words."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Resolver:
    """Asks for A and AAAA of a name at once, keeping NXDOMAIN, no data and failure apart.

    Answers are cached by their TTL (at least five minutes, at most a day), so that a host named by many
    targets is asked for once.

    Args:
        servers: `(address, port)` pairs; none means the system's own.
        timeout: seconds for one name in all.
        families: which of 4 and 6 to ask for.
    """

    MIN_TTL = 300.0
    MAX_TTL = 86400.0
    MAX_CACHED = 100_000

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] = (),
        *,
        timeout: float = 5.0,
        families: Sequence[int] = (4, 6),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = _make_resolver(servers)
        self._resolver.lifetime = timeout
        self._resolver.timeout = max(0.5, timeout / 2)
        self._families = tuple(families)
        self._clock = clock
        # Own name servers are asked for everything; the system's come after its hosts file.
        self._has_hosts = not servers
        self._hosts: dict[str, tuple[str, ...]] = {}
        self.read_hosts()
        self._cache: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._seconds: dict[str, float] = {}
        self._in_flight: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    def read_hosts(self) -> None:
        """Read the hosts file again, where it counts."""
        self._hosts = read_hosts() if self._has_hosts else {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return every address of `host`, IPv4 first, in numeric order.

        Raises:
            ResolveFailure: no such name, no address, or the name servers failed.
        """
        own = [one for one in self._hosts.get(host, ()) if (6 if ":" in one else 4) in self._families]
        if own:
            return tuple(own)
        cached = self._cache.get(host)
        if cached is not None and cached[0] > self._clock():
            return cached[1]
        task = self._in_flight.get(host)
        if task is None:
            task = asyncio.ensure_future(self._look_up(host))
            self._in_flight[host] = task
            task.add_done_callback(lambda done: self._forget(host, done))
        return await asyncio.shield(task)

    def seconds_of(self, host: str) -> float | None:
        """Return how long the look-up took that the addresses of `host` come from (seconds)."""
        return self._seconds.get(host)

    def _forget(self, host: str, task: asyncio.Task[tuple[str, ...]]) -> None:
        self._in_flight.pop(host, None)
        if not task.cancelled():
            task.exception()  # fetched, so that a failure nobody waits for any more is not reported as lost

    async def _look_up(self, host: str) -> tuple[str, ...]:
        begun = self._clock()
        results = await asyncio.gather(*(self._ask(host, _KINDS[family]) for family in self._families))
        found = [address for answer, _ in results if isinstance(answer, list) for address in answer]
        if found:
            kept = [
                address
                for family, (answer, _) in zip(self._families, results, strict=True)
                if isinstance(answer, ResolveFailure) and answer.reason is Reason.DNS_FAILURE
                for address in self._last_known(host, family)
            ]
            # A family that failed has no TTL of its own: it is asked for again as soon as may be.
            ttl = min(ttl for answer, ttl in results if answer)
            self._remember(host, _order(found + kept), ttl)
            self._seconds[host] = self._clock() - begun
            return self._cache[host][1]
        failures = [answer for answer, _ in results if isinstance(answer, ResolveFailure)]
        # The definite answer wins: NXDOMAIN for one type is NXDOMAIN for the name (RFC 8020).
        for reason in (Reason.NAME_NOT_FOUND, Reason.DNS_FAILURE):
            for failure in failures:
                if failure.reason is reason:
                    raise failure
        asked = " or ".join(_KINDS[family].name for family in self._families)
        raise ResolveFailure(Reason.NO_ADDRESS, f"{host} has no address record ({asked})")

    def _remember(self, host: str, addresses: tuple[str, ...], ttl: float) -> None:
        if len(self._cache) >= self.MAX_CACHED:
            self._cache.clear()
            self._seconds.clear()
        self._cache[host] = (self._clock() + min(max(ttl, self.MIN_TTL), self.MAX_TTL), addresses)

    def _last_known(self, host: str, family: int) -> list[str]:
        """Return the addresses of one family that the last answer gave, however old (as RFC 8767 does)."""
        _, addresses = self._cache.get(host, (0.0, ()))
        return [address for address in addresses if (":" in address) == (family == 6)]

    async def _ask(
        self, host: str, kind: dns.rdatatype.RdataType
    ) -> tuple[list[str] | ResolveFailure, float]:
        try:
            answer = await self._resolver.resolve(host, kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ResolveFailure(Reason.NAME_NOT_FOUND, f"{host} does not exist in the DNS (NXDOMAIN)"), 0.0
        except dns.resolver.LifetimeTimeout:
            return ResolveFailure(Reason.DNS_FAILURE, f"{NO_ANSWER} for {host}"), 0.0
        except dns.resolver.NoNameservers as error:
            return ResolveFailure(Reason.DNS_FAILURE, _explain(host, error)), 0.0
        except (dns.exception.DNSException, OSError, ValueError) as error:
            return ResolveFailure(Reason.DNS_FAILURE, f"{host}: {error}"), 0.0
        if answer.rrset is None:
            return [], 0.0
        # Of the whole chain: an alias (CNAME) may live shorter than the address it leads to.
        ttl = float(answer.chaining_result.minimum_ttl)
        return [str(record.address) for record in answer.rrset], ttl


def _order(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return each address once, in an order that does not change: name servers rotate theirs."""
    return tuple(sorted(set(addresses), key=lambda address: (":" in address, ipaddress.ip_address(address))))


def _make_resolver(servers: Sequence[tuple[str, int]]) -> dns.asyncresolver.Resolver:
    if not servers:
        try:
            return dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            # Without resolv.conf the name server of this machine is asked (resolv.conf(5)).
            servers = ((_LOCAL_SERVER, 53),)
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in servers]
    return resolver


def _explain(host: str, error: dns.resolver.NoNameservers) -> str:
    """Return what the last server said (SERVFAIL, REFUSED), without the library's long sentence."""
    errors = error.kwargs.get("errors") or []
    # Each error: server, by TCP, port, what happened, and the response where there was one.
    if all(response is None for *_, response in errors):
        return f"{NO_ANSWER} for {host}" + (f": {errors[-1][3]}" if errors else "")
    return f"the name servers failed for {host}: {errors[-1][3]}"
