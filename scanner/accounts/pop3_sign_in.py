"""Signs in by POP3 (RFC 1939, RFC 2595, RFC 5034): USER and PASS, or AUTH. No library does all of it."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from scanner.accounts.attempt import AccountFailure, Attempt, check_protection
from scanner.accounts.line_channel import LineChannel
from scanner.accounts.mechanism import are_for_tokens, choose_mechanism
from scanner.accounts.reasons import Stage, read_refusal
from scanner.accounts.way import Login, Visit, Way
from scanner.model.account import AccountPhase, AccountReason, AccountTls

MOST_LINES = 200_000
"""Of one answer: a mailbox may hold many messages."""
_MOST_CAPABILITIES = 200
QUIT_SECONDS = 3.0
"""What a server gets to say goodbye."""


class Pop3:
    """A conversation with a POP3 server; every answer is bounded."""

    def __init__(self, channel: LineChannel) -> None:
        self.channel = channel
        self.capabilities: dict[str, str] = {}
        self.has_left = False

    async def answer(self) -> str:
        """Return the text behind the +OK of an answer.

        Raises:
            Pop3Refusal: it is -ERR.
            AccountFailure: it is neither.
        """
        line = (await self.channel.line()).decode("utf-8", "replace")
        if line.upper().startswith("+OK"):
            return line[3:].strip()
        if line.upper().startswith("-ERR"):
            raise Pop3Refusal(line[4:].strip())
        raise AccountFailure(AccountReason.PROTOCOL_ERROR, f"no answer of POP3: {line}")

    async def ask(self, command: str) -> str:
        """Send a command and return the text of its answer; raises as `answer` does."""
        if any(character in command for character in "\r\n\0"):
            raise AccountFailure(AccountReason.PROTOCOL_ERROR, "a command of POP3 is one line")
        self.channel.send(f"{command}\r\n".encode())
        return await self.answer()

    async def listing(self, command: str, most: int = MOST_LINES) -> AsyncIterator[bytes]:
        """Send a command and yield the lines of its answer, without the dots that were added to them."""
        await self.ask(command)
        for _ in range(most):
            line = await self.channel.line()
            if line == b".":
                return
            yield line.removeprefix(b".") if line.startswith(b".") else line
        raise AccountFailure(AccountReason.PROTOCOL_ERROR, f"an answer has more than {most} lines")

    async def message(self, command: str, most: int) -> bytes:
        """Return the first octets of a message or of its header; none at all where a line of it is too long.

        Such a line may come from any sender: it says nothing against the server. Raises as `answer` does.
        """
        parts, size = [], 0
        before = self.channel.cut
        self.channel.cuts_lines = True
        async for line in self.listing(command):
            size += len(line) + 2
            if size <= most:
                parts.append(line)
        self.channel.cuts_lines = False
        return b"\r\n".join(parts) + b"\r\n" if self.channel.cut == before else b""

    async def leave(self) -> None:
        """Say QUIT, with which the server deletes what it was told to; raises as `answer` does."""
        self.has_left = True
        await self.ask("QUIT")

    async def read_capabilities(self) -> None:
        """Ask what the server can do; one without CAPA (RFC 2449) knows RFC 1939 alone."""
        self.capabilities = {}
        with suppress(Pop3Refusal):
            async for line in self.listing("CAPA", _MOST_CAPABILITIES):
                name, _, rest = line.decode("ascii", "replace").partition(" ")
                self.capabilities[name.upper()] = rest


class Pop3Refusal(Exception):
    """An answer of -ERR, with its text."""


@asynccontextmanager
async def open_pop3(attempt: Attempt, way: Way, visit: Visit) -> AsyncIterator[Pop3]:
    """Hand out a conversation that is signed in; QUIT ends it, which carries out what was deleted.

    Raises:
        AccountFailure: whatever the server or the way to it did wrong, in the body as well.
    """
    async with attempt.deadline():
        context = way.tls.choose(allow_unverified=visit.allow_unverified)
        is_implicit = visit.server.tls_mode is AccountTls.IMPLICIT
        sock = await attempt.connect(way, visit.server)
        begun = time.monotonic()
        attempt.current = AccountPhase.TLS if is_implicit else AccountPhase.GREETING
        try:
            channel = await LineChannel.open(
                attempt, sock, context if is_implicit else None, visit.server.host
            )
        except BaseException:
            sock.close()
            raise
        try:
            pop3 = Pop3(channel)
            if is_implicit:
                finished = channel.handshake_end or time.monotonic()
                attempt.phases[AccountPhase.TLS] = finished - begun
                begun = finished
            await _greet(attempt, pop3, begun)
            if visit.server.tls_mode is AccountTls.STARTTLS and "STLS" in pop3.capabilities:
                await _start_tls(attempt, pop3, visit, way)
            check_protection(visit, is_encrypted=channel.is_encrypted)
            with attempt.phase(AccountPhase.AUTH):
                await _sign_in(attempt, pop3, visit.login)
            attempt.current = AccountPhase.MAILBOXES  # what is refused from here on is not the sign-in
            yield pop3
            await _quit(attempt, pop3)
        except Pop3Refusal as refusal:
            text = f"-ERR {refusal}"
            raise AccountFailure(read_refusal(text, Stage.of(attempt.current)), text) from None
        finally:
            await channel.close()


async def sign_in_pop3(attempt: Attempt, way: Way, visit: Visit) -> None:
    """Sign in, and say goodbye; raise `AccountFailure` where that does not work."""
    async with open_pop3(attempt, way, visit):
        pass


async def _greet(attempt: Attempt, pop3: Pop3, begun: float) -> None:
    attempt.current = AccountPhase.GREETING
    try:
        await pop3.answer()
    except Pop3Refusal as refusal:
        raise AccountFailure(AccountReason.GREETING_REJECTED, f"-ERR {refusal}") from None
    await pop3.read_capabilities()
    attempt.phases[AccountPhase.GREETING] = time.monotonic() - begun


async def _start_tls(attempt: Attempt, pop3: Pop3, visit: Visit, way: Way) -> None:
    with attempt.phase(AccountPhase.TLS):
        try:
            await pop3.ask("STLS")
        except Pop3Refusal as refusal:
            raise AccountFailure(AccountReason.STARTTLS_REFUSED, f"-ERR {refusal}") from None
        context = way.tls.choose(allow_unverified=visit.allow_unverified)
        await pop3.channel.start_tls(context, visit.server.host)
        await pop3.read_capabilities()


async def _sign_in(attempt: Attempt, pop3: Pop3, login: Login) -> None:
    offered = pop3.capabilities.get("SASL", "").lower().split()
    # A server without CAPA, or without SASL in it, takes USER and PASS (RFC 1939 section 7). One that lists
    # tokens alone takes no password, whatever else it lists.
    takes_user = "USER" in pop3.capabilities or not offered
    if not login.is_token and login.mechanism == "auto" and takes_user and not are_for_tokens(offered):
        attempt.mechanism = "USER"
        await pop3.ask(f"USER {login.user}")
        await pop3.ask(f"PASS {login.secret.reveal()}")
        return
    mechanism = choose_mechanism(offered, login, is_encrypted=pop3.channel.is_encrypted)
    attempt.mechanism = mechanism.upper()
    for step, text in enumerate(_steps(mechanism, login)):
        line = base64.b64encode(text.encode()).decode()
        if step == 0:
            pop3.channel.send(f"AUTH {mechanism.upper()}\r\n".encode())
        if not await _is_asked(pop3):
            raise AccountFailure(AccountReason.PROTOCOL_ERROR, "+OK before anything was said")
        pop3.channel.send(f"{line}\r\n".encode())
    if await _is_asked(pop3):
        # The reason for a refusal of a token comes as a challenge, which an empty answer ends.
        pop3.channel.send(b"\r\n")
        await pop3.answer()


async def _is_asked(pop3: Pop3) -> bool:
    """Whether the server wants more (RFC 5034 section 4); else it has said yes. Raises on no."""
    line = await pop3.channel.line()
    if line.startswith(b"+ ") or line == b"+":
        return True
    text = line.decode("utf-8", "replace")
    if text.upper().startswith("-ERR"):
        raise Pop3Refusal(text[4:].strip())
    if text.upper().startswith("+OK"):
        return False
    raise AccountFailure(AccountReason.PROTOCOL_ERROR, f"no answer of POP3: {text}")


def _steps(mechanism: str, login: Login) -> tuple[str, ...]:
    secret = login.secret.reveal()
    if mechanism == "plain":
        return (f"\0{login.user}\0{secret}",)
    if mechanism == "login":
        return (login.user, secret)
    return (f"user={login.user}\1auth=Bearer {secret}\1\1",)


async def _quit(attempt: Attempt, pop3: Pop3) -> None:
    """Say goodbye, unless that is done; the result is known by then, so a server may take it badly."""
    if pop3.has_left:
        return
    with suppress(Pop3Refusal, AccountFailure, TimeoutError), attempt.phase(AccountPhase.QUIT):
        async with asyncio.timeout(QUIT_SECONDS):
            await pop3.leave()
