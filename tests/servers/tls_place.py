"""A port with TLS of which a test knows beforehand what it serves."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from scanner.model import Protocol, TlsMode

VERSIONS = ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""What OpenSSL 3 can be made to serve, the oldest first."""
ALL_VERSIONS = ("SSLv2", "SSLv3", *VERSIONS)

RELAXED_CIPHERS = "DEFAULT:@SECLEVEL=0"
"""TLS 1.0 and 1.1 sign with SHA-1, which OpenSSL 3 allows on security level 0 alone."""


@dataclass(frozen=True, slots=True)
class TlsPlace:
    """One port of a running server."""

    name: str
    """What serves here and what it is made to serve, for the names of tests."""
    host: str
    """The name in its certificate."""
    address: str
    port: int
    protocol: Protocol
    tls_mode: TlsMode
    versions: frozenset[str]
    """The versions that its configuration allows."""
    speaks_mail: bool = True
    """False where nothing is said inside TLS: no greeting, no answer."""


def every_subset() -> list[frozenset[str]]:
    """Return all 15 choices of versions, those with a hole in the middle as well."""
    counts = range(1, len(VERSIONS) + 1)
    return [frozenset(chosen) for count in counts for chosen in combinations(VERSIONS, count)]


def label_of(versions: Iterable[str]) -> str:
    """Return a short name of some versions: `1.0+1.2`."""
    return "+".join(sorted(version.removeprefix("TLSv") for version in versions))


def forbidden_by(versions: Iterable[str]) -> list[str]:
    """Return the other versions that OpenSSL could serve, as it calls them: `TLSv1`, `TLSv1.1`."""
    return [openssl_name(version) for version in VERSIONS if version not in set(versions)]


def openssl_name(version: str) -> str:
    """Return OpenSSL's own name of a version; it says TLSv1 for TLS 1.0."""
    return "TLSv1" if version == "TLSv1.0" else version


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """A certificate as the files that servers want."""

    host: str
    chain_file: Path
    """The leaf, then all that is sent after it."""
    key_file: Path
    bundle_file: Path
    """The key, then the chain, in one file."""
    rest_file: Path | None = None
    """The chain without the leaf; None where the leaf is sent alone."""
    status_file: Path | None = None
    """An OCSP response to staple (DER)."""
