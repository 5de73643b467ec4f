"""What a record weighs: what `--fail-on` compares, and whether the scanner itself could work."""

from scanner.model import Reason, Severity, Source
from scanner.model.record import Record
from scanner.network.resolver import NO_ANSWER, NO_ROOT
from scanner.verdict.weight import weigh, weigh_reason

_OUR_OWN_REASONS = (
    Reason.EGRESS_BLOCKED,
    Reason.EGRESS_INTERCEPTED,
    Reason.TARGET_BLOCKS_US,
    Reason.PROBE_RESOURCES,
    Reason.INTERNAL,
    Reason.SKIPPED,
)


def weight_of(record: Record) -> Severity | None:
    """Return the weight of the worst that a record says; None where all is well."""
    return weigh(_reason_of(record), _severities(record))


def weight_of_reason(record: Record) -> Severity | None:
    """Return what the reason of a record adds to its verdicts; None where they tell it already."""
    return weigh_reason(_reason_of(record), _severities(record))


def severity_of(verdict: Record) -> Severity:
    """Return the severity of a record's verdict."""
    return Severity[verdict["severity"].upper()]


def is_notice(record: Record) -> bool:
    """Whether a record is only something worth knowing about a domain: it has no port and no reason."""
    return record["port"] is None and record["reason"] is None


def is_refused_by_rule(record: Record) -> bool:
    """Whether a target that the operator named was not probed, since its address is not allowed.

    What the DNS makes of a domain is another matter: a public record with a private address is a finding.
    """
    return bool(record["reason"] == Reason.ADDRESS_NOT_ALLOWED and record["source"] == Source.OPERATOR)


def is_excluded(record: Record) -> bool:
    """Whether a record says no more than that something is on the exclude list."""
    return bool(record["reason"] == Reason.EXCLUDED)


def is_our_own_fault(record: Record) -> bool:
    """Whether a record says nothing about its target, because our own network or machine failed."""
    if record["reason"] == Reason.DNS_FAILURE:
        detail = str(record["detail"])
        return detail.startswith(NO_ANSWER) or NO_ROOT in detail
    return record["reason"] in _OUR_OWN_REASONS


def _reason_of(record: Record) -> Reason | None:
    return None if record["reason"] is None else Reason(record["reason"])


def _severities(record: Record) -> list[Severity]:
    return [severity_of(verdict) for verdict in record["verdicts"]]
