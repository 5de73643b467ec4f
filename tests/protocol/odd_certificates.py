"""Makes certificates that no CA should make, by odd extensions or by overwriting bytes of the encoding."""

import ipaddress
import warnings
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from scanner.model import Certificate
from scanner.protocol.certificate import describe
from tests.protocol.identities import HOST, Authority, PrivateKey, digest_for, name_of


def look_at(certificate: x509.Certificate, host: str = HOST) -> Certificate:
    return describe(certificate, host, [], 1)


def make(
    ca: Authority,
    *extensions: x509.ExtensionType,
    subject: x509.Name | None = None,
    key: PrivateKey | None = None,
) -> x509.Certificate:
    """Make a self-signed certificate with these extensions."""
    key = key or ca.key
    subject = name_of(HOST) if subject is None else subject
    builder = ca.start(subject, subject, key, (-1, 1))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, digest_for(key))


def patch(certificate: x509.Certificate, old: bytes, new: bytes) -> x509.Certificate:
    """Overwrite bytes of the encoding; its signature no longer fits, which nobody here asks."""
    encoded = certificate.public_bytes(Encoding.DER)
    assert old in encoded
    assert len(old) == len(new)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the tunnel does: see test_odd_presented.py
        return x509.load_der_x509_certificate(encoded.replace(old, new))


@cache
def unchanging() -> x509.Certificate:
    """Make the same certificate in every run, with serial number 5 and names of many kinds."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    alternatives = [
        x509.DNSName(HOST),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.RFC822Name("post@example.org"),
        x509.UniformResourceIdentifier("https://example.org/"),
        x509.DirectoryName(name_of("directory")),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7"), b"\x16\x0b_smtp.a.org"),
    ]
    attributes = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "organisation"),
        x509.NameAttribute(NameOID.COMMON_NAME, HOST),
    ]
    name = x509.Name(attributes)
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2051, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), 5, start, end)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, None)
    )


def names(*values: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(value) for value in values])


def raw_names(encoded: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, encoded)
