"""One table of weights for the marks of the table, the summary, --fail-on and the status page."""

import pytest

from scanner.model import STATE_OF, Reason, Severity, State
from scanner.verdict.weight import weigh, weigh_reason

NOTICE, WARNING, CRITICAL = Severity.NOTICE, Severity.WARNING, Severity.CRITICAL


@pytest.mark.parametrize(
    ("reason", "weight"),
    [
        (Reason.NAME_NOT_FOUND, CRITICAL),
        (Reason.NO_ADDRESS, CRITICAL),
        (Reason.WRONG_PROTOCOL, CRITICAL),
        (Reason.DNS_FAILURE, WARNING),
        (Reason.ADDRESS_NOT_ALLOWED, WARNING),
        (Reason.CONNECT_TIMEOUT, WARNING),
        (Reason.CLOSED_BEFORE_GREETING, WARNING),
        (Reason.TLS_TIMEOUT, WARNING),
        (Reason.EGRESS_BLOCKED, NOTICE),
        (Reason.SKIPPED, NOTICE),
        (Reason.NULL_MX, NOTICE),
        (Reason.SRV_NOT_OFFERED, NOTICE),
    ],
)
def test_a_reason_weighs_without_a_verdict(reason: Reason, weight: Severity) -> None:
    assert weigh(reason, []) is weigh_reason(reason, []) is weight


def test_where_all_is_well_nothing_weighs() -> None:
    assert weigh(None, []) is None
    assert weigh_reason(None, [CRITICAL]) is None


@pytest.mark.parametrize("severities", [[NOTICE], [WARNING, NOTICE], [NOTICE, CRITICAL]])
def test_the_worst_verdict_counts(severities: list[Severity]) -> None:
    assert weigh(None, severities) is max(severities)


@pytest.mark.parametrize(
    "reason",
    [reason for reason in Reason if STATE_OF[reason] in (State.CLOSED, State.BLOCKED, State.REJECTING)],
)
def test_the_verdict_knows_what_the_port_is_for(reason: Reason) -> None:
    """That nothing listens on 110 is only a notice, and so is a refusal for now."""
    assert weigh(reason, [NOTICE]) is NOTICE
    assert weigh_reason(reason, [NOTICE]) is None


def test_a_reason_counts_beside_verdicts_that_weigh_less() -> None:
    assert weigh_reason(Reason.TLS_CLOSED, [NOTICE]) is weigh(Reason.TLS_CLOSED, [NOTICE]) is WARNING
    assert weigh_reason(Reason.TLS_CLOSED, [WARNING]) is None
    assert weigh(Reason.TLS_CLOSED, [CRITICAL]) is CRITICAL


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_weighs_something(reason: Reason) -> None:
    assert weigh(reason, []) in list(Severity)
