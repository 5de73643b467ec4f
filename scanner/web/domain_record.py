"""A domain as JSON: what its endpoints add up to for it, what it has published, what was found about it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from scanner.model import Observation, Service, StsMode, TargetFinding
from scanner.model.condition_record import condition_record
from scanner.model.domain import DomainFacts, Membership
from scanner.model.observation import Key
from scanner.model.record import Record, to_record
from scanner.verdict.level import level_for, works_for
from scanner.verdict.recommendation import find_recommended

Find = Callable[[Key], Observation | None]


@dataclass(frozen=True, slots=True)
class _Worth:
    """What an endpoint is worth to one domain."""

    member: Membership
    seen: Observation | None
    """None = not probed yet."""
    is_up: bool = False
    level: int = 0


class DomainWriter:
    """Writes the records of domains.

    Args:
        find: returns the latest observation of an endpoint.
        findings: what was found about targets.
    """

    def __init__(self, find: Find, findings: Iterable[TargetFinding]) -> None:
        self._find = find
        self._findings: dict[str, list[TargetFinding]] = {}
        for finding in findings:
            self._findings.setdefault(finding.domain, []).append(finding)

    def seen_of(self, facts: DomainFacts) -> list[Observation]:
        """Return the latest observations of a domain's endpoints."""
        found = (self._find(key) for key in dict.fromkeys(member.key for member in facts.members))
        return [seen for seen in found if seen is not None]

    def write(self, facts: DomainFacts) -> Record:
        """Return a domain for a list."""
        worths = self._weigh(facts)
        severities = [
            verdict.severity for worth in worths if worth.seen is not None for verdict in worth.seen.counting
        ]
        findings = self._findings.get(facts.domain, [])
        severities += [verdict.severity for finding in findings for verdict in finding.verdicts]
        return {
            "domain": facts.domain,
            "is_domain": facts.is_domain,
            "is_found": facts.is_found,
            "services": _add_up(worths, facts),
            "recommended": find_recommended(facts, self._find),
            "severity": max(severities).label if severities else None,
            "endpoints": len({worth.member.key for worth in worths}),
            "mta_sts": None if facts.mta_sts is None else facts.mta_sts.value,
            "dane": facts.dane,
            "findings": [
                {
                    "state": finding.state.value,
                    "reason": finding.reason.value if finding.reason else None,
                    "host": finding.host,
                }
                for finding in findings
            ],
        }

    def write_whole(self, facts: DomainFacts) -> Record:
        """Return a domain with its endpoints and all that was found about it."""
        policy = facts.policy
        return self.write(facts) | {
            "members": [_write_member(worth) for worth in self._weigh(facts)],
            "refused": sorted(service.value for service in facts.refused),
            "lost": sorted(service.value for service in facts.lost),
            "policy": None
            if policy is None
            else {"mode": policy.mode.value, "mx": list(policy.mx), "max_age": policy.max_age},
            "findings": [to_record(finding) for finding in self._findings.get(facts.domain, [])],
        }

    def _weigh(self, facts: DomainFacts) -> Sequence[_Worth]:
        enforced = facts.policy if facts.mta_sts is StsMode.ENFORCE else None
        worths = []
        for member in facts.members:
            seen = self._find(member.key)
            if seen is None:
                worths.append(_Worth(member, None))
                continue
            is_mx = member.service is Service.MX  # policies are about the MX alone
            policy, has_secure_mx = (enforced, facts.has_secure_mx) if is_mx else (None, True)
            level = level_for(seen, policy, has_secure_mx=has_secure_mx)
            worths.append(_Worth(member, seen, works_for(seen, policy), level))
        return worths


def _add_up(worths: Sequence[_Worth], facts: DomainFacts) -> Mapping[str, Record]:
    """Tell how each service does; `up` is null while a server of it that may work is not probed yet."""
    services = {}
    for service in Service:
        some = [worth for worth in worths if worth.member.service is service]
        if not some and service not in facts.lost and service not in facts.refused:
            continue
        is_up = any(worth.is_up for worth in some)
        is_known = is_up or all(worth.seen is not None for worth in some)
        services[service.value] = {
            "up": is_up if is_known else None,
            "level": max((worth.level for worth in some), default=0) if is_known else None,
            "endpoints": len(some),
            "probed": sum(worth.seen is not None for worth in some),
            "refused": service in facts.refused,
        }
    return services


def _write_member(worth: _Worth) -> Record:
    return {
        "service": worth.member.service.value,
        "source": worth.member.source.value,
        "up": worth.is_up if worth.seen is not None else None,
        "level": worth.level if worth.seen is not None else None,
        "endpoint": None if worth.seen is None else condition_record(worth.seen),
    }
