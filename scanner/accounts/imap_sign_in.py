"""Signs in by IMAP (aioimaplib behind `imap_protocol`), with STARTTLS on 143 too, and lists the mailboxes."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from aioimaplib import aioimaplib

from scanner.accounts.attempt import (
    AccountFailure,
    Attempt,
    check_protection,
    close_at_once,
    handshake_end,
)
from scanner.accounts.imap_protocol import STRANGE, ImapProtocol
from scanner.accounts.mechanism import choose_mechanism
from scanner.accounts.reasons import Stage, read_refusal
from scanner.accounts.way import Login, Visit, Way
from scanner.model.account import AccountPhase, AccountReason, AccountTls
from scanner.network import Connected

QUIT_SECONDS = 3.0
"""What a server gets to say goodbye; the result is known by then."""
_Result = TypeVar("_Result")


class Imap(aioimaplib.IMAP4):
    """The library's client on a connection of ours; ask through `during`, which ends when that does."""

    protocol: ImapProtocol

    def __init__(self, attempt: Attempt, sock: Connected, context: ssl.SSLContext | None, host: str) -> None:
        self.attempt = attempt
        self._sock = sock
        self._context = context
        super().__init__(host, 0, timeout=attempt.seconds)

    def create_client(self, *_: object) -> None:
        """Make the protocol; `open` connects it."""
        self.protocol = ImapProtocol(self.attempt)

    async def open(self) -> None:
        """Take over the socket; with a context TLS begins at once."""
        await asyncio.get_running_loop().create_connection(
            lambda: self.protocol,
            sock=self._sock,
            ssl=self._context,
            server_hostname=self.host if self._context is not None else None,
        )

    async def during(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Wait for an answer as long as there is a connection.

        Raises:
            AccountFailure: it ended, or what the server says makes no sense.
        """
        task = asyncio.ensure_future(work)
        both: set[asyncio.Future[Any]] = {task, self.protocol.ended}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and task.exception() is None:
                return task.result()
            if self.protocol.ended.done():
                raise self.protocol.ended.result()
            return task.result()
        except STRANGE:
            # Their texts may repeat the command, and with it the password.
            why = "the server's answer makes no sense"
            raise AccountFailure(AccountReason.PROTOCOL_ERROR, why) from None
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def ask(self, name: str, *args: str) -> aioimaplib.Response:
        """Send a command and return its answer, whatever it says."""
        command = aioimaplib.Command(name, self.protocol.new_tag(), *args, loop=self.protocol.loop)
        return await self.during(self.protocol.execute(command))

    async def demand(self, name: str, *args: str) -> aioimaplib.Response:
        """Send a command that has to succeed; raise `AccountFailure` with what the server says to it."""
        answer = await self.ask(name, *args)
        if answer.result != "OK":
            raise self.refused(answer)
        return answer

    def refused(self, answer: aioimaplib.Response) -> AccountFailure:
        """Return what a NO or BAD means in the current phase."""
        text = f"{answer.result} {_last_line(answer.lines)}"
        if answer.result not in {"NO", "BAD"}:
            return AccountFailure(AccountReason.PROTOCOL_ERROR, f"no answer of IMAP: {text}")
        reason = read_refusal(text, Stage.of(self.attempt.current))
        if answer.result == "BAD" and reason is AccountReason.AUTH_FAILED:
            reason = AccountReason.PROTOCOL_ERROR
        return AccountFailure(reason, text)


@asynccontextmanager
async def open_imap(attempt: Attempt, way: Way, visit: Visit) -> AsyncIterator[Imap]:
    """Hand out a client that is signed in; it says goodbye afterwards.

    Raises:
        AccountFailure: whatever the server or the way to it did wrong, in the body as well.
    """
    async with attempt.deadline():
        context = way.tls.choose(allow_unverified=visit.allow_unverified)
        is_implicit = visit.server.tls_mode is AccountTls.IMPLICIT
        sock = await attempt.connect(way, visit.server)
        imap = Imap(attempt, sock, context if is_implicit else None, visit.server.host)
        begun = time.monotonic()
        attempt.current = AccountPhase.TLS if is_implicit else AccountPhase.GREETING
        try:
            await imap.open()
            if is_implicit:
                finished = handshake_end(imap.protocol.tls) or time.monotonic()
                attempt.phases[AccountPhase.TLS] = finished - begun
                begun = finished
            await _greet(attempt, imap, begun)
            if visit.server.tls_mode is AccountTls.STARTTLS and "STARTTLS" in imap.protocol.capabilities:
                await _start_tls(attempt, imap, context)
            check_protection(visit, is_encrypted=imap.protocol.tls is not None)
            with attempt.phase(AccountPhase.AUTH):
                await _sign_in(attempt, imap, visit.login)
            attempt.current = AccountPhase.MAILBOXES  # what is refused from here on is not the sign-in
            yield imap
            await _log_out(attempt, imap)
        finally:
            await close_at_once(imap.protocol.transport)


async def sign_in_imap(attempt: Attempt, way: Way, visit: Visit) -> None:
    """Sign in, list the mailboxes, and say goodbye; raise `AccountFailure` where that does not work."""
    async with open_imap(attempt, way, visit) as imap:
        with attempt.phase(AccountPhase.MAILBOXES):
            await imap.demand("LIST", '""', "*")
        attempt.mailboxes = imap.protocol.mailboxes


async def _greet(attempt: Attempt, imap: Imap, begun: float) -> None:
    attempt.current = AccountPhase.GREETING
    line = await imap.during(_result(imap.protocol.greeting))
    word = line[2:].split(b" ", 1)[0].upper() if line.startswith(b"* ") else b""
    shown = line.decode("utf-8", "replace")
    if word == b"BYE":
        raise AccountFailure(AccountReason.GREETING_REJECTED, shown)
    if word == b"PREAUTH":
        raise AccountFailure(AccountReason.PROTOCOL_ERROR, f"signed in before anything was said: {shown}")
    if word != b"OK":
        raise AccountFailure(AccountReason.PROTOCOL_ERROR, f"no greeting of IMAP: {shown}")
    imap.protocol.state = aioimaplib.NONAUTH
    await _read_capabilities(imap)
    attempt.phases[AccountPhase.GREETING] = time.monotonic() - begun


async def _read_capabilities(imap: Imap) -> None:
    answer = await imap.demand("CAPABILITY")
    imap.protocol.capabilities = set(_words(answer.lines[:-1]))


async def _start_tls(attempt: Attempt, imap: Imap, context: ssl.SSLContext) -> None:
    with attempt.phase(AccountPhase.TLS):
        imap.protocol.expect_upgrade()
        answer = await imap.ask("STARTTLS")
        if answer.result != "OK":
            raise AccountFailure(
                AccountReason.STARTTLS_REFUSED, f"{answer.result} {_last_line(answer.lines)}"
            )
        await imap.protocol.upgrade(context, imap.host)
        await _read_capabilities(imap)


async def _sign_in(attempt: Attempt, imap: Imap, login: Login) -> None:
    capabilities = imap.protocol.capabilities
    offered = [word[5:].lower() for word in capabilities if word.startswith("AUTH=")]
    secret = login.secret.reveal()
    has_login = "LOGINDISABLED" not in capabilities
    if has_login and not login.is_token and "plain" not in offered and login.mechanism != "plain":
        if not (login.user + secret).isascii():
            why = "the server takes names and passwords in ASCII only: it offers no AUTH=PLAIN"
            raise AccountFailure(AccountReason.MECHANISM_UNSUPPORTED, why)
        attempt.mechanism = "LOGIN"
        await imap.demand("LOGIN", aioimaplib.quoted(login.user), aioimaplib.quoted(secret))
    else:
        is_encrypted = imap.protocol.tls is not None
        mechanism = choose_mechanism(offered, login, is_encrypted=is_encrypted)
        attempt.mechanism = mechanism.upper()
        imap.protocol.answer_challenges(*(text.encode() for text in _responses(mechanism, login)))
        await imap.demand("AUTHENTICATE", mechanism.upper())
        if imap.protocol.has_unsaid:
            raise AccountFailure(AccountReason.PROTOCOL_ERROR, "OK before anything was said")
    imap.protocol.state = aioimaplib.AUTH
    await _read_capabilities(imap)


def _responses(mechanism: str, login: Login) -> tuple[str, ...]:
    secret = login.secret.reveal()
    if mechanism == "plain":
        return (f"\0{login.user}\0{secret}",)
    if mechanism == "login":
        return (login.user, secret)
    return (f"user={login.user}\1auth=Bearer {secret}\1\1",)


async def _log_out(attempt: Attempt, imap: Imap) -> None:
    with suppress(AccountFailure, TimeoutError), attempt.phase(AccountPhase.QUIT):
        async with asyncio.timeout(QUIT_SECONDS):
            await imap.ask("LOGOUT")


async def _result(future: asyncio.Future[bytes]) -> bytes:
    return await asyncio.shield(future)


def _words(lines: Iterable[bytes]) -> list[str]:
    """Return the words of the untagged answers to CAPABILITY."""
    return [word.decode("ascii", "replace").upper() for line in lines for word in line.split()[:500]]


def _last_line(lines: Iterable[bytes]) -> str:
    last = [bytes(line) for line in lines][-1:]
    return b"".join(last).decode("utf-8", "replace")
