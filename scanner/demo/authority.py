"""The demo's certificate authority: good, stale, foreign and weak certificates, made fresh for each farm."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

OTHER_NAME = "elsewhere.example"


class CertificateKind(StrEnum):
    """What a server shows: a good certificate, or one with a single fault."""

    GOOD = "good"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    SELF_SIGNED = "self_signed"
    OTHER_NAME = "other_name"
    UNKNOWN_CA = "unknown_ca"
    INCOMPLETE_CHAIN = "incomplete_chain"
    WEAK_KEY = "weak_key"


# Days from now to the first and the last moment of validity.
_GOOD_DAYS = (-30, 60)
_DAYS = {
    CertificateKind.EXPIRING: (-85, 5),
    CertificateKind.EXPIRED: (-93, -3),
    CertificateKind.NOT_YET_VALID: (3, 93),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A server's private key and the chain it presents, the leaf first."""

    key: PrivateKey
    chain: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class _Issuer:
    name: str
    key: PrivateKey
    certificate: x509.Certificate


class Authority:
    """A demo root with one intermediate, and beside it an unknown root that nobody trusts."""

    def __init__(self, now: datetime) -> None:
        """Make the CAs; validity is counted from `now` (aware)."""
        self._now = now
        self._root = self._make_ca("mailport demo root", None)
        self._intermediate = self._make_ca("mailport demo CA", self._root)
        self._unknown = self._make_ca("some unknown CA", None)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._weak_key: rsa.RSAPrivateKey | None = None

    def write_ca(self, path: Path) -> Path:
        """Write the trusted root as PEM, for `--ca-file`, and return the path."""
        path.write_bytes(self._root.certificate.public_bytes(Encoding.PEM))
        return path

    def issue(self, kind: CertificateKind, *names: str) -> Identity:
        """Make the key and chain that a server of these host names presents."""
        key = self._key_for(kind)
        days = _DAYS.get(kind, _GOOD_DAYS)
        if kind is CertificateKind.OTHER_NAME:
            names = (OTHER_NAME,)
        if kind is CertificateKind.SELF_SIGNED:
            return Identity(key, (self._sign_leaf(names, key, days, None),))
        if kind is CertificateKind.UNKNOWN_CA:
            leaf = self._sign_leaf(names, key, days, self._unknown)
            return Identity(key, (leaf, self._unknown.certificate))
        leaf = self._sign_leaf(names, key, days, self._intermediate)
        if kind is CertificateKind.INCOMPLETE_CHAIN:
            return Identity(key, (leaf,))
        return Identity(key, (leaf, self._intermediate.certificate))

    def _key_for(self, kind: CertificateKind) -> PrivateKey:
        if kind is not CertificateKind.WEAK_KEY:
            return self._key
        if self._weak_key is None:
            # To be weak is what it is for.
            self._weak_key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
        return self._weak_key

    def _make_ca(self, name: str, issuer: _Issuer | None) -> _Issuer:
        key = ec.generate_private_key(ec.SECP256R1())
        signer = key if issuer is None else issuer.key
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            self._start(name, issuer.name if issuer else name, key, (-365, 365), signer)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
        )
        return _Issuer(name, key, builder.sign(signer, hashes.SHA256()))

    def _sign_leaf(
        self, names: tuple[str, ...], key: PrivateKey, days: tuple[int, int], issuer: _Issuer | None
    ) -> x509.Certificate:
        signer = key if issuer is None else issuer.key
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = (
            self._start(names[0], issuer.name if issuer else names[0], key, days, signer)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(alternative, critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        )
        return builder.sign(signer, hashes.SHA256())

    def _start(
        self, subject: str, issuer: str, key: PrivateKey, days: tuple[int, int], signer: PrivateKey
    ) -> x509.CertificateBuilder:
        public = signer.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now + timedelta(days=days[0]))
            .not_valid_after(self._now + timedelta(days=days[1]))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
