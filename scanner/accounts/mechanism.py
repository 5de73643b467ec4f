"""Chooses how to sign in: one way, tried once, since each refusal may count towards locking the account."""

from collections.abc import Iterable

from scanner.accounts.attempt import AccountFailure
from scanner.accounts.way import Login
from scanner.model.account import AccountReason
from scanner.model.target import escape

_OAUTH = frozenset({"xoauth2", "oauthbearer"})
_MOST_NAMED = 12


def choose_mechanism(offered: Iterable[str], login: Login, *, is_encrypted: bool) -> str:
    """Return `plain`, `login` or `xoauth2`, by what the server offers and the account wants.

    Raises:
        AccountFailure: the server offers nothing that fits.
    """
    names = tuple(dict.fromkeys(name.lower() for name in offered))
    wanted = _wanted(login)
    found = next((name for name in wanted if name in names), None)
    if found is not None:
        return found
    if not names:
        raise AccountFailure(
            AccountReason.AUTH_NOT_OFFERED if is_encrypted else AccountReason.ENCRYPTION_REQUIRED,
            "the server offers no way to sign in" + ("" if is_encrypted else " without TLS"),
        )
    shown = escape(", ".join(names[:_MOST_NAMED]).upper())
    if not login.is_token and are_for_tokens(names):
        raise AccountFailure(AccountReason.OAUTH_REQUIRED, f"the server takes tokens only: {shown}")
    raise AccountFailure(
        AccountReason.MECHANISM_UNSUPPORTED, f"{' or '.join(wanted).upper()} is wanted, offered is {shown}"
    )


def are_for_tokens(names: Iterable[str]) -> bool:
    """Tell whether mechanisms (in lower case) are there, and all of them take tokens alone."""
    found = set(names)
    return bool(found) and found <= _OAUTH


def _wanted(login: Login) -> tuple[str, ...]:
    if login.is_token:
        return ("xoauth2",)
    return ("plain", "login") if login.mechanism == "auto" else (login.mechanism,)
