"""The way to a server of an account: names, addresses, TLS, and what is sent over none of them."""

import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scanner.config.account_secrets import Secret
from scanner.config.account_values import AccountServer
from scanner.model.exclusion import NOTHING_EXCLUDED, Exclusion

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]
"""Returns the addresses of a name, or raises `ResolveFailure`."""


class _TimedTls(ssl.SSLObject):
    """Remembers when its handshake was done, which asyncio does not tell."""

    finished_at: float | None = None
    """By the monotonic clock (seconds)."""

    def do_handshake(self) -> None:
        super().do_handshake()
        self.finished_at = time.monotonic()


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """The two ways to do TLS; the second only for accounts whose settings ask for it."""

    verified: ssl.SSLContext
    unverified: ssl.SSLContext

    def choose(self, *, allow_unverified: bool) -> ssl.SSLContext:
        """Return the context for an account."""
        return self.unverified if allow_unverified else self.verified


def make_contexts(ca_file: Path | None) -> TlsContexts:
    """Make the contexts: TLS 1.2 and up, the system's certificates, or those of a file in their place.

    Reading the system's takes some milliseconds, so they are made once.
    """
    verified = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    for context in (verified, unverified):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslobject_class = _TimedTls
    return TlsContexts(verified, unverified)


@dataclass(frozen=True, slots=True)
class Way:
    """How servers are reached; the same for all accounts."""

    resolve: Resolve
    tls: TlsContexts
    ehlo_name: str
    allow_private: bool = False
    """Whether addresses of private networks and of this machine may be connected to."""
    exclusion: Exclusion = NOTHING_EXCLUDED
    """Who is not connected to at all."""
    connect_timeout: float = 10.0
    source_address: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in, with what. Its text shows no secret."""

    user: str
    secret: Secret
    is_token: bool = False
    """Whether the secret is an OAuth 2 access token."""
    mechanism: str = "auto"


@dataclass(frozen=True, slots=True)
class Visit:
    """One server to sign in at, and what the account allows there."""

    server: AccountServer
    login: Login
    timeout: float = 60.0
    """Seconds for all of it."""
    allow_unencrypted: bool = False
    allow_unverified: bool = False
