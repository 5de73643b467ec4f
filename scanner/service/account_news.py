"""Tells as an event that a check of an account begins to fail, fails otherwise, or works again."""

from scanner.model import Severity
from scanner.model.account import AccountCheck
from scanner.model.account_standing import AccountStanding
from scanner.model.event import Event, EventKind


def tell_change(former: AccountStanding, check: AccountCheck, vantage: str) -> Event | None:
    """Return what is news of a check; None where all is as it was, and for a first one that works."""
    before = former.last
    told = None if before is None else before.reason
    if check.reason is told:
        return None
    return Event(
        at=check.started_at,
        kind=EventKind.ACCOUNT_CHANGED,
        subject=f"account {check.account} {check.activity}",
        severity=Severity.NOTICE if check.success else Severity.WARNING,
        summary=_summarise(former, check),
        name=None if check.reason is None else check.reason.value,
        advice=None if check.success else check.advice,
        before={} if before is None else _describe(before),
        after=_describe(check),
        vantage=vantage,
        ended=Severity.WARNING if check.success else None,
        hosts=() if check.host is None else (check.host,),
    )


def _summarise(former: AccountStanding, check: AccountCheck) -> str:
    if check.success:
        times = "once" if former.failures == 1 else f"{former.failures} times"
        return f"it works again, having failed {times}"
    reason = "" if check.reason is None else f", {check.reason.replace('_', ' ')}"
    return f"it fails{reason}" + (f": {check.detail}" if check.detail else "")


def _describe(check: AccountCheck) -> dict[str, object]:
    return {
        "success": check.success,
        "reason": None if check.reason is None else check.reason.value,
        "host": check.host,
        "port": check.port,
        "detail": check.detail,
    }
