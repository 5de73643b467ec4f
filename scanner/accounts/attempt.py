"""One attempt at a server: its clock, its phases, the one deadline over all, and how it failed."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

from scanner.accounts.way import Visit, Way
from scanner.config.account_values import AccountServer
from scanner.model.account import AccountPhase, AccountReason
from scanner.model.reason import Reason
from scanner.model.target import is_address, refuse_address
from scanner.network import Connected, ConnectFailure, ResolveFailure, open_connection

_OUT_OF_TIME = {
    AccountPhase.DNS: AccountReason.DNS_FAILURE,
    AccountPhase.CONNECT: AccountReason.CONNECT_TIMEOUT,
    AccountPhase.GREETING: AccountReason.NO_GREETING,
    AccountPhase.TLS: AccountReason.TLS_TIMEOUT,
}
_CONNECT_REASONS = {
    # Its packets never left, or it had none to send: no word of the server's.
    Reason.EGRESS_BLOCKED: AccountReason.ADMIN_PROHIBITED,
    Reason.SKIPPED: AccountReason.NETWORK_UNREACHABLE,
    Reason.RESET_BEFORE_GREETING: AccountReason.SERVER_CLOSED,
}
# X509_V_ERR_... of openssl/x509_vfy.h.
_NOT_IN_ITS_TIME = frozenset({9, 10})
_ANOTHER_NAME = frozenset({62, 64})


class AccountFailure(Exception):
    """What the server or the way to it did wrong, or what is missing: a result, and no fault of ours.

    Args:
        detail: as the server said it; whoever shows it takes the secrets out.
        is_ours: the detail is our own words, no server's. A mask over a word of ours would tell the secret.
    """

    def __init__(self, reason: AccountReason, detail: str, *, is_ours: bool = False) -> None:
        super().__init__(reason, detail)
        self.is_ours = is_ours
        self.reason = reason
        self.detail = detail


class Attempt:
    """Times the phases of one visit, and knows which one is under way.

    Args:
        seconds: how long all of it may take.
    """

    def __init__(self, seconds: float) -> None:
        self.begun = time.monotonic()
        self.seconds = seconds
        self.aside = 0.0
        """Seconds that went into something else, which has a limit of its own."""
        self.phases: dict[AccountPhase, float] = {}
        self.current = AccountPhase.DNS
        self.address: str | None = None
        self.mechanism: str | None = None
        self.mailboxes: int | None = None

    @property
    def elapsed(self) -> float:
        """How long it has taken so far (seconds)."""
        return time.monotonic() - self.begun

    @property
    def remaining(self) -> float:
        """How long it may take still (seconds); never 0."""
        return max(0.01, self.seconds + self.aside - self.elapsed)

    @contextmanager
    def phase(self, phase: AccountPhase) -> Iterator[None]:
        """Time a phase. One that breaks off has no time, and stays the current one."""
        self.current = phase
        begun = time.monotonic()
        yield
        self.phases[phase] = self.phases.get(phase, 0.0) + time.monotonic() - begun

    @asynccontextmanager
    async def deadline(self) -> AsyncIterator[None]:
        """Turn everything that a remote side may do into `AccountFailure`; faults of our own pass."""
        try:
            async with asyncio.timeout(self.remaining):
                yield
        except TimeoutError:
            raise self.out_of_time() from None
        except ssl.SSLCertVerificationError as error:
            raise _certificate_failure(error) from None
        except ssl.SSLError as error:
            detail = (error.reason or str(error)).replace("_", " ").lower()
            raise AccountFailure(AccountReason.TLS_HANDSHAKE_FAILED, detail) from None
        except OSError as error:
            raise self.cut_off(error) from None

    def out_of_time(self) -> AccountFailure:
        """Return what it means that the time is over in the current phase."""
        reason = _OUT_OF_TIME.get(self.current, AccountReason.READ_TIMEOUT)
        return AccountFailure(reason, f"no answer in the step {self.current} within {self.seconds:g} s")

    def cut_off(self, error: BaseException | None = None) -> AccountFailure:
        """Return what it means that the connection ended in the current phase."""
        how = "was reset" if isinstance(error, ConnectionResetError) and error.errno else "was closed"
        if self.current is AccountPhase.TLS:
            return AccountFailure(
                AccountReason.TLS_HANDSHAKE_FAILED, f"the connection {how} in the handshake"
            )
        return AccountFailure(AccountReason.SERVER_CLOSED, f"the connection {how} in the step {self.current}")

    async def connect(self, way: Way, server: AccountServer) -> Connected:
        """Return a socket that is connected to one of the server's addresses, tried one after the other.

        Raises:
            AccountFailure: no such name, no address that may be connected to, or none that answers.
        """
        with self.phase(AccountPhase.DNS):
            addresses = await _resolve(way, server.host)
        failure: ConnectFailure | None = None
        for address in addresses:
            timeout = min(way.connect_timeout, self.remaining)
            try:
                with self.phase(AccountPhase.CONNECT):
                    sock = await open_connection(
                        address,
                        server.port,
                        host=server.host,
                        exclusion=way.exclusion,
                        timeout=timeout,
                        source_address=way.source_address,
                    )
            except ConnectFailure as error:
                failure = failure or error
                continue
            self.address = address
            return sock
        if failure is None:
            raise AccountFailure(AccountReason.NO_ADDRESS, f"{server.host} has no address")
        self.address = addresses[0]
        reason = _CONNECT_REASONS.get(failure.reason) or AccountReason(failure.reason.value)
        raise AccountFailure(reason, failure.detail)


async def _resolve(way: Way, host: str) -> tuple[str, ...]:
    try:
        found = (host,) if is_address(host) else await way.resolve(host)
    except ResolveFailure as failure:
        raise AccountFailure(AccountReason(failure.reason.value), failure.detail) from None
    if way.allow_private:
        return found
    refused = {address: refuse_address(address) for address in found}
    allowed = tuple(address for address, why in refused.items() if why is None)
    if not allowed and found:
        why = f"{found[0]} is {refused[found[0]]}; set probe.allow_private if that is meant"
        raise AccountFailure(AccountReason.ADDRESS_NOT_ALLOWED, why)
    return allowed


async def close_at_once(transport: asyncio.BaseTransport | None) -> None:
    """Close a connection without a last word, and give the loop the turns in which it lets the socket go."""
    if transport is not None:
        cast("asyncio.Transport", transport).abort()  # uvloop's does not derive from asyncio's
    for _ in range(3):
        await asyncio.sleep(0)


def handshake_end(tls: object) -> float | None:
    """Return when a handshake was done, by the monotonic clock; None where it is not known."""
    finished = getattr(tls, "finished_at", None)
    return finished if isinstance(finished, float) else None


def check_protection(visit: Visit, *, is_encrypted: bool) -> None:
    """Refuse to sign in over a connection that the account does not allow: the last look before a password.

    Raises:
        AccountFailure: it is not encrypted, and the account does not say that this is meant.
    """
    if not is_encrypted and not visit.allow_unencrypted:
        raise AccountFailure(
            AccountReason.STARTTLS_MISSING,
            "the server does not offer TLS here; nothing secret was sent",
            is_ours=True,
        )


def _certificate_failure(error: ssl.SSLCertVerificationError) -> AccountFailure:
    reason = AccountReason.CERTIFICATE_UNTRUSTED
    if error.verify_code in _NOT_IN_ITS_TIME:
        reason = AccountReason.CERTIFICATE_EXPIRED
    elif error.verify_code in _ANOTHER_NAME:
        reason = AccountReason.CERTIFICATE_NAME_MISMATCH
    return AccountFailure(reason, f"{error.verify_message}; nothing secret was sent", is_ours=True)
