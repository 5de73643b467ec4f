"""Certificates made in memory: a root that the tests trust, its intermediate, and every way to be wrong."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

HOST = "mx.example.org"
GOOD_DAYS = (-30, 60)

PrivateKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | dsa.DSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key and the chain that is presented with it, the leaf first."""

    key: PrivateKey
    chain: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CA that signs."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


class Authority:
    """A root, an intermediate below it, and beside them a CA that nobody knows."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = self.make_ca("test root", None)
        self.intermediate = self.make_ca("test intermediate", self.root)
        self.stale = self.make_ca("stale intermediate", self.root, (-60, -1))
        self.unknown = self.make_ca("unknown CA", None)

    def write_ca(self, path: Path) -> Path:
        """Write the trusted root as PEM."""
        path.write_bytes(self.root.certificate.public_bytes(Encoding.PEM))
        return path

    def make_ca(self, name: str, issuer: Issuer | None, days: tuple[int, int] = (-365, 365)) -> Issuer:
        """Make a CA, signed by another or by itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = name_of(name)
        builder = self.start(subject, issuer.name if issuer else subject, key, days)
        certificate = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        ).sign(issuer.key if issuer else key, hashes.SHA256())
        return Issuer(subject, key, certificate)

    def issue(
        self,
        *names: str,
        addresses: Sequence[str] = (),
        days: tuple[int, int] = GOOD_DAYS,
        issuer: Issuer | None = None,
        key: PrivateKey | None = None,
        sends_issuer: bool = True,
    ) -> Identity:
        """Sign a leaf for names and addresses; by default with the intermediate, which is sent along."""
        signer = issuer or self.intermediate
        leaf = self.leaf(names, addresses, days, signer, key or self.key)
        return Identity(key or self.key, (leaf, signer.certificate) if sends_issuer else (leaf,))

    def issue_self_signed(
        self, *names: str, addresses: Sequence[str] = (), days: tuple[int, int] = GOOD_DAYS
    ) -> Identity:
        """Make a leaf that signed itself."""
        return Identity(self.key, (self.leaf(names, addresses, days, None, self.key),))

    def leaf(
        self,
        names: Sequence[str],
        addresses: Sequence[str],
        days: tuple[int, int],
        issuer: Issuer | None,
        key: PrivateKey,
    ) -> x509.Certificate:
        """Make a leaf certificate; without an issuer it signs itself."""
        subject = name_of(names[0] if names else "no name")
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        builder = self.start(subject, issuer.name if issuer else subject, key, days)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return builder.sign(issuer.key if issuer else key, digest_for(issuer.key if issuer else key))

    def start(
        self, subject: x509.Name, issuer: x509.Name, key: PrivateKey, days: tuple[int, int]
    ) -> x509.CertificateBuilder:
        """Begin a certificate; days are counted from now."""
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + timedelta(days=days[0]))
            .not_valid_after(self.now + timedelta(days=days[1]))
        )


def name_of(common_name: str) -> x509.Name:
    """Make a name of a common name alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def digest_for(key: PrivateKey) -> hashes.SHA256 | None:
    """The digest to sign with: Edwards curves bring their own."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """Make an RSA key once."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)
