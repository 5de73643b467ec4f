"""The plan of one target while it is made: its endpoints, its place in the domain, what there is to tell."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scanner.discovery.addresses import Host
from scanner.discovery.found import Found
from scanner.discovery.merge import Plan
from scanner.discovery.offer import Notice, Offer, Place, Trouble
from scanner.model import (
    DaneStatus,
    Endpoint,
    Expectation,
    Reason,
    Role,
    Service,
    Source,
    TargetFinding,
    Verdict,
    role_of,
)
from scanner.model.domain import DomainFacts, Membership
from scanner.model.target import is_address

_NOT_IN_DNS = frozenset({Reason.NAME_NOT_FOUND, Reason.NO_ADDRESS})


MAX_ENDPOINTS = 256
"""How many endpoints one domain may lead to: it could name a thousand hosts, and not its own."""


@dataclass(slots=True)
class Draft:
    """Collects the parts of a plan; `finish` makes the plan."""

    domain: str
    vantage: str
    is_domain: bool
    endpoints: list[Endpoint] = field(default_factory=list)
    members: list[Membership] = field(default_factory=list)
    findings: dict[tuple[str, Reason | None, str | None], TargetFinding] = field(default_factory=dict)
    found: Found | None = None
    mx_dane: list[DaneStatus] = field(default_factory=list)
    without_host: set[Service] = field(default_factory=set)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    begun: float = field(default_factory=time.perf_counter)

    def report_found(self, found: Found) -> None:
        """Take what the sources said beside the servers."""
        self.found = found
        for offer in found.offers:
            # A source of lower authority that fails leaves nothing unsaid that a higher one has settled.
            if offer.trouble is not None and offer.source in {Source.MX, Source.SRV}:
                self._tell(self.domain, offer.trouble, offer.source)
            for notice in offer.notices:
                self._advise(self.domain, notice, offer.source)
        for offer, service in found.not_offered:
            if service is Service.MX:
                trouble = Trouble(Reason.NULL_MX, f"{self.domain} says that it takes no mail (RFC 7505)")
            else:
                detail = f"{self.domain} says that it offers no {service.value} (SRV record with target .)"
                trouble = Trouble(Reason.SRV_NOT_OFFERED, detail)
            self._tell(self.domain, trouble, offer.source)
        for notice in found.disagreements():
            self._advise(self.domain, notice, Source.OPERATOR)
        if found.policy_notice is not None:
            self._advise(self.domain, found.policy_notice, Source.MX)

    def tell_left_out(self, places: Sequence[Place]) -> None:
        """Take that all servers are on ports that are not asked for."""
        ports = ", ".join(map(str, sorted({place.port for place in places})))
        notice = Notice(
            "ports_not_asked_for",
            f"{self.domain} has its servers on other ports than those asked for: {ports}.",
            "Ask for these ports too (--ports, or the key `ports`).",
        )
        self._advise(self.domain, notice, Source.OPERATOR)

    def report_host(self, host: Host, source: Source, *, is_mx: bool = False) -> None:
        """Take the trouble with a host; guesses that lead nowhere are no news."""
        if source is Source.GUESS:
            return
        for trouble in host.troubles:
            self._tell(host.name, trouble, source)
        if is_mx and host.alias is not None:
            notice = Notice(
                "mx_cname",
                f"The MX {host.name} of {self.domain} is an alias (CNAME) of {host.alias}.",
                f"Let the MX name {host.alias} itself: no alias may stand there (RFC 2181 section 10.3).",
            )
            self._advise(self.domain, notice, source)

    def add(self, place: Place, host: Host, source: Source, expectation: Expectation | None) -> None:
        """Add a server at every address of its host."""
        if place.service is Service.MX and self.is_domain:
            dane = None if expectation is None else expectation.dane
            self.mx_dane.append(DaneStatus.NONE if dane is None else dane.status)
        if source is not Source.GUESS and _is_gone(host):
            self.without_host.add(place.service)
        domains = self.endpoints[-1].domains if self.endpoints else (self.domain,)
        role = Role.MX if place.service is Service.MX else role_of(place.protocol, place.port)
        for address in host.addresses:
            if len(self.endpoints) == MAX_ENDPOINTS:
                detail = f"{self.domain} names more servers than can be probed; the first {MAX_ENDPOINTS} are"
                self._tell(self.domain, Trouble(Reason.SKIPPED, detail), source)
                return
            endpoint = Endpoint(
                host=host.name,
                address=address,
                port=place.port,
                protocol=place.protocol,
                tls_mode=place.tls_mode,
                role=role,
                source=source,
                domains=domains,
                dns_seconds=host.dns_seconds,
                expectation=expectation,
                proof=place.proof,
            )
            self.endpoints.append(endpoint)
            self.members.append(Membership(place.service, endpoint.key, source))

    def leave_out(self, why: str) -> Plan:
        """Make the plan of a target on the exclude list: that it is there, and nothing else."""
        self._tell(self.domain, Trouble(Reason.EXCLUDED, why), Source.OPERATOR)
        return Plan((), tuple(self.findings.values()), ())

    def finish(self) -> Plan:
        """Make the plan of this target."""
        findings = tuple(self.findings.values())
        if not self.endpoints and not findings:
            self._tell(
                self.domain,
                Trouble(Reason.NO_ADDRESS, f"no mail server of {self.domain} was found"),
                Source.MX,
            )
            findings = tuple(self.findings.values())
        has_answer = bool(self.endpoints) or any(
            finding.reason in {Reason.NULL_MX, Reason.SRV_NOT_OFFERED, Reason.EXCLUDED}
            for finding in findings
        )
        facts = DomainFacts(
            self.domain,
            tuple(dict.fromkeys(self.members)),
            is_domain=self.is_domain,
            refused=frozenset(service for offer in self._offers for service in offer.not_offered),
            is_implicit=self.found is not None and self.found.mx.is_implicit,
            is_found=has_answer and not any(finding.reason is Reason.DNS_FAILURE for finding in findings),
            lost=self._lost,
            policy=self.found.policy if self.found is not None else None,
            has_secure_mx=self.found is None or self.found.mx.is_authentic,
            dane=all(status is DaneStatus.SECURE for status in self.mx_dane) if self.mx_dane else None,
        )
        return Plan(tuple(self.endpoints), findings, (facts,))

    @property
    def _lost(self) -> frozenset[Service]:
        """The services of which every server that is named turned out not to be in the DNS."""
        lost = set(self.without_host)
        if self.found is not None:
            mx = self.found.mx
            if mx.is_implicit:
                lost.discard(Service.MX)  # no record names a server
            elif mx.offer.notices and not mx.offer.places:
                lost.add(Service.MX)  # the records name nothing that is a host
        return frozenset(lost - {member.service for member in self.members})

    @property
    def _offers(self) -> tuple[Offer, ...]:
        return self.found.offers if self.found is not None else ()

    def _tell(self, host: str, trouble: Trouble, source: Source) -> None:
        self._keep(host, trouble.reason, trouble.detail, source)

    def _advise(self, host: str, notice: Notice, source: Source) -> None:
        verdict = Verdict(notice.id, notice.kind, notice.severity, notice.summary, notice.advice)
        self._keep(host, None, notice.summary, source, (verdict,))

    def _keep(
        self,
        host: str,
        reason: Reason | None,
        detail: str,
        source: Source,
        verdicts: tuple[Verdict, ...] = (),
    ) -> None:
        finding = TargetFinding(
            domain=self.domain,
            host=host,
            started_at=self.started_at,
            duration=time.perf_counter() - self.begun,
            reason=reason,
            detail=detail,
            source=source,
            vantage=self.vantage,
            verdicts=verdicts,
        )
        self.findings.setdefault((host, reason, detail), finding)


def _is_gone(host: Host) -> bool:
    """Whether the DNS says that a host has no address; not: it fails, or names one that we may not probe."""
    reasons = {trouble.reason for trouble in host.troubles}
    has_answer = host.dns_seconds is not None or is_address(host.name)
    return not host.addresses and not has_answer and bool(reasons & _NOT_IN_DNS)
