"""How much a result weighs: the one table behind table marks, summary, `--fail-on` and the status page."""

from collections.abc import Collection

from scanner.model import STATE_OF, Reason, Severity, State

_OF_STATE = {
    State.CLOSED: Severity.WARNING,
    State.BLOCKED: Severity.WARNING,
    State.UNREACHABLE: Severity.WARNING,
    State.REJECTING: Severity.WARNING,
    State.BROKEN: Severity.WARNING,
    State.UNKNOWN: Severity.NOTICE,
    State.NOT_OFFERED: Severity.NOTICE,
}
_OF_REASON = {
    Reason.NAME_NOT_FOUND: Severity.CRITICAL,
    Reason.NO_ADDRESS: Severity.CRITICAL,
    Reason.WRONG_PROTOCOL: Severity.CRITICAL,
    # F25, F26: we offer every version from TLS 1.0 on and every cipher; who takes none serves nobody.
    Reason.TLS_HANDSHAKE_FAILED: Severity.CRITICAL,
}
LEFT_TO_VERDICTS = frozenset({State.CLOSED, State.BLOCKED, State.REJECTING})
"""A verdict always tells of these states, and weighs them by what the port is for."""


def weigh_reason(reason: Reason | None, severities: Collection[Severity]) -> Severity | None:
    """Return what the reason weighs beside verdicts of these severities; None where they tell it already.

    A reason has a word of its own only where no verdict weighs as much.
    """
    if reason is None:
        return None
    state = STATE_OF[reason]
    if severities and state in LEFT_TO_VERDICTS:
        return None
    weight = _OF_REASON.get(reason, _OF_STATE[state])
    return weight if weight > max(severities, default=0) else None


def weigh(reason: Reason | None, severities: Collection[Severity]) -> Severity | None:
    """Return the weight of the worst: of the verdicts or of the reason; None where all is well."""
    own = weigh_reason(reason, severities)
    return max(severities, default=None) if own is None else own
