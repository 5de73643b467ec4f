"""Resolves host names to addresses of both families, with own name servers by setting (dnspython)."""

import asyncio
import time
from collections.abc import Callable, Sequence

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from scanner.model import Reason

NO_ANSWER = "no answer from the name servers"


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
        self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(address, port) for address, port in servers
            ]
        self._resolver.lifetime = timeout
        self._resolver.timeout = max(0.5, timeout / 2)
        self._families = tuple(families)
        self._clock = clock
        self._cache: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._in_flight: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return every address of `host`, IPv4 first.

        Raises:
            ResolveFailure: no such name, no address, or the name servers failed.
        """
        cached = self._cache.get(host)
        if cached is not None and cached[0] > self._clock():
            return cached[1]
        task = self._in_flight.get(host)
        if task is None:
            task = asyncio.ensure_future(self._look_up(host))
            self._in_flight[host] = task
            task.add_done_callback(lambda done: self._forget(host, done))
        return await asyncio.shield(task)

    def _forget(self, host: str, task: asyncio.Task[tuple[str, ...]]) -> None:
        self._in_flight.pop(host, None)
        if not task.cancelled():
            task.exception()  # fetched, so that a failure nobody waits for any more is not reported as lost

    async def _look_up(self, host: str) -> tuple[str, ...]:
        kinds = [{4: dns.rdatatype.A, 6: dns.rdatatype.AAAA}[family] for family in self._families]
        results = await asyncio.gather(*(self._ask(host, kind) for kind in kinds))
        addresses = [address for answer, _ in results if isinstance(answer, list) for address in answer]
        if addresses:
            ttl = min((ttl for answer, ttl in results if answer), default=self.MIN_TTL)
            if len(self._cache) >= self.MAX_CACHED:
                self._cache.clear()
            self._cache[host] = (
                self._clock() + min(max(ttl, self.MIN_TTL), self.MAX_TTL),
                tuple(dict.fromkeys(addresses)),
            )
            return self._cache[host][1]
        failures = [answer for answer, _ in results if isinstance(answer, ResolveFailure)]
        # The definite answer wins: NXDOMAIN for one type is NXDOMAIN for the name (RFC 8020).
        for reason in (Reason.NAME_NOT_FOUND, Reason.DNS_FAILURE):
            for failure in failures:
                if failure.reason is reason:
                    raise failure
        raise ResolveFailure(Reason.NO_ADDRESS, f"{host} has no address record")

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
            return ResolveFailure(
                Reason.DNS_FAILURE, f"the name servers failed for {host}: {_cause(error)}"
            ), 0.0
        except (dns.exception.DNSException, OSError, ValueError) as error:
            return ResolveFailure(Reason.DNS_FAILURE, f"{host}: {error}"), 0.0
        if answer.rrset is None:
            return [], 0.0
        return [str(record.address) for record in answer.rrset], float(answer.rrset.ttl)


def _cause(error: dns.resolver.NoNameservers) -> str:
    """Return what the last server said (SERVFAIL, REFUSED), without the library's long sentence."""
    errors = error.kwargs.get("errors") or []
    return str(errors[-1][3]) if errors else "no name server could be asked"
