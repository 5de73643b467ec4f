"""What a handshake leaves of a server's certificates before anybody judges it: bytes and verify errors."""

from dataclasses import dataclass

MOST_INTERMEDIATES = 9
"""How far a chain is followed, as by Postfix; real ones have one or two.

Each step is a signature to check, which odd keys make 5 ms long, and a chain of 100 KB may have eighty.
"""


@dataclass(frozen=True, slots=True)
class VerifyError:
    """One verification error as OpenSSL reported it: its number, and the depth (0 = leaf)."""

    number: int
    depth: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """The certificates of one handshake, each in DER form, the leaf first."""

    presented: tuple[bytes, ...]
    """As the server sent them."""
    path: tuple[bytes, ...] = ()
    """The way from the leaf to its CA, as far as OpenSSL found it among those sent and those trusted."""
    errors: tuple[VerifyError, ...] = ()
    staple: bytes = b""
    """The OCSP response that was sent along; empty where there was none."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Which names a certificate may hold: the host's, or in its place those of the mail domains.

    RFC 6186 section 6 and RFC 7817 allow the domain where an SRV record led to the host.
    """

    host: str
    domains: tuple[str, ...] = ()
