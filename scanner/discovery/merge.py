"""Joins plans: an endpoint that several domains lead to is probed once and concerns all of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from scanner.model import (
    Dane,
    DaneStatus,
    Endpoint,
    Expectation,
    Proof,
    Reason,
    Source,
    StsClaim,
    StsPolicy,
    TargetFinding,
)
from scanner.model.domain import DomainFacts
from scanner.model.observation import Key

_RANK_OF_SOURCE = {source.value: rank for rank, source in enumerate(Source)}
_RANK_OF_PROOF = {proof: rank for rank, proof in enumerate(Proof)}
_RANK_OF_DANE = {
    status: rank
    for rank, status in enumerate(
        (
            DaneStatus.SECURE,
            DaneStatus.UNUSABLE,
            DaneStatus.FAILED,
            DaneStatus.INSECURE,
            DaneStatus.UNTRUSTED,
            DaneStatus.NONE,
        )
    )
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to probe, what is known about each domain, and what there is to tell beside that."""

    endpoints: tuple[Endpoint, ...]
    findings: tuple[TargetFinding, ...]
    domains: tuple[DomainFacts, ...] = ()

    @property
    def addresses(self) -> dict[str, tuple[str, ...]]:
        """The addresses of every host that has endpoints."""
        found: dict[str, dict[str, None]] = {}
        for endpoint in self.endpoints:
            found.setdefault(endpoint.host, {})[endpoint.address] = None
        return {host: tuple(addresses) for host, addresses in found.items()}


def merge(plans: Iterable[Plan]) -> Plan:
    """Join plans: each endpoint, each finding and each domain once."""
    endpoints: dict[Key, list[Endpoint]] = {}
    findings: dict[tuple[str, str, Reason | None, str | None], TargetFinding] = {}
    domains: dict[str, list[DomainFacts]] = {}
    for plan in plans:
        for endpoint in plan.endpoints:
            endpoints.setdefault(endpoint.key, []).append(endpoint)
        for finding in plan.findings:
            findings.setdefault((finding.domain, finding.host, finding.reason, finding.detail), finding)
        for facts in plan.domains:
            domains.setdefault(facts.domain, []).append(facts)
    return Plan(
        tuple(map(_join_endpoints, endpoints.values())),
        tuple(findings.values()),
        tuple(map(_join_facts, domains.values())),
    )


def _join_endpoints(same: list[Endpoint]) -> Endpoint:
    """Join what several domains know of one endpoint: the highest source, the least proof asked for."""
    first = same[0]
    if len(same) == 1:
        return first
    sources: dict[str, str] = {}
    for domain, source in ((domain, one.source) for one in same for domain in one.domains):
        sources.setdefault(domain, source)
    return replace(
        first,
        source=min((endpoint.source for endpoint in same), key=lambda source: _RANK_OF_SOURCE[source]),
        proof=min((endpoint.proof for endpoint in same), key=lambda proof: _RANK_OF_PROOF[proof]),
        domains=tuple(dict.fromkeys(domain for endpoint in same for domain in endpoint.domains)),
        sources=tuple(sources.items()),
        expectation=_join_expectations([one.expectation for one in same if one.expectation is not None]),
    )


def _join_expectations(same: list[Expectation]) -> Expectation | None:
    if len(same) < 2:
        return same[0] if same else None
    policies: dict[StsPolicy, dict[str, None]] = {}
    for claim in (claim for expectation in same for claim in expectation.mta_sts):
        policies.setdefault(claim.policy, {}).update(dict.fromkeys(claim.domains))
    published: list[Dane] = [one.dane for one in same if one.dane is not None]
    # What the catalogue says is said of the host, so that all have it alike.
    return replace(
        same[0],
        mta_sts=tuple(StsClaim(policy, tuple(domains)) for policy, domains in policies.items()),
        dane=min(published, key=lambda dane: _RANK_OF_DANE[dane.status]) if published else None,
    )


def _join_facts(same: list[DomainFacts]) -> DomainFacts:
    """Join what several targets say of one domain: a domain and single ports of it by its name."""
    if len(same) == 1:
        return same[0]
    first = next((facts for facts in same if facts.is_domain), same[0])
    return replace(
        first,
        members=tuple(dict.fromkeys(member for facts in same for member in facts.members)),
        is_found=all(facts.is_found for facts in same),
    )
