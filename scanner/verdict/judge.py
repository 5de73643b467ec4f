"""The judge: runs the ordered table of rules over one observation; equal evidence gives equal verdicts."""

from dataclasses import replace
from datetime import datetime

from scanner.model import Kind, Observation, Severity, State, Verdict
from scanner.verdict.certificates import CERTIFICATE_RULES
from scanner.verdict.encryption import ENCRYPTION_RULES
from scanner.verdict.policies import POLICY_RULES
from scanner.verdict.reachability import EGRESS_RULES, REACHABILITY_RULES
from scanner.verdict.rules import Case, Policy, Rule
from scanner.verdict.sign_in import SIGN_IN_RULES
from scanner.verdict.staples import STAPLE_RULES
from scanner.verdict.stripping import STRIPPING_RULES

__all__ = ["RULES", "Policy", "judge"]

RULES: tuple[Rule, ...] = (
    *REACHABILITY_RULES,
    *STRIPPING_RULES,
    *POLICY_RULES,
    *ENCRYPTION_RULES,
    *CERTIFICATE_RULES,
    *STAPLE_RULES,
    *SIGN_IN_RULES,
)
_ABSENT = frozenset({"port_blocked", "port_closed"})
_TOLERABLE = frozenset({Kind.WEAKNESS, Kind.MISCONFIGURATION})


def judge(observation: Observation, policy: Policy, now: datetime) -> tuple[Verdict, ...]:
    """Return all verdicts that need no memory and no controls, in the table's order.

    `now` (aware of its time zone) dates the certificate. The policy's override for the endpoint counts, where
    there is one. Where our own network is at fault the target
    is not judged at all. What the catalogue tolerates at a provider is told as a notice.
    """
    case = Case(observation, policy.of(observation.endpoint), now)
    rules = EGRESS_RULES if observation.state is State.UNKNOWN else RULES
    return tuple(_tolerate(case, verdict) for rule in rules if (verdict := rule(case)) is not None)


def _tolerate(case: Case, verdict: Verdict) -> Verdict:
    """Soften what was always so at this provider, and the absence of what it does not offer; no downgrade."""
    expectation = case.expectation
    if expectation.not_offered and verdict.id in _ABSENT:
        summary = f"{verdict.summary} {expectation.provider} says that it does not offer this port."
        return replace(
            verdict,
            kind=Kind.NOTICE,
            severity=Severity.NOTICE,
            summary=summary,
            advice="Nothing to do: use the ports that the provider names.",
        )
    if verdict.id not in expectation.tolerated or verdict.kind not in _TOLERABLE:
        return verdict
    usual = f"This is usual at {expectation.provider}."
    if expectation.provider is None:
        usual = "No MX record names this host, so nothing is expected there."
    return replace(
        verdict,
        kind=Kind.NOTICE,
        severity=Severity.NOTICE,
        summary=f"{verdict.summary} {usual}",
    )
