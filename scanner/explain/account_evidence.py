"""What checks with the operator's own accounts at the same servers say for and against a cause."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from scanner.explain.suspicion import Case, Suspect
from scanner.explain.words import name_place
from scanner.model.account import AccountCheck, AccountReason, Activity

_EVERY = frozenset(Activity)
_SENDING = frozenset({Activity.SMTP})
_READING = frozenset({Activity.IMAP})
_PASSWORDS = frozenset({"PLAIN", "LOGIN", "USER"})
_UNREACHED = frozenset(
    {AccountReason.CONNECT_TIMEOUT, AccountReason.CONNECTION_REFUSED, AccountReason.HOST_UNREACHABLE}
)


@dataclass(frozen=True, slots=True)
class _Bearing:
    """What a check of an account means for one cause."""

    activities: frozenset[Activity]
    reasons: frozenset[AccountReason] = frozenset()
    """With one of these it speaks for the cause."""
    is_cleared: bool = True
    """Whether a check that succeeds speaks against it."""
    is_of_passwords: bool = False
    """Whether that has to be with a password."""
    is_shown: bool = False
    """Whether a success speaks for it instead: what works for one user is not the server's fault."""


_BEARINGS: Mapping[str, _Bearing] = {
    "egress_blocked": _Bearing(_EVERY, frozenset({AccountReason.ADMIN_PROHIBITED})),
    "port_blocked": _Bearing(_EVERY, frozenset({AccountReason.CONNECT_TIMEOUT})),
    "host_down": _Bearing(_EVERY, _UNREACHED),
    "wrong_credentials": _Bearing(_EVERY, is_of_passwords=True, is_shown=True),
    "app_password_required": _Bearing(
        _EVERY,
        frozenset(
            {
                AccountReason.APP_PASSWORD_REQUIRED,
                AccountReason.OAUTH_REQUIRED,
                AccountReason.WEB_LOGIN_REQUIRED,
            }
        ),
        is_of_passwords=True,
    ),
    "auth_disabled": _Bearing(
        _SENDING,
        frozenset(
            {
                AccountReason.AUTH_DISABLED,
                AccountReason.PROTOCOL_DISABLED,
                AccountReason.AUTH_NOT_OFFERED,
            }
        ),
    ),
    "encryption_required": _Bearing(_EVERY, frozenset({AccountReason.ENCRYPTION_REQUIRED}), is_cleared=False),
    "imap_failing": _Bearing(
        _READING,
        _UNREACHED
        | {
            AccountReason.SERVER_CLOSED,
            AccountReason.READ_TIMEOUT,
            AccountReason.AUTH_SERVER_TROUBLE,
            AccountReason.PROTOCOL_DISABLED,
        },
    ),
}
"""By the cause's id; of the others accounts say nothing."""


def add_accounts(suspect: Suspect, case: Case) -> Suspect:
    """Return a suspect with what the checks of accounts say of it."""
    bearing = _BEARINGS.get(suspect.id)
    if bearing is None:
        return suspect
    checks = [check for check in _of_the_case(case) if check.activity in bearing.activities]
    pro = tuple(_tell(check) for check in checks if check.reason in bearing.reasons)
    well = tuple(_tell(check) for check in checks if check.success and _counts(check, bearing))
    if bearing.is_shown:
        pro, well = pro + well, ()
    contra = well if bearing.is_cleared else ()
    return replace(suspect, pro=suspect.pro + pro, contra=suspect.contra + contra)


def _of_the_case(case: Case) -> Iterator[AccountCheck]:
    """Yield the checks of the servers, and of the port in question where there is one."""
    hosts = {seen.endpoint.host for seen in case.seen}
    port = case.port
    if case.comparison is not None:
        hosts.add(case.comparison.settings.host)
        port = case.comparison.settings.port
    for check in case.accounts:
        if check.host in hosts and check.activity is not Activity.ROUNDTRIP and port in {None, check.port}:
            yield check


def _counts(check: AccountCheck, bearing: _Bearing) -> bool:
    return not bearing.is_of_passwords or check.mechanism in _PASSWORDS


def _tell(check: AccountCheck) -> str:
    """Say in a sentence what a check found."""
    place = name_place(check.host or "", check.port or 0)
    if not check.success:
        reason = "" if check.reason is None else check.reason.value.replace("_", " ")
        return f"The account {check.account} fails at {place}: {reason}."
    how = " with a password" if check.mechanism in _PASSWORDS else ""
    return f"The account {check.account} signs in at {place}{how}."
