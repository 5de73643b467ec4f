"""Says in the log what became of the targets, where it is news: one line a cause, whomever it concerns."""

from collections.abc import Generator

import structlog

from scanner.discovery import Plan
from scanner.model import STATE_OF, Reason, State, TargetFinding

log = structlog.get_logger(__name__)

MOST_NAMED = 5
"""How many targets a line names; it tells how many more there are."""

_Gist = tuple[str, ...]
"""What makes a finding news; how long a fault has lasted, say, does not."""
_Cause = tuple[Reason | None, _Gist]
"""A reason, or where there is none the ids of the notices."""


class Herald:
    """Remembers what it has said of the last plan."""

    def __init__(self) -> None:
        self._told: set[_Gist] = set()

    def report(self, plan: Plan) -> Generator[None, None, None]:
        """Say what this plan has that the last one had not; yields wherever that may be put off."""
        told: set[_Gist] = set()
        causes: dict[_Cause, dict[str, TargetFinding]] = {}
        for finding in plan.findings:
            about = (finding.reason, tuple(verdict.id for verdict in finding.verdicts))
            gist = (finding.domain, finding.host, finding.reason or "", *about[1])
            told.add(gist)
            if gist not in self._told:
                causes.setdefault(about, {}).setdefault(_name(finding), finding)
            yield
        for (reason, ids), found in causes.items():
            _tell(reason, ids, found)
        self._told = told
        notices = sum(finding.reason is None for finding in plan.findings)
        log.info(
            "planned",
            endpoints=len(plan.endpoints),
            targets_not_probed=len(plan.findings) - notices,
            notices=notices,
        )


def _tell(reason: Reason | None, ids: _Gist, found: dict[str, TargetFinding]) -> None:
    """Say one cause with the targets that it is news of, and the evidence of the first."""
    first = next(iter(found.values()))
    names = list(found)[:MOST_NAMED]
    about = {"targets": len(found), "first": names, "detail": first.detail}
    if reason is None:
        log.info("notice", notice=", ".join(ids), **about)
    elif STATE_OF[reason] is State.NOT_OFFERED:
        log.info("target_not_offered", reason=reason.value, **about)
    elif reason is Reason.EXCLUDED:
        log.info("target_excluded", **about)
    else:
        log.warning("target_not_probed", reason=reason.value, **about)


def _name(finding: TargetFinding) -> str:
    """Return the target, and the host that it is about where that is another."""
    return finding.domain if finding.host == finding.domain else f"{finding.domain} ({finding.host})"
