"""Tells of a sign-in that was left out, so that no account is locked by trying a refused secret again."""

from datetime import datetime

from scanner.accounts.advice import advise
from scanner.accounts.back_off import Restraint
from scanner.config.account_settings import Account
from scanner.model.account import AccountCheck, AccountReason, Activity
from scanner.model.event_record import write_moment

FORCE_ADVICE = "mailport accounts --force tries it now."


def held_back(account: Account, activity: Activity, restraint: Restraint, now: datetime) -> AccountCheck:
    """Return the result of a check that waits still, after refusals that the running service met."""
    times = "once" if restraint.refusals == 1 else f"{restraint.refusals} times"
    detail = (
        f"not tried: refused {times} ({restraint.reason.value}); "
        f"it waits until {write_moment(restraint.not_before)}"
    )
    return _left_out(account, activity, now, detail, restraint.not_before)


def spared(account: Account, activity: Activity, refused: AccountCheck) -> AccountCheck:
    """Return the result of a check that was left out, another one of the account having been refused."""
    why = "" if refused.reason is None else f" ({refused.reason.value})"
    detail = f"not tried: {refused.activity.value} has just refused the same sign-in{why}"
    return _left_out(account, activity, refused.started_at, detail, None)


def _left_out(
    account: Account, activity: Activity, now: datetime, detail: str, next_attempt: datetime | None
) -> AccountCheck:
    return AccountCheck(
        account.name,
        activity,
        success=False,
        started_at=now,
        duration=0.0,
        user_form=account.user_form,
        reason=AccountReason.BACKED_OFF,
        detail=detail,
        advice=f"{advise(AccountReason.BACKED_OFF)} {FORCE_ADVICE}",
        next_attempt=next_attempt,
    )
