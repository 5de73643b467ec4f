"""Which of the open incidents the filters of the status page are about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from scanner.model import Kind, TargetFinding
from scanner.model.incident import Incident
from scanner.model.observation import Key
from scanner.web.brief import Brief
from scanner.web.filters import DOWNGRADED, Filters


def select_incidents(
    incidents: Sequence[Incident],
    filters: Filters,
    briefs: Iterable[Brief],
    findings: Iterable[TargetFinding],
) -> list[Incident]:
    """Return, in their order, the incidents that show at an endpoint or a target that is looked for.

    What else shows there is left out: with `downgraded` what is no downgrade, with a verdict what is another.
    """
    if not filters.is_narrow:
        return list(incidents)
    places = {brief.seen.endpoint.key: brief for brief in briefs}
    found: dict[str, list[TargetFinding]] = {}
    for finding in findings:
        found.setdefault(finding.domain, []).append(finding)
    return [each for each in incidents if _is_wanted(each, filters, places, found)]


def _is_wanted(
    incident: Incident,
    filters: Filters,
    briefs: Mapping[Key, Brief],
    findings: Mapping[str, Sequence[TargetFinding]],
) -> bool:
    places = (name for key in incident.keys for name in key[:2])
    if not filters.names(incident.subject, *incident.domains, *places):
        return False
    if not filters.is_about_endpoints:
        return True
    if filters.state == DOWNGRADED and incident.kind is not Kind.DOWNGRADE:
        return False
    # A wide cause has the name of the cause, and stands for all that its endpoints show.
    if filters.verdict and incident.name not in (filters.verdict, incident.cause.value):
        return False
    if incident.keys:
        return any(key in briefs and filters.matches(briefs[key]) for key in incident.keys)
    rest = replace(filters, state="") if filters.state == DOWNGRADED else filters
    about = (finding for domain in incident.domains for finding in findings.get(domain, ()))
    return any(map(rest.matches_finding, about))
