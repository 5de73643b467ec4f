"""How much a record weighs: what `--fail-on` compares, and whether the scanner itself could work."""

from scanner.model import Reason, Severity, State
from scanner.model.record import Record
from scanner.network.resolver import NO_ANSWER, NO_ROOT

# A state without a verdict of its own weighs something too: the port does not work.
_WEIGHT_OF_STATE = {
    State.BROKEN: Severity.WARNING,
    State.REJECTING: Severity.WARNING,
    State.BLOCKED: Severity.WARNING,
    State.UNREACHABLE: Severity.WARNING,
    State.UNKNOWN: Severity.NOTICE,
}
_CRITICAL_REASONS = (Reason.NAME_NOT_FOUND, Reason.NO_ADDRESS, Reason.WRONG_PROTOCOL)
_OUR_OWN_REASONS = (
    Reason.EGRESS_BLOCKED,
    Reason.PROBE_RESOURCES,
    Reason.INTERNAL,
    Reason.SKIPPED,
)


def weight_of(record: Record) -> int:
    """Return the weight of the worst that a record says, as a `Severity`; 0 for nothing."""
    weights = [int(Severity[verdict["severity"].upper()]) for verdict in record["verdicts"]]
    weights.append(int(_WEIGHT_OF_STATE.get(State(record["state"]), 0)))
    if record["reason"] in _CRITICAL_REASONS:
        weights.append(int(Severity.CRITICAL))
    return max(weights)


def is_our_own_fault(record: Record) -> bool:
    """Whether a record says nothing about its target, because our own network or machine failed."""
    if record["reason"] == Reason.DNS_FAILURE:
        detail = str(record["detail"])
        return detail.startswith(NO_ANSWER) or NO_ROOT in detail
    return record["reason"] in _OUR_OWN_REASONS
