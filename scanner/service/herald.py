"""Says in the log what became of the targets, where it is news."""

import structlog

from scanner.discovery import Plan
from scanner.model import TargetFinding

log = structlog.get_logger(__name__)


class Herald:
    """Remembers what it has said of the last plan."""

    def __init__(self) -> None:
        self._told: set[tuple[str, ...]] = set()

    def report(self, plan: Plan) -> None:
        """Say what this plan has that the last one had not."""
        told = set(map(_gist, plan.findings))
        for finding in plan.findings:
            if _gist(finding) in self._told:
                continue
            if finding.reason is None:
                log.info("notice", domain=finding.domain, detail=finding.detail)
            else:
                log.warning(
                    "target_not_probed",
                    target=finding.domain,
                    host=finding.host,
                    reason=finding.reason.value,
                    detail=finding.detail,
                )
        self._told = told
        log.info("planned", endpoints=len(plan.endpoints), targets_not_probed=len(plan.findings))


def _gist(finding: TargetFinding) -> tuple[str, ...]:
    """Return what makes a finding news; how long a fault has lasted, say, does not."""
    names = tuple(verdict.id for verdict in finding.verdicts)
    return (finding.domain, finding.host, finding.reason or "", *names)
