"""A test certificate authority and the certificates that it signs."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_NAME = "mailport test CA"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A server's certificate as the files that servers want."""

    names: tuple[str, ...]
    certificate_file: Path
    """The leaf, then the authority: the chain a server presents."""
    key_file: Path
    bundle_file: Path
    """The key, then the chain, in one file (Postfix: smtpd_tls_chain_files)."""
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that lives in a folder."""

    folder: Path
    ca_file: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(
        self, *names: str, addresses: Sequence[str] = (), days: int = 90, ca_in_chain: bool = True
    ) -> Leaf:
        """Sign a certificate for names and addresses; a negative number of days makes it expired."""
        now = datetime.now(UTC).replace(microsecond=0)
        not_after = now + timedelta(days=days)
        not_before = min(now, not_after) - timedelta(days=1)
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        leaf = (
            _builder(names[0], CA_NAME, key.public_key(), not_before, not_after)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        chain = _pem(leaf) + (_pem(self.certificate) if ca_in_chain else b"")
        return self._write(names, chain, key, not_after)

    def _write(
        self, names: tuple[str, ...], chain: bytes, key: ec.EllipticCurvePrivateKey, not_after: datetime
    ) -> Leaf:
        stem = f"{len(list(self.folder.glob('*.key'))):02d}-{names[0].replace('*', 'any')}"
        key_pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        leaf = Leaf(
            names,
            self.folder / f"{stem}.crt",
            self.folder / f"{stem}.key",
            self.folder / f"{stem}.pem",
            not_after,
        )
        leaf.certificate_file.write_bytes(chain)
        leaf.key_file.write_bytes(key_pem)
        leaf.bundle_file.write_bytes(key_pem + chain)
        return leaf


def create_authority(folder: Path) -> Authority:
    """Make a new authority; its certificate lies in `ca.crt` of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC).replace(microsecond=0)
    certificate = (
        _builder(CA_NAME, CA_NAME, key.public_key(), now - timedelta(days=400), now + timedelta(days=400))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    ca_file = folder / "ca.crt"
    ca_file.write_bytes(_pem(certificate))
    return Authority(folder, ca_file, certificate, key)


def _builder(
    subject: str,
    issuer: str,
    public_key: ec.EllipticCurvePublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def authority(server_folder: Path) -> Authority:
    """The session's certificate authority."""
    return create_authority(server_folder / "certificates")
