"""Joins plans: an endpoint that several domains lead to is probed once and concerns all of them."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace
from operator import itemgetter

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
from scanner.model.domain import DomainFacts, Membership
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

    def list_addresses(self) -> Generator[None, None, dict[str, tuple[str, ...]]]:
        """Return the addresses of every host that has endpoints; yields wherever that may be put off."""
        found: dict[str, tuple[str, ...]] = {}
        for endpoint in self.endpoints:
            known = found.get(endpoint.host, ())
            if endpoint.address not in known:
                found[endpoint.host] = (*known, endpoint.address)
            yield
        return found


@dataclass(slots=True)
class Former:
    """The parts of the last plan. What is equal again is taken from there.

    So it is one value for as long as it holds, whoever compares it sees at once that nothing has changed,
    and the garbage collector meets nothing new.
    """

    endpoints: dict[Key, Endpoint] = field(default_factory=dict)
    domains: dict[str, DomainFacts] = field(default_factory=dict)


def merge(plans: Iterable[Plan]) -> Plan:
    """Join plans: each endpoint, each finding and each domain once."""
    merger = Merger(Former())
    for rank, plan in enumerate(plans):
        merger.add(rank, plan)
    return _finish(merger.join())


class Merger:
    """Joins plans as they come, in whatever order, so that of a plan that is added little more is kept.

    Ten thousand plans that wait to be joined would be a million values for the garbage collector to visit.
    """

    def __init__(self, former: Former) -> None:
        self._former = former
        self._endpoints: dict[Key, _Joint] = {}
        self._findings: dict[int, tuple[TargetFinding, ...]] = {}
        self._domains: dict[int, tuple[DomainFacts, ...]] = {}
        self._members: dict[tuple[Membership, ...], tuple[Membership, ...]] = {}

    def add(self, rank: int, plan: Plan) -> None:
        """Add a plan; the one of the lowest rank comes first in everything."""
        word: _Word | None = None
        for endpoint in plan.endpoints:
            if word is None or word[1] is not endpoint.domains or word[2] != endpoint.source:
                word = (rank, endpoint.domains, endpoint.source)
            key = endpoint.key
            joint = self._endpoints.get(key)
            if joint is None:
                joint = self._endpoints[key] = _Joint(rank, endpoint)
            joint.add(word, endpoint)
        if plan.findings:
            self._findings[rank] = plan.findings
        if plan.domains:
            self._domains[rank] = tuple(map(self._share, plan.domains))

    def join(self) -> Generator[None, None, Plan]:
        """Return the plan of all; yields wherever that may be put off."""
        endpoints: dict[Key, Endpoint] = {}
        waiting = sorted(self._endpoints.items(), key=lambda item: item[1].rank)
        self._endpoints = {}
        waiting.reverse()
        while waiting:  # each is let go by itself: all at once would hold others up
            key, joint = waiting.pop()
            former = self._former.endpoints.get(key)
            joined = joint.join(former)
            endpoints[key] = former if former is not None and former == joined else joined
            yield
        findings: dict[tuple[str, str, Reason | None, str | None], TargetFinding] = {}
        for _, found in sorted(self._findings.items(), key=itemgetter(0)):
            for one in found:
                findings.setdefault((one.domain, one.host, one.reason, one.detail), one)
            yield
        domains: dict[str, DomainFacts] = {}
        for _, told in sorted(self._domains.items(), key=itemgetter(0)):
            for facts in told:
                known = domains.get(facts.domain)
                domains[facts.domain] = facts if known is None else _join_facts(known, facts)
            yield
        self._former.endpoints, self._former.domains = endpoints, domains
        return Plan(tuple(endpoints.values()), tuple(findings.values()), tuple(domains.values()))

    def _share(self, facts: DomainFacts) -> DomainFacts:
        """Return the same facts, with members that are one value for all domains that have them."""
        former = self._former.domains.get(facts.domain)
        if former is not None and former == facts:
            return former
        members = self._members.setdefault(facts.members, facts.members)
        return facts if members is facts.members else replace(facts, members=members)


_Word = tuple[int, tuple[str, ...], str]
"""Which plan names an endpoint, for which domains, and from which source; shared by a plan's endpoints."""


@dataclass(slots=True)
class _Joint:
    """What several plans know of one endpoint: the highest source, the least proof asked for."""

    rank: int
    first: Endpoint
    """As the plan of the lowest rank has it."""
    words: list[_Word] = field(default_factory=list)
    source: str = Source.GUESS
    proof: Proof = Proof.CERTIFICATE
    expected: tuple[int, Expectation] | None = None
    claims: list[tuple[int, StsClaim]] = field(default_factory=list)
    dane: tuple[int, int, Dane] | None = None
    """How much it weighs, of which plan it is, and what is published."""

    def add(self, word: _Word, endpoint: Endpoint) -> None:
        """Take what one more plan says."""
        rank = word[0]
        if rank < self.rank:
            self.rank, self.first = rank, endpoint
        self.words.append(word)
        self.source = min(self.source, endpoint.source, key=_RANK_OF_SOURCE.__getitem__)
        self.proof = min(self.proof, endpoint.proof, key=_RANK_OF_PROOF.__getitem__)
        if endpoint.expectation is not None:
            self._expect(rank, endpoint.expectation)

    def _expect(self, rank: int, expectation: Expectation) -> None:
        # What the catalogue says is said of the host, so that all have it alike.
        if self.expected is None or rank < self.expected[0]:
            self.expected = (rank, expectation)
        self.claims += [(rank, claim) for claim in expectation.mta_sts]
        if expectation.dane is not None:
            dane = (_RANK_OF_DANE[expectation.dane.status], rank, expectation.dane)
            self.dane = dane if self.dane is None else min(self.dane, dane, key=itemgetter(0, 1))

    def join(self, former: Endpoint | None) -> Endpoint:
        """Return the endpoint that concerns all of them; with the domains of the former one if they stay."""
        if len(self.words) == 1:
            return self.first
        found: dict[str, str] = {}
        for _, domains, source in sorted(self.words, key=itemgetter(0)):
            for domain in domains:
                found.setdefault(domain, source)
        names, sources = tuple(found), tuple(found.items())
        if former is not None and former.sources == sources:
            names, sources = former.domains, former.sources
        return replace(
            self.first,
            source=self.source,
            proof=self.proof,
            domains=names,
            sources=sources,
            expectation=self._join_expectations(),
        )

    def _join_expectations(self) -> Expectation | None:
        if self.expected is None:
            return None
        policies: dict[StsPolicy, dict[str, None]] = {}
        for _, claim in sorted(self.claims, key=itemgetter(0)):
            policies.setdefault(claim.policy, {}).update(dict.fromkeys(claim.domains))
        return replace(
            self.expected[1],
            mta_sts=tuple(StsClaim(policy, tuple(domains)) for policy, domains in policies.items()),
            dane=None if self.dane is None else self.dane[2],
        )


def _finish(steps: Generator[None, None, Plan]) -> Plan:
    """Do all steps of joining plans at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            plan: Plan = end.value
            return plan


def _join_facts(known: DomainFacts, other: DomainFacts) -> DomainFacts:
    """Join what two targets say of one domain: a domain and single ports of it by its name."""
    first = other if other.is_domain and not known.is_domain else known
    return replace(
        first,
        members=tuple(dict.fromkeys((*known.members, *other.members))),
        is_found=known.is_found and other.is_found,
    )
