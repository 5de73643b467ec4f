"""When an account that was refused may be tried again: later each time, so that none gets locked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from scanner.config.secret_marks import is_same_secret
from scanner.model.account import SIGN_IN_REFUSED, AccountCheck, AccountPhase, AccountReason

FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(days=1)
SAYS_NOTHING = frozenset({AccountReason.AUTH_SERVER_TROUBLE, AccountReason.IN_USE})
"""The server says itself that it has not judged the password, or that it is right."""
_NOT_OF_THE_SECRET = frozenset(
    {AccountReason.PROTOCOL_DISABLED, AccountReason.AUTH_DISABLED, AccountReason.OAUTH_REQUIRED}
)
"""The server refuses this way in, whatever the secret: another protocol may take it."""


@dataclass(frozen=True, slots=True)
class Restraint:
    """How an account stands with one of its servers after a refusal."""

    refusals: int
    not_before: datetime
    secret_mark: str
    """Which secret it was (`SecretMarks`): a new one ends the waiting."""
    reason: AccountReason
    since: datetime | None = None
    """When the first of these refusals came; None where an earlier version did not keep it."""

    @property
    def is_of_the_secret(self) -> bool:
        """Whether the account's other sign-ins would only have the same secret refused."""
        return self.reason not in _NOT_OF_THE_SECRET


def restrain(
    before: Restraint | None, check: AccountCheck, secret_mark: str, interval: float
) -> Restraint | None:
    """Return how an account stands after a check; None where nothing holds it back.

    Each refusal doubles the wait, from the interval (seconds; a quarter of an hour at least) up to a day.
    What says nothing of the account, such as a server that is down, leaves it as it was; see `is_refused`.
    """
    if check.success:
        return None
    if check.reason is None or not is_refused(check):
        return before
    if before is not None and not is_same_secret(before.secret_mark, secret_mark):
        before = None
    refusals = (0 if before is None else before.refusals) + 1
    since = (None if before is None else before.since) or check.started_at
    first = max(FIRST_WAIT, timedelta(seconds=interval))
    # The exponent is bounded, since a timedelta is not.
    wait = min(LONGEST_WAIT, first * 2 ** min(refusals - 1, 10))
    return Restraint(refusals, check.started_at + wait, secret_mark, check.reason, since)


def is_refused(check: AccountCheck) -> bool:
    """Tell whether the server may have counted a refusal against the account.

    Some hang up, fall silent or speak of something else where the password is wrong: a sign-in that was begun
    and not granted counts, whatever was said to it.
    """
    is_left_open = check.mechanism is not None and AccountPhase.AUTH not in check.phases
    return check.reason in SIGN_IN_REFUSED or (
        not check.success and is_left_open and check.reason not in SAYS_NOTHING
    )


def is_secret_refused(check: AccountCheck) -> bool:
    """Tell whether the account's other protocols would only get the same secret refused, and count it."""
    return is_refused(check) and check.reason not in _NOT_OF_THE_SECRET


def is_held_back(restraint: Restraint | None, secret_mark: str, now: datetime) -> bool:
    """Tell whether an account has to wait still; a secret that was changed ends the waiting."""
    if restraint is None or now >= restraint.not_before:
        return False
    return is_same_secret(restraint.secret_mark, secret_mark)


def restraint_to_json(restraint: Restraint) -> dict[str, object]:
    """Return a restraint as plain values, to be kept over a restart; there is nothing secret in it."""
    return {
        "refusals": restraint.refusals,
        "not_before": restraint.not_before.isoformat(),
        "secret_mark": restraint.secret_mark,
        "reason": restraint.reason.value,
        "since": None if restraint.since is None else restraint.since.isoformat(),
    }


def restraint_from_json(values: Mapping[str, object]) -> Restraint | None:
    """Read a restraint back; None where it is not readable."""
    try:
        not_before = datetime.fromisoformat(str(values["not_before"]))
        reason = AccountReason(str(values["reason"]))
        since = None if values.get("since") is None else datetime.fromisoformat(str(values["since"]))
        return Restraint(int(str(values["refusals"])), not_before, str(values["secret_mark"]), reason, since)
    except (KeyError, ValueError):
        return None
