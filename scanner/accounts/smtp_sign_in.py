"""Signs in where mail is sent (aiosmtplib): TLS first, one mechanism, one attempt."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NoReturn, cast

from aiosmtplib import (
    SMTP,
    SMTPConnectError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from scanner.accounts.attempt import (
    AccountFailure,
    Attempt,
    check_protection,
    close_at_once,
    handshake_end,
)
from scanner.accounts.mechanism import choose_mechanism
from scanner.accounts.reasons import Stage, read_reply
from scanner.accounts.smtp_start_tls import start_tls
from scanner.accounts.way import Visit, Way
from scanner.model.account import AccountPhase, AccountReason, AccountTls

QUIT_SECONDS = 3.0
"""What a server gets to say goodbye; the result is known by then."""
_GRACE = 1.0
"""The library's own limits lie so far beyond ours, so that ours decide, and know the phase."""
_STAGES = ((SMTPSenderRefused, Stage.SENDER), (SMTPRecipientRefused, Stage.RECIPIENT))


class _Client(SMTP):
    """Lets a connection go at once, where the library would wait for the other side's last word in TLS."""

    was_up = False
    """Whether a connection that is closed now had got through its handshake."""

    def close(self) -> None:
        """Close the connection without a last word."""
        transport = self.transport
        super().close()
        self.was_up = self.was_up or transport is not None
        if transport is not None:
            cast("asyncio.Transport", transport).abort()


@asynccontextmanager
async def open_smtp(attempt: Attempt, way: Way, visit: Visit) -> AsyncIterator[SMTP]:
    """Hand out a client that is signed in; it says goodbye afterwards.

    Raises:
        AccountFailure: whatever the server or the way to it did wrong, in the body as well.
    """
    async with attempt.deadline():
        sock = await attempt.connect(way, visit.server)
        client = _Client(
            hostname=visit.server.host,
            port=None,
            sock=sock,
            use_tls=visit.server.tls_mode is AccountTls.IMPLICIT,
            start_tls=False,
            tls_context=way.tls.choose(allow_unverified=visit.allow_unverified),
            local_hostname=way.ehlo_name,
            timeout=visit.timeout + _GRACE,
        )
        try:
            with _as_failures(attempt):
                await _greet(attempt, client, visit)
                await _start_tls(attempt, client, visit)
                await _sign_in(attempt, client, visit)
                yield client
                await _quit(attempt, client)
        finally:
            client.close()
            await close_at_once(None)


async def sign_in_smtp(attempt: Attempt, way: Way, visit: Visit) -> None:
    """Sign in, and say goodbye; raise `AccountFailure` where that does not work."""
    async with open_smtp(attempt, way, visit):
        pass


async def _greet(attempt: Attempt, client: _Client, visit: Visit) -> None:
    """Connect the library to the socket, with TLS where it comes first, and hear what the server offers."""
    begun = time.monotonic()
    is_implicit = visit.server.tls_mode is AccountTls.IMPLICIT
    attempt.current = AccountPhase.TLS if is_implicit else AccountPhase.GREETING
    try:
        await client.connect()
    except BaseException:
        if client.was_up:
            attempt.current = AccountPhase.GREETING
        raise
    if is_implicit:
        finished = handshake_end(client.get_transport_info("ssl_object")) or time.monotonic()
        attempt.phases[AccountPhase.TLS] = finished - begun
        begun = finished
    attempt.current = AccountPhase.GREETING
    await client.ehlo()
    attempt.phases[AccountPhase.GREETING] = time.monotonic() - begun


async def _start_tls(attempt: Attempt, client: SMTP, visit: Visit) -> None:
    if visit.server.tls_mode is not AccountTls.STARTTLS or not client.supports_extension("starttls"):
        return
    with attempt.phase(AccountPhase.TLS):
        await start_tls(client)
        await client.ehlo()


async def _sign_in(attempt: Attempt, client: SMTP, visit: Visit) -> None:
    login = visit.login
    is_encrypted = client.get_transport_info("sslcontext") is not None
    check_protection(visit, is_encrypted=is_encrypted)
    with attempt.phase(AccountPhase.AUTH):
        mechanism = choose_mechanism(client.server_auth_methods, login, is_encrypted=is_encrypted)
        attempt.mechanism = mechanism.upper()
        if mechanism == "xoauth2":
            await client.auth_xoauth2(login.user, login.secret.reveal())
        elif mechanism == "plain":
            await client.auth_plain(login.user, login.secret.reveal())
        else:
            await client.auth_login(login.user, login.secret.reveal())


async def _quit(attempt: Attempt, client: SMTP) -> None:
    with suppress(SMTPException, OSError), attempt.phase(AccountPhase.QUIT):
        await client.quit(timeout=min(QUIT_SECONDS, attempt.remaining))


@contextmanager
def _as_failures(attempt: Attempt) -> Iterator[None]:
    """Turn what the library raises into `AccountFailure`."""
    try:
        yield
    except SMTPException as error:
        fail(attempt, error)


def fail(attempt: Attempt, error: SMTPException) -> NoReturn:
    """Raise what an error of the library means in the current phase."""
    if isinstance(error, SMTPConnectResponseError):
        rejected = AccountReason.GREETING_REJECTED if error.code >= 500 else AccountReason.GREETING_TEMPFAIL
        raise AccountFailure(rejected, f"{error.code} {error.message}") from None
    if isinstance(error, SMTPRecipientsRefused):
        raise _answered(
            attempt, error.recipients[0].code, error.recipients[0].message, Stage.RECIPIENT
        ) from None
    if isinstance(error, SMTPResponseException):
        stage = next((stage for kind, stage in _STAGES if isinstance(error, kind)), None)
        raise _answered(attempt, error.code, error.message, stage) from None
    if isinstance(error, SMTPTimeoutError):
        raise attempt.out_of_time() from None
    if isinstance(error, SMTPConnectError) and isinstance(error.__cause__, OSError):
        raise error.__cause__
    if isinstance(error, SMTPConnectError | SMTPServerDisconnected):
        raise attempt.cut_off(error.__cause__) from None
    raise AccountFailure(AccountReason.PROTOCOL_ERROR, str(error)) from None


def _answered(attempt: Attempt, code: int, message: str, stage: Stage | None = None) -> AccountFailure:
    text = f"{code} {message}"
    if code < 200:
        return AccountFailure(AccountReason.PROTOCOL_ERROR, f"no reply of SMTP: {message}")
    if attempt.current is AccountPhase.TLS:
        return AccountFailure(AccountReason.STARTTLS_REFUSED, text)
    return AccountFailure(read_reply(text, stage or Stage.of(attempt.current)), text)
