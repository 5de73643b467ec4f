"""The names in a certificate: shown, and matched with the one that is expected (RFC 9525, RFC 5280)."""

import ipaddress
from functools import lru_cache
from typing import Literal

from cryptography import x509
from service_identity import CertificateError
from service_identity.hazmat import DNS_ID, DNSPattern

from scanner.protocol.display import display
from scanner.protocol.evidence import Expected
from scanner.protocol.extensions import readable_extension
from scanner.protocol.unreadable import UNREADABLE_DER

MAX_NAMES = 100
MAX_DOMAINS = 100
"""Mail domains that are looked for; a certificate that names so many is nobody's."""
REMEMBERED = 512
UNREADABLE = "(unreadable name)"


def matched_name(certificate: x509.Certificate, expected: Expected) -> Literal["host", "domain"] | None:
    """Tell which of the expected names a certificate holds: the host, or else every one of the domains.

    One domain of several is not enough: the clients of the others would still refuse it.
    """
    if names_host(certificate, expected.host):
        return "host"
    domains = expected.domains
    if not domains or len(domains) > MAX_DOMAINS:
        return None
    return "domain" if all(names_host(certificate, domain) for domain in domains) else None


@lru_cache(maxsize=REMEMBERED)
def names_host(certificate: x509.Certificate, host: str) -> bool:
    """Whether the certificate names the host (RFC 9525; a common name alone does not count).

    An address is looked for among the addresses, a name among the DNS names, where `*` may stand for the
    left-most label alone.
    """
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
    names = readable_extension(certificate, x509.SubjectAlternativeName)
    return x509.SubjectAlternativeName(()) if names is None else names


def shown_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the first hundred DNS names and addresses, safe to show."""
    alternative = _alternative_names(certificate)
    names = [*alternative.get_values_for_type(x509.DNSName)]
    names += map(str, alternative.get_values_for_type(x509.IPAddress))
    return tuple(display(name.encode()) for name in names[:MAX_NAMES])


def shown_name(certificate: x509.Certificate, part: Literal["subject", "issuer"]) -> str:
    """Return the subject or the issuer (RFC 4514), safe to show."""
    try:
        name = certificate.subject if part == "subject" else certificate.issuer
        return display(name.rfc4514_string().encode())
    except UNREADABLE_DER:  # Latin-1 in a TeletexString, a BIT STRING as a common name
        return UNREADABLE
