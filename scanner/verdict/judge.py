"""The judge: runs the ordered table of rules over one observation; equal evidence gives equal verdicts."""

from datetime import datetime

from scanner.model import Observation, State, Verdict
from scanner.verdict.certificates import CERTIFICATE_RULES
from scanner.verdict.encryption import ENCRYPTION_RULES
from scanner.verdict.reachability import EGRESS_RULES, REACHABILITY_RULES
from scanner.verdict.rules import Case, Policy, Rule
from scanner.verdict.sign_in import SIGN_IN_RULES
from scanner.verdict.stripping import STRIPPING_RULES

__all__ = ["RULES", "Policy", "judge"]

RULES: tuple[Rule, ...] = (
    *REACHABILITY_RULES,
    *STRIPPING_RULES,
    *ENCRYPTION_RULES,
    *CERTIFICATE_RULES,
    *SIGN_IN_RULES,
)


def judge(observation: Observation, policy: Policy, now: datetime) -> tuple[Verdict, ...]:
    """Return all verdicts that need no memory, no published policy and no controls, in the table's order.

    `now` (aware of its time zone) dates the certificate. Where our own network is at fault the target
    is not judged at all.
    """
    case = Case(observation, policy, now)
    rules = EGRESS_RULES if observation.state is State.UNKNOWN else RULES
    return tuple(verdict for rule in rules if (verdict := rule(case)) is not None)
