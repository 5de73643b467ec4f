"""Makes one check of one account: finds the server and the secret, signs in, and tells what came of it."""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from scanner.accounts.advice import advise
from scanner.accounts.attempt import AccountFailure, Attempt
from scanner.accounts.imap_sign_in import sign_in_imap
from scanner.accounts.pop3_sign_in import sign_in_pop3
from scanner.accounts.servers import Find, find_server
from scanner.accounts.smtp_sign_in import sign_in_smtp
from scanner.accounts.token import fetch_token
from scanner.accounts.way import Login, Visit, Way
from scanner.config.account_secrets import Secret, SecretError, read_password
from scanner.config.account_settings import Account
from scanner.config.account_values import AccountServer
from scanner.discovery import Catalogue
from scanner.model.account import AccountCheck, AccountReason, Activity
from scanner.model.ports import Preference
from scanner.model.redact import redact

log = structlog.get_logger()

SignIn = Callable[[Attempt, Way, Visit], Awaitable[None]]
_SIGN_INS: Mapping[Activity, SignIn] = {
    Activity.SMTP: sign_in_smtp,
    Activity.IMAP: sign_in_imap,
    Activity.POP3: sign_in_pop3,
}


@dataclass(frozen=True, slots=True)
class Checker:
    """What all checks share."""

    way: Way
    find: Find
    catalogue: Catalogue
    environ: Mapping[str, str]
    preference: Preference | None = None
    """Which port for sending is chosen, where several are published."""

    async def check(self, account: Account, activity: Activity) -> AccountCheck:
        """Sign in once, and say goodbye; whatever goes wrong is in the result.

        `activity` is none of a round trip, which has a room of its own.
        """
        report = Report(self, account, activity)
        try:
            visit = await report.prepare(activity)
            await _SIGN_INS[activity](report.attempt, self.way, visit)
        except AccountFailure as failure:
            return report.failed(failure)
        except Exception as error:  # noqa: BLE001 - one account's fault must not end the others' checks
            return report.broken(error)
        return report.succeeded()


class Report:
    """What is known of a check under way, to be made an `AccountCheck` at its end."""

    def __init__(self, checker: Checker, account: Account, activity: Activity, seconds: float = 0) -> None:
        self._checker = checker
        self._account = account
        self._activity = activity
        self._started_at = checker.way.now()
        self._secrets: list[str] = []
        self.attempt = Attempt(seconds or account.timeout)
        self.server: AccountServer | None = account.server(activity) if activity in _SIGN_INS else None

    async def prepare(self, activity: Activity) -> Visit:
        """Find the server and the secret of a sign-in; the first server is the one that is reported.

        Raises:
            AccountFailure: there is none, or the token is not to be had.
        """
        account, checker = self._account, self._checker
        begun = self.attempt.elapsed
        login = await self._read_login()
        self.attempt.aside += self.attempt.elapsed - begun
        async with self.attempt.deadline():
            server = await find_server(account, activity, checker.find, checker.catalogue, checker.preference)
        self.server = self.server or server
        return Visit(server, login, account.timeout, account.allow_unencrypted, account.allow_unverified)

    async def _read_login(self) -> Login:
        account = self._account
        try:
            secret: Secret | None = read_password(account, self._checker.environ)
        except SecretError as error:
            raise AccountFailure(AccountReason.SECRET_MISSING, str(error)) from None
        is_token = secret is None
        if secret is None:
            secret = await fetch_token(account.token_command or (), account.token_timeout)
        self._secrets.append(secret.reveal())
        return Login(account.username, secret, is_token, account.mechanism)

    def succeeded(self, mailbox: str | None = None) -> AccountCheck:
        """Return the result of a check that went well."""
        return self._make(None, mailbox)

    def failed(self, failure: AccountFailure) -> AccountCheck:
        """Return the result of one that did not, with advice and without secrets."""
        return self._make(failure)

    def broken(self, error: Exception) -> AccountCheck:
        """Return the result of one that ended by a fault of ours; its place is logged, and no text of it."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
        log.error("account_fault", account=self._account.name, check=self._activity.value, fault=place)
        return self.failed(AccountFailure(AccountReason.INTERNAL, place))

    def _make(self, failure: AccountFailure | None, mailbox: str | None = None) -> AccountCheck:
        account, attempt, server = self._account, self.attempt, self.server
        provider = None if server is None else self._checker.catalogue.by_host(server.host)
        return AccountCheck(
            account=account.name,
            activity=self._activity,
            success=failure is None,
            started_at=self._started_at,
            duration=attempt.elapsed,
            host=None if server is None else server.host,
            port=None if server is None else server.port,
            tls_mode=None if server is None else server.tls_mode,
            user_form=account.user_form,
            reason=None if failure is None else failure.reason,
            detail=None if failure is None else self._tell(failure),
            advice=None if failure is None else advise(failure.reason, provider, account.user_form),
            phases=dict(attempt.phases),
            address=attempt.address,
            mechanism=attempt.mechanism,
            mailboxes=attempt.mailboxes,
            mailbox=None if mailbox is None else self.redact(mailbox),
        )

    def _tell(self, failure: AccountFailure) -> str:
        return failure.detail if failure.is_ours else self.redact(failure.detail)

    def redact(self, text: str) -> str:
        """Return text of a server without the account's secrets."""
        return redact(text, self._secrets, users=[self._account.username])
