"""The plan of one target while it is made: its endpoints, its place in the domain, what there is to tell."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scanner.discovery.addresses import Host
from scanner.discovery.found import Found
from scanner.discovery.merge import Plan
from scanner.discovery.offer import Notice, Place, Trouble
from scanner.model import (
    DaneStatus,
    Endpoint,
    Expectation,
    Kind,
    Reason,
    Role,
    Service,
    Severity,
    Source,
    TargetFinding,
    Verdict,
    role_of,
)
from scanner.model.domain import DomainFacts, Membership

_NO_DISCOVERY = frozenset({Reason.NAME_NOT_FOUND, Reason.DNS_FAILURE, Reason.NO_ADDRESS})


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
        role = Role.MX if place.service is Service.MX else role_of(place.protocol, place.port)
        for address in host.addresses:
            endpoint = Endpoint(
                host=host.name,
                address=address,
                port=place.port,
                protocol=place.protocol,
                tls_mode=place.tls_mode,
                role=role,
                source=source,
                domains=(self.domain,),
                dns_seconds=host.dns_seconds,
                expectation=expectation,
                proof=place.proof,
            )
            self.endpoints.append(endpoint)
            self.members.append(Membership(place.service, endpoint.key, source))

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
        policy = self.found.policy if self.found is not None else None
        has_answer = bool(self.endpoints) or any(
            finding.reason in {Reason.NULL_MX, Reason.SRV_NOT_OFFERED} for finding in findings
        )
        facts = DomainFacts(
            self.domain,
            tuple(dict.fromkeys(self.members)),
            is_domain=self.is_domain,
            is_implicit=self.found is not None and self.found.mx.is_implicit,
            is_found=has_answer and not any(finding.reason in _NO_DISCOVERY for finding in findings),
            mta_sts=policy.mode if policy is not None else None,
            dane=all(status is DaneStatus.SECURE for status in self.mx_dane) if self.mx_dane else None,
        )
        return Plan(tuple(self.endpoints), findings, (facts,))

    def _tell(self, host: str, trouble: Trouble, source: Source) -> None:
        self._keep(host, trouble.reason, trouble.detail, source)

    def _advise(self, host: str, notice: Notice, source: Source) -> None:
        verdict = Verdict(notice.id, Kind.NOTICE, Severity.NOTICE, notice.summary, notice.advice)
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
