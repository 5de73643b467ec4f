"""Incidents of what was found about targets, and about no endpoint of theirs."""

from collections.abc import Iterable, Iterator

from scanner.model import Severity, TargetFinding
from scanner.model.incident import Cause, Incident


def find_target_incidents(findings: Iterable[TargetFinding]) -> Iterator[Incident]:
    """Yield the incidents behind what was found about targets, one for each verdict on a domain."""
    for finding in findings:
        for verdict in finding.verdicts:
            if verdict.severity >= Severity.WARNING:
                yield Incident(
                    cause=Cause.VERDICT,
                    subject=finding.domain,
                    name=verdict.id,
                    kind=verdict.kind,
                    severity=verdict.severity,
                    since=finding.started_at,
                    keys=(),
                    domains=(finding.domain,),
                    summary=verdict.summary,
                    advice=verdict.advice,
                )
