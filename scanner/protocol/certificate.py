"""Reads a presented certificate: who it names, when it holds, how strong it is (RFC 5280, RFC 6125)."""

import ipaddress
import warnings
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from service_identity import CertificateError
from service_identity.hazmat import DNS_ID, DNSPattern

from scanner.model import Certificate
from scanner.protocol.display import display

CACHED = 512
"""Certificates remembered; one may be 100 KB large, so hostile ones fill at most 50 MB."""
MIN_RSA_BITS = 2048
MIN_EC_BITS = 224
MAX_NAMES = 100
UNREADABLE = "(unreadable name)"

# X509_V_ERR_* of OpenSSL's x509_vfy.h, as far as each has a name of its own in the record.
_PROBLEM_OF_ERROR = {9: "not_yet_valid", 10: "expired", 18: "self_signed"}
_ORDER = (
    "expired",
    "not_yet_valid",
    "self_signed",
    "untrusted",
    "name_mismatch",
    "weak_key",
    "weak_signature",
)


@dataclass(frozen=True, slots=True)
class VerifyError:
    """One verification error as OpenSSL reported it: its number, and the depth (0 = leaf)."""

    number: int
    depth: int


def describe_presented(
    chain: tuple[bytes, ...], host: str, errors: Collection[VerifyError]
) -> Certificate | None:
    """Return the facts of the leaf of a presented chain (DER), or None where it cannot be read."""
    if not chain:
        return None
    with warnings.catch_warnings():
        # cryptography warns of oddities, such as the serial number 0: a finding, not a warning of ours.
        warnings.simplefilter("ignore")
        try:
            certificate = x509.load_der_x509_certificate(chain[0])
        except (ValueError, x509.InvalidVersion):
            return None  # a certificate that OpenSSL accepts and a strict parser does not
        return describe(certificate, host, errors, len(chain))


def describe(
    certificate: x509.Certificate, host: str, errors: Collection[VerifyError], chain_length: int
) -> Certificate:
    """Return the facts of a leaf certificate presented by `host`, with every problem found.

    A part that cannot be read is left empty, or called unreadable: it never hides the others.
    """
    facts = _read(certificate)
    problems = {_PROBLEM_OF_ERROR.get(error.number, "untrusted") for error in errors}
    name_matches = _names_host(certificate, host)
    if not name_matches:
        problems.add("name_mismatch")
    problems.update(facts.problems)
    return replace(
        facts,
        chain_length=chain_length,
        # Trust is the chain alone: dates and names are problems of their own.
        trusted=not problems & {"self_signed", "untrusted"},
        name_matches=name_matches,
        problems=tuple(problem for problem in _ORDER if problem in problems),
    )


@lru_cache(maxsize=CACHED)
def _read(certificate: x509.Certificate) -> Certificate:
    """Read what does not depend on who asked; the next probe mostly sees the same certificate."""
    key, is_weak_key = _describe_key(certificate)
    problems = []
    if is_weak_key:
        problems.append("weak_key")
    if _is_weakly_signed(certificate):
        problems.append("weak_signature")
    return Certificate(
        subject=_shown_name(certificate, "subject"),
        issuer=_shown_name(certificate, "issuer"),
        names=_shown_names(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint_sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        key=key,
        chain_length=0,
        trusted=False,
        name_matches=False,
        problems=tuple(problems),
    )


@lru_cache(maxsize=CACHED)
def _names_host(certificate: x509.Certificate, host: str) -> bool:
    """Whether the certificate names the host (RFC 9525; a common name alone does not count)."""
    names = _alternative_names(certificate)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        reference = _reference(host)
        return any(_name_matches(name, reference) for name in names.get_values_for_type(x509.DNSName))
    return address in names.get_values_for_type(x509.IPAddress)


def _reference(host: str) -> DNS_ID | None:
    try:
        return DNS_ID(host)
    except ValueError:
        return None  # no name that a certificate could hold


def _name_matches(name: str, reference: DNS_ID | None) -> bool:
    """Match one name; one that is no host name (`DNS:192.0.2.1`, `*`) must not spoil those beside it."""
    try:
        return reference is not None and reference.verify(DNSPattern.from_bytes(name.encode()))
    except CertificateError:
        return False


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    """Return the names, or none where there are none or they cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,  # an X.400 or EDI address among them
        ValueError,
    ):
        return x509.SubjectAlternativeName(())


def _shown_names(certificate: x509.Certificate) -> tuple[str, ...]:
    alternative = _alternative_names(certificate)
    names = [*alternative.get_values_for_type(x509.DNSName)]
    names += map(str, alternative.get_values_for_type(x509.IPAddress))
    return tuple(display(name.encode()) for name in names[:MAX_NAMES])


def _shown_name(certificate: x509.Certificate, part: Literal["subject", "issuer"]) -> str:
    try:
        name = certificate.subject if part == "subject" else certificate.issuer
        return display(name.rfc4514_string().encode())
    except (ValueError, TypeError):  # Latin-1 in a TeletexString, a BIT STRING as a common name
        return UNREADABLE


def _describe_key(certificate: x509.Certificate) -> tuple[str, bool]:
    """Return the kind and size of the key, and whether it is weak."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown", False
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}", key.key_size < MIN_RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}", key.key_size < MIN_EC_BITS
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA {key.key_size}", True
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return type(key).__name__.removesuffix("PublicKey"), False
    return "unknown", False


def _is_weakly_signed(certificate: x509.Certificate) -> bool:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False
    return isinstance(algorithm, hashes.SHA1 | hashes.MD5)
