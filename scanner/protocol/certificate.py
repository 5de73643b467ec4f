"""Reads a presented certificate: who it names, when it holds, how strong it is (RFC 5280, RFC 6125)."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache

import service_identity
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address

from scanner.model import Certificate
from scanner.protocol.display import display

MIN_RSA_BITS = 2048
MIN_EC_BITS = 224
MAX_NAMES = 100

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


def describe(
    certificate: x509.Certificate, host: str, errors: Collection[VerifyError], chain_length: int
) -> Certificate:
    """Return the facts of a leaf certificate presented by `host`, with every problem found."""
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


@lru_cache(maxsize=4096)
def _read(certificate: x509.Certificate) -> Certificate:
    """Read what does not depend on who asked; the next probe mostly sees the same certificate."""
    key, is_weak_key = _describe_key(certificate)
    problems = []
    if is_weak_key:
        problems.append("weak_key")
    if _is_weakly_signed(certificate):
        problems.append("weak_signature")
    return Certificate(
        subject=_shown_name(certificate.subject),
        issuer=_shown_name(certificate.issuer),
        names=_names(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint_sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        key=key,
        chain_length=0,
        trusted=False,
        name_matches=False,
        problems=tuple(problems),
    )


@lru_cache(maxsize=4096)
def _names_host(certificate: x509.Certificate, host: str) -> bool:
    """Whether the certificate names the host (RFC 9525; a common name alone does not count)."""
    try:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            verify_certificate_hostname(certificate, host)
        else:
            verify_certificate_ip_address(certificate, host)
    except (service_identity.VerificationError, service_identity.CertificateError, ValueError):
        return False
    return True


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    names = [*extension.value.get_values_for_type(x509.DNSName)]
    names += map(str, extension.value.get_values_for_type(x509.IPAddress))
    return tuple(display(name.encode()) for name in names[:MAX_NAMES])


def _shown_name(name: x509.Name) -> str:
    return display(name.rfc4514_string().encode())


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
