"""Finds domains that look parked: no MX record, and nothing answers on any mail port."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from scanner.model import Kind, Severity, State, TargetFinding, Verdict
from scanner.model.domain import DomainFacts
from scanner.model.observation import Key

_NOTHING_THERE = frozenset({State.CLOSED, State.BLOCKED, State.UNREACHABLE})


def find_parked(
    domains: Iterable[DomainFacts], states: Mapping[Key, State], *, vantage: str
) -> Iterator[TargetFinding]:
    """Tell which domains look parked, by the states of all their endpoints.

    A notice and no more: a host that is down looks the same, so that it is probed and told as any other.
    """
    for facts in domains:
        seen = {states.get(member.key) for member in facts.members}
        if facts.is_implicit and seen and seen <= _NOTHING_THERE:
            summary = f"{facts.domain} has no MX record, and nothing answers on any of its mail ports."
            advice = (
                "If it takes no mail, say so with a null MX (RFC 7505); otherwise its mail server is down, "
                "or its MX record is missing."
            )
            yield TargetFinding(
                domain=facts.domain,
                host=facts.domain,
                started_at=datetime.now(UTC),
                duration=0.0,
                reason=None,
                detail=summary,
                source="mx",
                vantage=vantage,
                verdicts=(Verdict("parked", Kind.NOTICE, Severity.NOTICE, summary, advice),),
            )
