"""Reads the certificates of a chain one by one: names, dates, strength, and what two extensions tell."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scanner.model.observation import ChainMember
from scanner.protocol.dates import last_moment
from scanner.protocol.der import numbers_in_extension
from scanner.protocol.extensions import UnreadableExtensionError, find_extension, readable_extension
from scanner.protocol.names import UNREADABLE, shown_name
from scanner.protocol.strength import UNKNOWN, describe_key, describe_signature
from scanner.protocol.unreadable import UNREADABLE_DER

MAX_MEMBERS = 10
"""Certificates of a chain that are looked at; real ones have four."""
LONGEST_LABEL = 120
_STATUS_REQUEST = 5
"""The extension by which a client asks for a staple (RFC 6066 section 8)."""
REMEMBERED = 512
LARGEST_REMEMBERED = 8192
"""Bytes of an encoding; so hostile chains fill at most 4 MB."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One certificate of a chain as it was read; `certificate` is None where only OpenSSL can read it."""

    member: ChainMember
    certificate: x509.Certificate | None = None
    is_weak_key: bool = False
    is_weakly_signed: bool = False

    @property
    def label(self) -> str:
        """Its subject in quotation marks, cut short."""
        return f'"{self.member.subject[:LONGEST_LABEL]}"'


def read_chain(encoded: Sequence[bytes]) -> tuple[Seen, ...]:
    """Read the first certificates of a chain (DER); nothing in them raises."""
    return tuple(
        _read_once(each) if len(each) <= LARGEST_REMEMBERED else _read(each) for each in encoded[:MAX_MEMBERS]
    )


def _read(encoded: bytes) -> Seen:
    fingerprint = hashlib.sha256(encoded).hexdigest()
    try:
        return look_at(x509.load_der_x509_certificate(encoded), fingerprint)
    except UNREADABLE_DER:
        return Seen(ChainMember(UNREADABLE, UNREADABLE, None, UNKNOWN, UNKNOWN, fingerprint))


def look_at(certificate: x509.Certificate, fingerprint: str) -> Seen:
    """Describe one certificate, whose SHA-256 digest is known (hexadecimal)."""
    key, is_weak_key = describe_key(certificate)
    signature, is_weakly_signed = describe_signature(certificate)
    member = ChainMember(
        subject=shown_name(certificate, "subject"),
        issuer=shown_name(certificate, "issuer"),
        not_after=last_moment(certificate),
        key=key,
        signature=signature,
        fingerprint_sha256=fingerprint,
    )
    return Seen(member, certificate, is_weak_key, is_weakly_signed)


# Many servers share one intermediate.
_read_once = lru_cache(maxsize=REMEMBERED)(_read)


def is_logged(certificate: x509.Certificate) -> bool:
    """Whether it brings proofs that it is logged, as the certificates of public CAs are (RFC 6962)."""
    return readable_extension(certificate, x509.PrecertificateSignedCertificateTimestamps) is not None


def demands_staple(certificate: x509.Certificate) -> bool:
    """Whether it demands that its server staples an OCSP response (RFC 7633).

    A feature of an unknown number beside it, which `cryptography` cannot read, takes nothing from the demand.
    """
    try:
        features = find_extension(certificate, x509.TLSFeature)
    except UnreadableExtensionError:
        encoded = certificate.public_bytes(Encoding.DER)
        return _STATUS_REQUEST in numbers_in_extension(encoded, x509.TLSFeature.oid.dotted_string)
    return features is not None and x509.TLSFeatureType.status_request in features
