"""Turns targets into endpoints: names into addresses, every address of both families, each endpoint once."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from scanner.model import PORTS, Endpoint, Protocol, Reason, TargetFinding, TlsMode, role_of
from scanner.model.observation import Key
from scanner.model.target import Target, refuse_address
from scanner.network import ResolveFailure, Resolver

LOOKUPS_AT_ONCE = 64
MAX_ADDRESSES = 64
"""How many addresses of one host are probed; one answer of a name server could hold thousands."""
SOURCE = "operator"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to probe, and what is already known about targets that lead to no endpoint."""

    endpoints: tuple[Endpoint, ...]
    findings: tuple[TargetFinding, ...]

    @property
    def addresses(self) -> dict[str, tuple[str, ...]]:
        """The addresses of every host that has endpoints."""
        found: dict[str, dict[str, None]] = {}
        for endpoint in self.endpoints:
            found.setdefault(endpoint.host, {})[endpoint.address] = None
        return {host: tuple(addresses) for host, addresses in found.items()}


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes plans; one for all targets, so that what they share is probed once.

    Args:
        ports: the ports of a target that names none.
        allow_private: probe private, loopback and link-local addresses too (else a scanner is an SSRF tool).
        families: 4 and 6, or one of them.
    """

    resolver: Resolver
    ports: Sequence[int]
    families: Sequence[int] = (4, 6)
    allow_private: bool = False
    vantage: str = "default"

    async def plan(
        self,
        targets: Iterable[Target],
        on_resolved: Callable[[int], None] = lambda _: None,
        *,
        known: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> Plan:
        """Resolve all targets and merge what they share; `on_resolved` is told how many are done.

        `known` holds the addresses that hosts had in the plan before: they stand while the name servers fail
        (DNS_FAILURE), beside the finding that says so. A definite answer, "no such name" too, replaces them.
        """
        todo = list(targets)
        gate = asyncio.Semaphore(LOOKUPS_AT_ONCE)
        done = 0

        async def expand(target: Target) -> Plan:
            nonlocal done
            async with gate:
                plan = await self._expand(target, known.get(target.host, ()))
            done += 1
            on_resolved(done)
            return plan

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(expand(target)) for target in todo]
        return merge([task.result() for task in tasks])

    async def _expand(self, target: Target, known: Sequence[str]) -> Plan:
        started_at = datetime.now(UTC)
        begun = time.perf_counter()

        def finding(reason: Reason, detail: str) -> TargetFinding:
            return TargetFinding(
                domain=target.host,
                host=target.host,
                started_at=started_at,
                duration=time.perf_counter() - begun,
                reason=reason,
                detail=detail,
                vantage=self.vantage,
            )

        endpoints: list[Endpoint] = []
        findings: list[TargetFinding] = []
        addresses, failure = await self._look_up(target, known)
        seconds = None if target.is_address or failure is not None else self.resolver.seconds_of(target.host)
        if failure is not None:
            findings.append(finding(failure.reason, failure.detail))
        if len(addresses) > MAX_ADDRESSES:
            detail = f"{target.host} has {len(addresses)} addresses; the first {MAX_ADDRESSES} are probed"
            findings.append(finding(Reason.SKIPPED, detail))
        for address in addresses[:MAX_ADDRESSES]:
            refusal = self._refuse(address)
            if refusal is not None:
                findings.append(finding(*refusal))
            else:
                endpoints += self._endpoints(target, address, seconds)
        return Plan(tuple(endpoints), tuple(findings))

    async def _look_up(
        self, target: Target, known: Sequence[str]
    ) -> tuple[Sequence[str], ResolveFailure | None]:
        """Return the addresses to go by, and why they are not fresh ones."""
        if target.is_address:
            return (target.host,), None
        try:
            return await self.resolver.addresses(target.host), None
        except ResolveFailure as failure:
            return known if failure.reason is Reason.DNS_FAILURE else (), failure

    def _refuse(self, address: str) -> tuple[Reason, str] | None:
        version = ipaddress.ip_address(address).version
        if version not in self.families:
            return (
                Reason.NO_ADDRESS,
                f"{address} is IPv{version}, and only IPv{self.families[0]} is asked for",
            )
        why = None if self.allow_private else refuse_address(address)
        if why is not None:
            return (
                Reason.ADDRESS_NOT_ALLOWED,
                f"{address} is {why}; it is probed only with --allow-private (probe.allow_private)",
            )
        return None

    def _endpoints(self, target: Target, address: str, seconds: float | None) -> list[Endpoint]:
        wanted: list[tuple[int, Protocol, TlsMode]]
        if target.port is not None and target.protocol is not None and target.tls_mode is not None:
            wanted = [(target.port, target.protocol, target.tls_mode)]
        else:
            wanted = [(port, PORTS[port].protocol, PORTS[port].tls_mode) for port in self.ports]
        return [
            Endpoint(
                host=target.host,
                address=address,
                port=port,
                protocol=protocol,
                tls_mode=tls_mode,
                role=role_of(protocol, port),
                source=SOURCE,
                domains=(target.host,),
                dns_seconds=seconds,
            )
            for port, protocol, tls_mode in wanted
        ]


def merge(plans: Iterable[Plan]) -> Plan:
    """Join plans: an endpoint that several targets lead to is probed once and concerns all their domains."""
    endpoints: dict[Key, Endpoint] = {}
    findings: dict[tuple[str, Reason | None, str | None], TargetFinding] = {}
    for plan in plans:
        for endpoint in plan.endpoints:
            known = endpoints.setdefault(endpoint.key, endpoint)
            if known is not endpoint:
                domains = tuple(dict.fromkeys(known.domains + endpoint.domains))
                endpoints[endpoint.key] = replace(known, domains=domains)
        for finding in plan.findings:
            findings.setdefault((finding.host, finding.reason, finding.detail), finding)
    return Plan(tuple(endpoints.values()), tuple(findings.values()))
