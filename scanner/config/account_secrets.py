"""Where the secret of an account comes from: a file or the environment, read anew for each check."""

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scanner.config.account_settings import Account
from scanner.config.files import FileProblemError, read_file
from scanner.model.registrable import registrable_domain
from scanner.model.target import escape

_LONGEST = 4096
_LARGEST_FILE = 16 * 1024


class SecretError(Exception):
    """A secret that is not there; the text says which file or variable, and never what is in it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A password. Neither printing nor formatting it shows it; only `reveal` does."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """Return the password, for the library that sends it."""
        return self._text

    def __str__(self) -> str:
        return "***"


def read_password(account: Account, environ: Mapping[str, str]) -> Secret | None:
    """Read the password of an account; None where it signs in with a token.

    Raises:
        SecretError: there is none, or it is no single line.
    """
    if account.password_file is not None:
        place = escape(str(account.password_file))
        try:
            text = read_file(account.password_file, _LARGEST_FILE).rstrip("\r\n")
        except FileProblemError as error:
            raise SecretError(f"cannot read password_file {place}: {error}") from None
    elif account.password_env is not None:
        place = f"the environment variable {account.password_env}"
        if account.password_env not in environ:
            raise SecretError(f"{place} is not set; set it, or use password_file")
        text = environ[account.password_env]
    else:
        return None
    if not text or len(text) > _LONGEST or any(character in text for character in "\r\n\0"):
        raise SecretError(f"{place} must hold the password and nothing else, in one line")
    return Secret(text)


def find_secret_warnings(accounts: Iterable[Account], environ: Mapping[str, str]) -> Iterator[str]:
    """Say of each account what an operator should know before it signs in; one sentence each."""
    accounts = tuple(accounts)
    yield from _find_shared_users(accounts)
    for account in accounts:
        about = f"account {account.name}"
        try:
            read_password(account, environ)
        except SecretError as error:
            yield f"{about}: {error}; the other accounts are checked"
        if account.password_file is not None and _is_open_to_all(account.password_file):
            path = escape(str(account.password_file))
            yield f"{about}: every user of this machine can read {path}; mend it with chmod 600 {path}"
        if account.allow_unencrypted:
            yield f"{about}: allow_unencrypted lets its password cross the network in clear"
        if account.allow_unverified:
            yield f"{about}: allow_unverified hands its password to any server that claims the name"


def _find_shared_users(accounts: tuple[Account, ...]) -> Iterator[str]:
    """Name accounts that a server counts as one, while each of them is held back by itself."""
    first: dict[tuple[str, str], str] = {}
    for account in accounts:
        keys = [(account.username.casefold(), place) for place in sorted(_places_of(account))]
        other = next((first[key] for key in keys if key in first), None)
        if other is not None:
            yield (
                f"accounts {other} and {account.name} sign in as the same user: a server may count their "
                "refusals together and lock it; give one account both servers, or each a user of its own"
            )
        for key in keys:
            first.setdefault(key, account.name)


def _places_of(account: Account) -> set[str]:
    """Return the domains whose servers an account signs in at."""
    servers = [account.server(activity) for activity in account.activities]
    hosts = {server.host for server in servers if server is not None} | {account.wanted_domain or ""}
    return {registrable_domain(host) or host for host in hosts if host}


def _is_open_to_all(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(mode) and bool(mode & (stat.S_IROTH | stat.S_IWOTH))
